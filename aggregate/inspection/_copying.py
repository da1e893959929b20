"""Evidence that one annotator of a pair copies the other: likelihood ratios that cannot run off.

If with chance c one repeats the other's label, and else both label independently given the truth,
the odds of a shared item against independence are 1 + c (w - 1): w is how much likelier the common
label y is if copied, (P(j says y) + P(l says y)) / 2 P(both say y), given the item's other labels,
and 0 if they differ. Under independence the mean of w is 1, hence that of the product over items,
too, and by Markov's inequality it exceeds 1 / p with probability p at most: no normal or large
sample approximation is made, whatever the numbers of items and of classes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate._tables import row_codes, to_table
from aggregate.annotations import Annotations
from aggregate.kernels.em import FLOOR
from aggregate.kernels.residuals import copying_evidence

Float = NDArray[np.float64]
Pairs = NDArray[np.int32]

RATES = np.array(
    [.01, .02, .03, .05, .075, .1, .15, .2, .25, .3, .4, .5, .6, .7, .8, .9, .99]
)  # fmt: skip
"""Rates of copying that are tried, besides none."""
_FEW_PAIRS = 20  # below, nothing is said of what is usual
_SURPRISE = 1.353  # half the 90 % point of chi square with one degree of freedom
_SCATTER = 3.5  # from the median, in distances to the upper quartile: 1 in 100 of a normal


class Evidence(NamedTuple):
    """What the shared items say of each pair.

    ``shared`` counts items, ``agreed`` and ``expected`` those on which the two say the same,
    ``growth`` is the expected log odds for somebody who copies at the awaited rate, and
    ``odds[p, c]`` the log likelihood ratio of ``RATES[c]`` to none.
    """

    shared: Float
    agreed: Float
    expected: Float
    growth: Float
    odds: Float


def copying(
    annotations: Annotations,
    confusion: Float,
    class_prior: Float,
    pairs: Pairs,
    awaited: float,
    speaker: NDArray[np.int64] | None = None,
) -> Evidence:
    """Return the evidence on pairs (j, l) with j < l, sorted.

    Parameters
    ----------
    annotations : Annotations
    confusion : ndarray of shape (M, K, K)
    class_prior : ndarray of shape (K,)
    pairs : ndarray of int32, shape (P, 2)
    awaited : float
        Rate whose evidence is foretold, from 0 to below 1.
    speaker : ndarray of int64, shape (E,), optional
        Which label of the item speaks for each label, -1 for none; by default each for itself.
    """
    n_annotators = annotations.n_annotators
    everybody = np.arange(annotations.n_annotations)
    table = to_table(confusion)
    sums = np.zeros((len(pairs), 4 + len(RATES)))
    copying_evidence(
        annotations.item_ptr,
        row_codes(annotations.annotator, annotations.label, n_annotators, annotations.n_classes),
        everybody if speaker is None else speaker,
        np.log(np.maximum(class_prior, FLOOR)),
        table,
        np.log(table),
        np.searchsorted(pairs[:, 0], np.arange(n_annotators + 1)).astype(np.int64),
        np.ascontiguousarray(pairs[:, 1]),
        RATES,
        awaited,
        sums,
    )
    return Evidence(sums[:, 0], sums[:, 1], sums[:, 2], sums[:, 3], sums[:, 4:])


def log_odds(odds: Float, ordinary: float) -> Float:
    """Return the log odds of copying at a higher rate than is ordinary, all rates equally likely.

    A mean of likelihood ratios to the ordinary rate, whose expectation under it (or under any
    lower rate) is at most 1.

    Parameters
    ----------
    odds : ndarray of shape (P, C)
        As in `Evidence`.
    ordinary : float
        One of `RATES`, or 0.
    """
    higher = odds[:, ordinary < RATES]
    if not higher.shape[1]:
        return np.full(len(odds), -np.inf)
    return np.asarray(
        np.logaddexp.reduce(higher, axis=1) - np.log(higher.shape[1]) - _at(odds, ordinary)
    )


def mean_rate(odds: Float) -> Float:
    """Return the mean rate of copying given the evidence, all rates from 0 to 1 equally likely."""
    rates = np.append(0.0, RATES)
    log_weight = np.column_stack([np.zeros(len(odds)), odds])
    log_weight -= log_weight.max(axis=1, keepdims=True, initial=0.0)
    weight = np.exp(log_weight) * np.gradient(rates)
    return np.asarray(weight @ rates / weight.sum(axis=1))


def ordinary_rates(odds: Float) -> tuple[float, float]:
    """Return the rate of the crowd's median pair, and the highest that is ordinary in it.

    Items that are hard in the same way for everybody make all pairs agree. A rate r covers a pair
    that does not speak against it (at 5 %); the median rate covers half of the pairs, another
    three quarters, and their distance tells the scatter. Copiers who make up less than a
    quarter of the pairs change neither.
    """
    if len(odds) < _FEW_PAIRS:
        return 0.0, 0.0
    rates = np.append(0.0, RATES)
    best = odds.max(axis=1)
    speaks = np.array([np.mean(best - _at(odds, rate) > _SURPRISE) for rate in rates])
    middle, upper = (float(rates[np.argmax(speaks <= share)]) for share in (0.5, 0.25))
    above = int(np.searchsorted(rates, middle + _SCATTER * (upper - middle)))
    return middle, float(rates[min(above, len(rates) - 1)])


def _at(odds: Float, rate: float) -> Float:
    found = np.flatnonzero(rate == RATES)
    return odds[:, found[0]] if len(found) else np.zeros(len(odds))
