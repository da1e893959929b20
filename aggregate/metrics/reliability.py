"""Is what is said with 90 % right nine times in ten? Confidence beside accuracy, with intervals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._validation import check_number
from aggregate.metrics._checks import known_part
from aggregate.metrics.accuracy import credit

Float = NDArray[np.float64]


class ReliabilityCurve(NamedTuple):
    """Items sorted into bins of like confidence; every array has one entry per bin.

    ``confidence`` is the mean probability of the decided class, ``accuracy`` the share of right
    decisions, ``low`` and ``high`` bound it, ``n_items`` counts.
    """

    confidence: Float
    accuracy: Float
    low: Float
    high: Float
    n_items: NDArray[np.int64]


class Interval(NamedTuple):
    """A figure and the bounds between which it may lie."""

    value: float
    low: float
    high: float


def reliability_curve(
    probas: ArrayLike, truth: ArrayLike, *, n_bins: int = 10, level: float = 0.95
) -> ReliabilityCurve:
    r"""Return how often decisions of like confidence are right.

    Items are sorted by confidence and cut into bins of equal numbers, so that every bin says
    something. A calibrated crowd has its accuracy within the bounds of its confidence, in all
    bins but one in twenty. The bounds are Wilson's,

    .. math::

        \frac{p + z^2 / 2n \pm z \sqrt{p (1 - p) / n + z^2 / 4 n^2}}{1 + z^2 / n}

    with p the accuracy of a bin's n items and z the normal quantile of ``level``.

    Parameters
    ----------
    probas : array-like of shape (N, K)
        Soft labels.
    truth : array-like of int, shape (N,)
        Class codes; items with -1 do not count. Ties earn a fraction, as in `accuracy`.
    n_bins : int, default=10
        Bins; fewer where there are fewer items or confidences.
    level : float, default=0.95
        Of the bounds.

    Returns
    -------
    ReliabilityCurve

    Raises
    ------
    ValueError
        If the shapes disagree, a row is no distribution or no truth is known.

    References
    ----------
    E. B. Wilson, Probable inference, the law of succession, and statistical inference, Journal
    of the American Statistical Association 22(158):209-212, 1927.

    Examples
    --------
    >>> from aggregate.metrics import reliability_curve
    >>> probas = [[0.6, 0.4], [0.6, 0.4], [0.9, 0.1], [0.9, 0.1]]
    >>> curve = reliability_curve(probas, [0, 1, 0, 0], n_bins=2)
    >>> curve.confidence, curve.accuracy, curve.n_items
    (array([0.6, 0.9]), array([0.5, 1. ]), array([2, 2]))
    """
    check_number("n_bins", n_bins, low=1, integer=True)
    check_number("level", level, low=0, high=1)
    probas, truth = known_part(probas, truth)
    confidence, right = probas.max(axis=1), credit(probas, truth)
    # equal confidences stay together: a bin ends where its last one does
    ordered = np.sort(confidence)
    ends = ordered[(np.arange(1, n_bins + 1) * len(ordered)) // n_bins - 1]
    place = np.searchsorted(np.unique(ends), confidence)
    counts = np.bincount(place)
    filled = counts > 0
    n_items = counts[filled]
    accuracy = np.bincount(place, right)[filled] / n_items
    low, high = _wilson(accuracy, n_items, level)
    mean = np.bincount(place, confidence)[filled] / n_items
    return ReliabilityCurve(mean, accuracy, low, high, n_items)


def _wilson(share: Float, n: NDArray[np.int64], level: float) -> tuple[Float, Float]:
    from scipy.special import ndtri

    z = float(ndtri((1 + level) / 2))
    centre = share + z**2 / (2 * n)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return (centre - half) / (1 + z**2 / n), (centre + half) / (1 + z**2 / n)


def bootstrap_interval(
    metric: Callable[[Any, Any], float],
    probas: ArrayLike,
    truth: ArrayLike,
    *,
    level: float = 0.95,
    n_resamples: int = 1000,
    random_state: int | np.random.Generator | None = 0,
) -> Interval:
    """Return a metric and the interval in which it lies when items are drawn anew.

    The percentile bootstrap over items: the annotators and the model are taken as given. With
    some dozens of items or fewer, it is too narrow.

    Parameters
    ----------
    metric : callable
        `log_loss`, `brier_score`, `expected_calibration_error`, `accuracy` or any function of
        soft labels and truth.
    probas : array-like of shape (N, K)
        Soft labels.
    truth : array-like of int, shape (N,)
        Class codes; items with -1 do not count.
    level : float, default=0.95
    n_resamples : int, default=1000
    random_state : int or Generator, default=0

    Returns
    -------
    Interval

    Raises
    ------
    ValueError
        If the shapes disagree, a row is no distribution or no truth is known.

    References
    ----------
    B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap, Chapman and Hall, 1993,
    chapter 13.

    Examples
    --------
    >>> from aggregate.metrics import accuracy, bootstrap_interval
    >>> probas = [[0.9, 0.1]] * 50
    >>> found = bootstrap_interval(accuracy, probas, [0] * 40 + [1] * 10)
    >>> found.value, 0.6 < found.low < 0.75, 0.85 < found.high < 0.95
    (0.8, True, True)
    """
    check_number("level", level, low=0, high=1)
    check_number("n_resamples", n_resamples, low=1, integer=True)
    probas, truth = known_part(probas, truth)
    random = np.random.default_rng(random_state)
    values = np.empty(n_resamples)
    for place in range(n_resamples):
        drawn = random.integers(0, len(truth), len(truth))
        values[place] = metric(probas[drawn], truth[drawn])
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(metric(probas, truth)), float(low), float(high))
