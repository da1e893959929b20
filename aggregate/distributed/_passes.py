"""Passes of EM over parts on a cluster: parameters out to all workers, counts back in a tree."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate.annotations import Annotations
from aggregate.distributed._cluster import Shared
from aggregate.distributed._parts import Parts
from aggregate.distributed._rows import Part
from aggregate.fusion import vote_shares
from aggregate.fusion.posterior import clamp
from aggregate.kernels.em import posterior_counts
from aggregate.models._em import Counts, State
from aggregate.models._passes import block_counts

Gold = NDArray[np.int32] | None


class VoteShares(NamedTuple):
    """Stands for the shares of the votes, which are counted where the votes are."""

    gold_alone: bool = False
    """Whether only gold items have any."""


class DistributedPasses:
    """The passes that `aggregate.models` asks for, over parts on a cluster.

    Parameters
    ----------
    parts : Parts
        Of `Part`.
    gold : Parts or None
        Class codes of the items of each part, -1 where unknown.
    shape : (int, int)
        Annotators and classes.
    """

    def __init__(self, parts: Parts, gold: Parts | None, shape: tuple[int, int]) -> None:
        self.parts, self.gold, self.shape = parts, gold, shape

    def expect(self, state: State) -> Counts:
        """Return the expected counts under a state, and its log likelihood."""
        counts = self.parts.map("em-pass", _expect, self.gold, Shared(state))
        (total,) = counts.reduce("add-counts", add).compute("make a pass", len(self.parts))
        return Counts(*total)

    def count(self, soft_labels: Any) -> Counts:
        """Return the counts under the shares of the votes."""
        if not isinstance(soft_labels, VoteShares):
            raise TypeError(
                "soft labels in memory cannot be counted on a cluster, whose items are elsewhere: "
                "start from init='votes' or from confusions."
            )
        alone = soft_labels.gold_alone
        counts = self.parts.map("count-votes", _count_votes, self.gold, self.shape, alone)
        (total,) = counts.reduce("add-counts", add).compute("count the votes", len(self.parts))
        return Counts(*total)


def _expect(part: Part, gold: Gold, state: State) -> Counts:
    return block_counts(part.pointers, part.code, gold, state)


def _count_votes(part: Part, gold: Gold, shape: tuple[int, int], gold_alone: bool) -> Counts:
    n_annotators, n_classes = shape
    n_items = len(part.item_ptr) - 1
    votes = None if gold_alone else vote_shares(annotations_of(part, shape))
    shares = clamp(np.zeros((n_items, n_classes)) if votes is None else votes, gold)
    mass, table = np.zeros(n_classes), np.zeros((n_annotators * n_classes, n_classes))
    posterior_counts(part.pointers, part.code, shares, 0, n_items, table, mass)
    return Counts(mass, table, 0.0)


def add(counts: list[Counts]) -> Counts:
    """Return the sum of counts, in their order, in arrays of its own."""
    mass, table = counts[0].mass.copy(), counts[0].table.copy()
    for one in counts[1:]:
        mass += one.mass
        table += one.table
    return Counts(mass, table, sum(one.log_likelihood for one in counts))


def annotations_of(part: Part, shape: tuple[int, int]) -> Annotations:
    """Return a part as annotations whose items, annotators and classes are named by their codes."""
    n_annotators, n_classes = shape
    annotator, label = np.divmod(part.code, np.uint32(max(n_classes, 1)))
    items, annotators, classes = map(np.arange, (len(part.item_ptr) - 1, n_annotators, n_classes))
    return Annotations(
        part.item_ptr,
        annotator.astype(np.int32),
        label.astype(np.int32),
        items,
        annotators,
        classes,
    )
