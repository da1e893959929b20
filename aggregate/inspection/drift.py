"""A test of whether an annotator gets better or worse in the course of the labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from aggregate.annotations import Annotations
from aggregate.inspection._consensus import agreement_with_others
from aggregate.inspection._entries import per_entry

Float = NDArray[np.float64]

FEWEST = 20
"""Labels below which nothing is said of drift."""

_FLAT = 1e-12


@dataclass(frozen=True, eq=False)
class DriftTest:
    """What `drift_test` returns.

    Attributes
    ----------
    n_labels : ndarray of int64, shape (M,)
        Labels with a known place in the order, on items that others labelled too.
    early, late : ndarray of shape (M,)
        Agreement with the others' consensus in the first and in the last half of them, as if the
        items had been alike; NaN where it is unknown.
    change : ndarray of shape (M,)
        ``late - early``.
    statistic : ndarray of shape (M,)
        The trend in standard errors, negative for the worse.
    p_value : ndarray of shape (M,)
        Chance of such a trend, up or down, if the order did not matter; NaN where labels are too
        few or all alike.
    """

    n_labels: NDArray[np.int64]
    early: Float
    late: Float
    change: Float
    statistic: Float
    p_value: Float


def drift_test(annotations: Annotations, model: Any, order: Any, *, gold: Any = None) -> DriftTest:
    r"""Test for each annotator whether agreement with the others changes along the order.

    Let :math:`r_t` be the agreement of the t-th label with the consensus of all others, less what
    is to be expected of this annotator on that item, :math:`\rho_t` the rank of the label in the
    order (labels at the same place share their mean rank), and let the labels on items of one
    consensus class c form a group :math:`G_c`, with means :math:`\bar r_c, \bar\rho_c`. Then

    .. math:: z = \frac{\sum_c \sum_{t \in G_c} (\rho_t - \bar\rho_c) r_t}{\sqrt{\sum_c
        \frac{1}{|G_c| - 1} \sum_{t \in G_c} (\rho_t - \bar\rho_c)^2 \sum_{t \in G_c}
        (r_t - \bar r_c)^2}}

    has, over all reshufflings of the labels within the groups, mean 0 and variance 1 exactly and is
    normal nearly; nothing is drawn at random. An annotator who knows one class better does not
    seem to drift because that class came first. A straight trend is what it sees best, a step
    half way nearly as well (87 % of the standardised effect); a dip in the middle it does not see.

    It fails where everybody drifts alike, as the measure is relative to the others, and where
    the order follows the difficulty of items in a way that the posteriors do not show. Where the
    order sorts the items by class, 7 % of p-values instead of 5 % lie below 0.05.

    Parameters
    ----------
    annotations : Annotations
    model : fitted aggregator with ``confusion_``
    order : array-like of shape (E,), mapping, or three columns
        When each label was given: numbers or dates, aligned with the entries of the annotations; a
        mapping (item, annotator) -> value; or a tuple of columns (items, annotators, values).
    gold : optional
        Known truths, which are then the consensus.

    Returns
    -------
    DriftTest

    References
    ----------
    J. Hájek, Z. Šidák and P. K. Sen, Theory of Rank Tests, second edition, Academic Press 1999,
    section 3.3 (linear statistics under permutations).

    Examples
    --------
    >>> from aggregate import Annotations, DawidSkene
    >>> truth, turn = np.arange(200) % 2, np.arange(200)
    >>> tires = np.where((turn > 100) & (turn % 3 == 0), 1 - truth, truth)
    >>> votes = Annotations.from_matrix(np.column_stack([truth, truth, truth, tires]))
    >>> test = drift_test(votes, DawidSkene().fit(votes), votes.item)
    >>> bool(test.p_value[3] < 0.001), test.change[3].round(1)
    (True, np.float64(-0.3))
    """
    place = per_entry("order", order, annotations)
    agreed = agreement_with_others(annotations, model, gold)
    kept = agreed.has_others & ~np.isnan(place)
    who, size = annotations.annotator[kept], annotations.n_annotators
    n_labels = np.bincount(who, minlength=size)
    count = np.maximum(n_labels, 1)
    rank = _ranks(who, place[kept], n_labels)
    extra = (agreed.agreement - agreed.expected)[kept]
    groups = _Groups(who, agreed.consensus[kept], annotations.n_classes)
    halves = [rank < 0, rank > 0]
    rank, extra = groups.centred(rank), groups.centred(extra)
    trend = np.bincount(who, rank * extra, minlength=size)
    variance = groups.variance(rank, extra, size)
    tells = (n_labels >= FEWEST) & (variance > _FLAT * count)
    statistic = np.divide(trend, np.sqrt(variance), out=np.full(size, np.nan), where=tells)
    usual = np.bincount(who, agreed.agreement[kept], minlength=size) / count
    early, late = (
        np.where(n_labels >= FEWEST, usual + _mean(who, extra, half, size), np.nan)
        for half in halves
    )
    p_value = 2 * norm.sf(np.abs(statistic))
    return DriftTest(n_labels, early, late, late - early, statistic, p_value)


class _Groups:
    """Labels by annotator and consensus class, within which they may be reshuffled."""

    def __init__(
        self, who: NDArray[np.int32], consensus: NDArray[np.int64], n_classes: int
    ) -> None:
        codes = who.astype(np.int64) * n_classes + consensus
        found, self.place = np.unique(codes, return_inverse=True)
        self.size = np.bincount(self.place, minlength=len(found))
        self.who = found // max(n_classes, 1)

    def _sum(self, values: Float) -> Float:
        return np.bincount(self.place, values, minlength=len(self.size)).astype(np.float64)

    def centred(self, values: Float) -> Float:
        """Return the values less the mean of their group."""
        return np.asarray(values - (self._sum(values) / self.size)[self.place])

    def variance(self, one: Float, other: Float, size: int) -> Float:
        """Return the variance of the sum of products of centred values, per annotator."""
        squares = self._sum(one**2) * self._sum(other**2) / np.maximum(self.size - 1, 1)
        return np.bincount(self.who, squares, minlength=size).astype(np.float64)


def _ranks(who: NDArray[np.int32], place: Float, n_labels: NDArray[np.int64]) -> Float:
    """Return each label's rank among the annotator's, less the mean; ties share theirs."""
    order = np.lexsort((place, who))
    sorted_who, sorted_place = who[order], place[order]
    is_new = np.ones(len(order), dtype=bool)
    is_new[1:] = (sorted_who[1:] != sorted_who[:-1]) | (sorted_place[1:] != sorted_place[:-1])
    group = np.cumsum(is_new) - 1
    size = np.bincount(group)
    middle = np.cumsum(size) - (size + 1) / 2
    start = np.cumsum(n_labels) - n_labels
    rank = np.empty(len(order))
    rank[order] = middle[group] - start[sorted_who] - (n_labels[sorted_who] - 1) / 2
    return rank


def _mean(who: NDArray[np.int32], values: Float, part: NDArray[np.bool_], size: int) -> Float:
    total = np.bincount(who[part], values[part], minlength=size)
    return np.asarray(total / np.maximum(np.bincount(who[part], minlength=size), 1))
