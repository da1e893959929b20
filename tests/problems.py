"""Random crowds for the tests of kernels, fusion and models: seeded, small, with their truth."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
import pytest

from aggregate import Annotations

needs_jit = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT), reason="many passes over many labels need compiled kernels"
)

_DEGENERATE = {
    "one class": np.zeros((4, 3), dtype=int),
    "no overlap": np.array([[0, -1, -1], [-1, 1, -1], [-1, -1, 2]]),
    "one annotator": np.array([[0], [1], [1]]),
    "an empty item": np.array([[0, 1], [-1, -1], [1, 0]]),
    "600 labels on an item": np.tile([[0], [1]], (10, 600)),
}
degenerate_tables = pytest.mark.parametrize("table", _DEGENERATE.values(), ids=_DEGENERATE)


class Planted(NamedTuple):
    """Votes drawn from the Dawid-Skene model, with what they were drawn from."""

    votes: Annotations
    truth: np.ndarray
    confusion: np.ndarray
    prior: np.ndarray


def planted(
    seed,
    n_items=200,
    n_annotators=8,
    n_classes=3,
    per_item=5,
    accuracy=(0.55, 0.9),
    prior=None,
):
    """Draw votes of ``per_item`` distinct annotators on each item from the model itself."""
    random = np.random.default_rng(seed)
    prior = np.full(n_classes, 1 / n_classes) if prior is None else np.asarray(prior)
    confusion = random.dirichlet(np.ones(n_classes), size=(n_annotators, n_classes))
    share = random.uniform(*accuracy, size=(n_annotators, n_classes))
    for k in range(n_classes):
        confusion[:, k, k] = 0.0
        rest = confusion[:, k].sum(axis=1, keepdims=True)
        confusion[:, k] *= (1 - share[:, [k]]) / np.where(rest > 0, rest, 1)
        confusion[:, k, k] = share[:, k] if n_classes > 1 else 1.0
    truth = random.choice(n_classes, size=n_items, p=prior)
    annotator = random.permuted(np.tile(np.arange(n_annotators), (n_items, 1)), axis=1)
    annotator = annotator[:, :per_item].ravel()
    item = np.repeat(np.arange(n_items), per_item)
    chances = confusion[annotator, truth[item]].cumsum(axis=1)
    label = (random.random((len(item), 1)) > chances).sum(axis=1).clip(max=n_classes - 1)
    votes = from_codes(item, annotator, label, (n_items, n_annotators, n_classes))
    return Planted(votes, truth, confusion, prior)


def from_codes(item, annotator, label, shape):
    """Build annotations whose items, annotators and classes are 0 to n - 1."""
    n_items, n_annotators, n_classes = shape
    return Annotations.from_columns(
        np.asarray(item, dtype=np.int64),
        np.asarray(annotator, dtype=np.int64),
        np.asarray(label, dtype=np.int64),
        classes=np.arange(n_classes),
        known_items=np.arange(n_items),
        known_annotators=np.arange(n_annotators),
    )


def ragged(seed, n_items=12, n_annotators=5, n_classes=3, n_labels=40):
    """Draw votes at random, with repeats; the first item and the last annotator have none."""
    random = np.random.default_rng(seed)
    item = random.integers(1, n_items, size=n_labels)
    annotator = random.integers(0, max(n_annotators - 1, 1), size=n_labels)
    label = random.integers(0, n_classes, size=n_labels)
    return from_codes(item, annotator, label, (n_items, n_annotators, n_classes))


def triples(votes):
    """Return the votes as the list of codes that the naive versions take."""
    return list(zip(votes.item.tolist(), votes.annotator.tolist(), votes.label.tolist()))  # noqa: B905


def shape(votes):
    """Return the numbers of items, annotators and classes."""
    return votes.n_items, votes.n_annotators, votes.n_classes


def random_parameters(seed, n_annotators, n_classes, floor=2.0**-52):
    """Draw confusions and a class prior, some of their entries at the floor."""
    random = np.random.default_rng(seed)
    confusion = random.dirichlet(np.full(n_classes, 0.5), size=(n_annotators, n_classes))
    confusion[random.random(confusion.shape) < 0.1] = 0.0
    prior = random.dirichlet(np.ones(n_classes))
    return np.maximum(confusion, floor), np.maximum(prior, floor)
