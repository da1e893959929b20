"""Whether soft labels are as sure as they may be: log loss, calibration error, Brier score."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from aggregate._validation import check_number
from aggregate.metrics._checks import known_part
from aggregate.metrics.accuracy import credit


def log_loss(probas: ArrayLike, truth: ArrayLike, *, clip: float = 1e-6) -> float:
    r"""Return the mean of :math:`-\log q_i[k_i]`, with q the soft label and k the truth.

    Parameters
    ----------
    probas : array-like of shape (N, K)
        Soft labels.
    truth : array-like of int, shape (N,)
        Class codes; items with -1 do not count.
    clip : float, default=1e-6
        Smaller probabilities count as this, so that one false certainty costs 13.8 at most
        and not infinity.

    Returns
    -------
    float
        0 is perfect; log K is what equal probabilities earn.

    Raises
    ------
    ValueError
        If the shapes disagree, a row is no distribution or no truth is known.

    Examples
    --------
    >>> from aggregate.metrics import log_loss
    >>> round(log_loss([[0.9, 0.1], [0.5, 0.5]], [0, 1]), 4)
    0.3993
    """
    check_number("clip", clip, low=0, high=1, low_open=True)
    probas, truth = known_part(probas, truth)
    given = probas[np.arange(len(truth)), truth]
    return float(-np.log(np.maximum(given, clip)).mean())


def expected_calibration_error(probas: ArrayLike, truth: ArrayLike, *, n_bins: int = 15) -> float:
    r"""Return how far confidence and accuracy are apart.

    Items are put into bins of equal width by their confidence, the probability of the likeliest
    class; the error is

    .. math:: \sum_b \frac{n_b}{n} \bigl| \text{accuracy}_b - \text{mean confidence}_b \bigr|

    With few items it is biased upwards: below some hundred, compare log losses instead.

    Parameters
    ----------
    probas : array-like of shape (N, K)
        Soft labels.
    truth : array-like of int, shape (N,)
        Class codes; items with -1 do not count. Ties earn a fraction, as in `accuracy`.
    n_bins : int, default=15
        Number of bins between 0 and 1; a confidence on a border belongs to the lower one.

    Returns
    -------
    float
        Between 0 and 1; 0 is perfect.

    Raises
    ------
    ValueError
        If the shapes disagree, a row is no distribution or no truth is known.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, On calibration of modern neural networks,
    International Conference on Machine Learning, 2017.

    Examples
    --------
    >>> from aggregate.metrics import expected_calibration_error
    >>> round(expected_calibration_error([[0.9, 0.1], [0.1, 0.9]], [0, 0]), 4)
    0.4
    """
    check_number("n_bins", n_bins, low=1, integer=True)
    probas, truth = known_part(probas, truth)
    confidence = probas.max(axis=1)
    edges = np.linspace(0, 1, n_bins + 1)[1:-1]
    place = np.searchsorted(edges, confidence, side="left")
    surplus = np.bincount(place, credit(probas, truth) - confidence, minlength=n_bins)
    return float(abs(surplus).sum() / len(truth))


def brier_score(probas: ArrayLike, truth: ArrayLike) -> float:
    r"""Return the mean of :math:`\sum_k (q_i[k] - [k = k_i])^2`, the sum over all classes.

    Parameters
    ----------
    probas : array-like of shape (N, K)
        Soft labels.
    truth : array-like of int, shape (N,)
        Class codes; items with -1 do not count.

    Returns
    -------
    float
        From 0 (perfect) to 2; of two classes, twice the score that counts one of them.

    Raises
    ------
    ValueError
        If the shapes disagree, a row is no distribution or no truth is known.

    Examples
    --------
    >>> from aggregate.metrics import brier_score
    >>> round(brier_score([[0.9, 0.1], [0.5, 0.5]], [0, 1]), 4)
    0.26
    """
    probas, truth = known_part(probas, truth)
    given = probas[np.arange(len(truth)), truth]
    return float((np.square(probas).sum(axis=1) - 2 * given + 1).mean())
