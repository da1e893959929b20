"""Health of the data: what to know about votes before a model is fitted to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from aggregate._validation import first_few
from aggregate.annotations import Annotations
from aggregate.fusion import vote_counts

Float = NDArray[np.float64]

ENOUGH: Final = 10
"""Labels below which nothing is said against an annotator."""
_UNLIKELY: Final = 0.001
_CLEARLY: Final = 3.0  # standard errors
_CHEAP: Final = 20_000_000  # pairs of labels on one item that may be gone through


@dataclass(frozen=True, eq=False)
class Health:
    """What `check_health` returns; printing it gives a few lines.

    Attributes
    ----------
    component_of_item : ndarray of int, shape (N,)
    component_of_annotator : ndarray of int, shape (M,)
        Components of the graph that joins annotators to the items they labelled, the one with
        the most labels first; -1 without a label.
    n_components : int
        Annotators of different components were never compared, not even through others.
    share_of_largest : float
        Share of the labels in the largest component.
    single_label_items : int
        Items with exactly one label: nothing confirms it.
    unanimous_share : float
        Share, among items with several labels, of those whose labels are all alike; NaN if
        there are none.
    annotator_pairs : int or None
        Pairs of annotators with a common item; None where counting them would take long.
    few_labels : ndarray
        Annotators with fewer than `ENOUGH` labels (but at least one).
    one_label : ndarray
        Annotators who always gave the same label, too often for chance.
    below_chance : ndarray
        Annotators who agree with the others on their items significantly less than drawing
        labels at random would: they may have swapped classes.
    agreement : ndarray of shape (M,)
        Mean share of the other labels on the same item that agree; NaN without any.
    """

    component_of_item: NDArray[np.int64]
    component_of_annotator: NDArray[np.int64]
    n_components: int
    share_of_largest: float
    single_label_items: int
    unanimous_share: float
    annotator_pairs: int | None
    few_labels: NDArray[Any]
    one_label: NDArray[Any]
    below_chance: NDArray[Any]
    agreement: Float

    def __str__(self) -> str:
        """Tell it in a few lines."""
        lines = []
        if not np.isnan(self.unanimous_share):
            lines.append(f"items whose labels all agree: {self.unanimous_share:.1%}")
        if self.single_label_items:
            lines.append(f"items with a single label: {self.single_label_items:,}")
        if self.annotator_pairs is not None:
            n = len(self.component_of_annotator)
            lines.append(
                f"pairs of annotators with a common item: {self.annotator_pairs:,} of "
                f"{n * (n - 1) // 2:,}"
            )
        if self.n_components > 1:
            lines.append(
                f"separate groups of annotators without a common item: {self.n_components:,} "
                f"(the largest has {self.share_of_largest:.1%} of the labels)"
            )
        for names, words in (
            (self.few_labels, f"annotators with fewer than {ENOUGH} labels"),
            (self.one_label, "annotators who always give the same label"),
            (self.below_chance, "annotators who agree with others less than by chance"),
        ):
            if len(names):
                lines.append(f"{words}: {len(names):,} ({first_few(names, most=3)})")
        return "\n".join(lines)


def check_health(annotations: Annotations) -> Health:
    """Look for what makes votes hard to aggregate.

    The cost is linear in the number of labels, but for the pairs of annotators, which are
    counted only where that is quick.

    Parameters
    ----------
    annotations : Annotations

    Returns
    -------
    Health

    Examples
    --------
    >>> from aggregate import Annotations
    >>> from aggregate.inspection import check_health
    >>> health = check_health(Annotations.from_matrix([[0, 0, -1, -1], [-1, -1, 1, 0]]))
    >>> health.n_components
    2
    >>> print(health)
    items whose labels all agree: 50.0%
    pairs of annotators with a common item: 2 of 6
    separate groups of annotators without a common item: 2 (the largest has 50.0% of the labels)
    annotators with fewer than 10 labels: 4 (0, 1, 2 and 1 more)
    """
    of_item, of_annotator, share = _components(annotations)
    per_item, per_annotator = annotations.labels_per_item, annotations.labels_per_annotator
    counts = vote_counts(annotations)
    several = per_item > 1
    unanimous = (
        (counts[several].max(axis=1, initial=0) == per_item[several]) if several.any() else ()
    )
    agreement, below = _agreement(annotations, counts)
    names = annotations.annotators
    return Health(
        component_of_item=of_item,
        component_of_annotator=of_annotator,
        n_components=int(max(of_item.max(initial=-1), of_annotator.max(initial=-1)) + 1),
        share_of_largest=share,
        single_label_items=int((per_item == 1).sum()),
        unanimous_share=float(np.mean(unanimous)) if several.any() else float("nan"),
        annotator_pairs=_pairs(annotations),
        few_labels=names[(per_annotator > 0) & (per_annotator < ENOUGH)],
        one_label=names[_always_the_same(annotations)],
        below_chance=names[below],
        agreement=agreement,
    )


def _components(
    annotations: Annotations,
) -> tuple[NDArray[np.int64], NDArray[np.int64], float]:
    """Return components numbered by falling count of labels; -1 for those without a label."""
    n_items, n_nodes = annotations.n_items, annotations.n_items + annotations.n_annotators
    edges = np.ones(annotations.n_annotations, dtype=np.int8)
    ends = np.full(annotations.n_annotators, annotations.n_annotations)
    pointers = np.concatenate((annotations.item_ptr, ends))
    graph = csr_array(
        (edges, annotations.annotator + np.int64(n_items), pointers), (n_nodes, n_nodes)
    )
    _, found = connected_components(graph, directed=False)
    n_labels = np.bincount(found[:n_items], annotations.labels_per_item, minlength=n_nodes)
    order = np.argsort(-n_labels, kind="stable")
    rank = np.empty(n_nodes, dtype=np.int64)
    rank[order] = np.where(n_labels[order] > 0, np.arange(n_nodes), -1)
    component = rank[found]
    share = float(n_labels.max(initial=0) / max(annotations.n_annotations, 1))
    return component[:n_items], component[n_items:], share


def _pairs(annotations: Annotations) -> int | None:
    """Count the pairs of annotators with a common item, where that is quick."""
    per_item = annotations.labels_per_item.astype(np.float64)
    if (per_item**2).sum() > _CHEAP:
        return None
    ones = np.ones(annotations.n_annotations, dtype=np.int32)
    shape = (annotations.n_items, annotations.n_annotators)
    table = csr_array((ones, annotations.annotator, annotations.item_ptr), shape)
    shared = (table.T @ table).tocsr()
    return int((shared.nnz - np.count_nonzero(shared.diagonal())) // 2)


def _label_counts(annotations: Annotations) -> NDArray[np.int64]:
    """Return how often each annotator gave each label, shape (M, K)."""
    n_annotators, n_classes = annotations.n_annotators, annotations.n_classes
    code = annotations.annotator.astype(np.int64) * n_classes + annotations.label
    return np.bincount(code, minlength=n_annotators * n_classes).reshape(n_annotators, n_classes)


def _always_the_same(annotations: Annotations) -> NDArray[np.bool_]:
    """Mark annotators with one label only, if others would rarely give it so often in a row."""
    counts = _label_counts(annotations)
    given = annotations.labels_per_annotator
    total = counts.sum(axis=0)
    if not counts.size:
        return np.zeros(annotations.n_annotators, dtype=bool)
    favourite = counts.argmax(axis=1)
    often = counts.max(axis=1)
    by_others = (total[favourite] - often) / np.maximum(total.sum() - given, 1)
    return (given >= ENOUGH) & (often == given) & (by_others**given < _UNLIKELY)


def _agreement(annotations: Annotations, counts: Float) -> tuple[Float, NDArray[np.bool_]]:
    """Return each annotator's mean agreement with the others, and who is below chance.

    By chance means: with the annotator's own labels, compared with labels on any item.
    """
    item, annotator, label = annotations.item, annotations.annotator, annotations.label
    n_annotators = annotations.n_annotators
    others = annotations.labels_per_item[item] - 1
    compared = np.flatnonzero(others > 0)
    agreed = (counts[item[compared], label[compared]] - 1) / others[compared]
    share_of_label = np.bincount(label, minlength=annotations.n_classes) / max(len(label), 1)
    above_chance = agreed - share_of_label[label[compared]]
    by = annotator[compared]
    n_compared = np.bincount(by, minlength=n_annotators)
    at_least_one = np.maximum(n_compared, 1)
    mean = np.bincount(by, above_chance, minlength=n_annotators) / at_least_one
    squares = np.bincount(by, above_chance**2, minlength=n_annotators) / at_least_one
    error = np.sqrt(np.maximum(squares - mean**2, 0) / at_least_one)
    agreement = np.bincount(by, agreed, minlength=n_annotators) / at_least_one
    agreement[n_compared == 0] = np.nan
    return agreement, (n_compared >= ENOUGH) & (mean < -_CLEARLY * error) & (mean < 0)
