"""Crowds for the tests beside the peers, in the forms that they ask for."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from aggregate import Annotations, simulate_annotations


class Crowd(NamedTuple):
    votes: Annotations
    truth: np.ndarray

    def frame(self):
        """Return crowd-kit's data frame of codes, in an order of its own."""
        import pandas as pd

        votes = self.votes
        table = {"task": votes.item, "worker": votes.annotator, "label": votes.label}
        return pd.DataFrame(table).astype(int).sample(frac=1, random_state=0)

    def matrix(self, missing=-1):
        """Return items by annotators, with a mark where there is no label."""
        votes = self.votes
        table = np.full((votes.n_items, votes.n_annotators), missing)
        table[votes.item, votes.annotator] = votes.label
        return table

    def answers(self):
        """Return peerannot's dictionary of dictionaries."""
        found = {item: {} for item in range(self.votes.n_items)}
        votes = self.votes
        triples = (votes.item.tolist(), votes.annotator.tolist(), votes.label.tolist())
        for item, who, label in zip(*triples, strict=True):
            found[item][who] = label
        return found


def drawn(n_classes, n_items=300, n_annotators=15, labels_per_item=5, seed=0, **options):
    found = simulate_annotations(
        n_items,
        n_annotators,
        n_classes,
        labels_per_item=labels_per_item,
        random_state=seed,
        **options,
    )
    return Crowd(found.annotations, found.truth)


@pytest.fixture(params=[2, 3])
def crowd(request):
    """Return 300 items, 15 annotators, five labels each."""
    return drawn(request.param)


@pytest.fixture
def binary():
    return drawn(2)


@pytest.fixture
def full():
    """Return a crowd in which everybody labelled everything."""
    return drawn(3, n_annotators=9, labels_per_item=9, seed=1)
