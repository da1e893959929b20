"""Confidence corrected on items whose truth is known: one power for all, or a curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression, minimize_scalar

Float = NDArray[np.float64]

_POWER, _SPREAD = 0.2, 0.7  # median over real sets of the best power, and spread of its log


def fit_temperature(scores: Float, gold: NDArray[np.integer]) -> float:
    r"""Return the power β of the posterior that gold makes likeliest.

    .. math:: \max_\beta \sum_i \log \mathrm{softmax}_{k_i}(\beta \ell_i)
        - \tfrac12 \Bigl(\frac{\log \beta - \log 0.2}{0.7}\Bigr)^2

    where :math:`\ell_i` are the log joints of the gold items and :math:`k_i` their classes.
    The last term is what real crowds have needed; a few gold items then already help.

    Parameters
    ----------
    scores : ndarray of shape (N, K)
        Log joints of a model that has not seen the gold.
    gold : ndarray of int, shape (N,)
        Class codes, -1 where unknown.

    Returns
    -------
    float

    Examples
    --------
    >>> scores = np.log(np.array([[0.999, 0.001]] * 10))
    >>> fit_temperature(scores, np.array([0] * 8 + [1] * 2)) < 0.3
    True
    """
    known = np.flatnonzero(gold >= 0)
    scores, truth = scores[known], gold[known]

    def cost(log_power: float) -> float:
        tempered = np.exp(log_power) * scores
        chosen = tempered[np.arange(len(truth)), truth]
        misfit = np.logaddexp.reduce(tempered, axis=1) - chosen
        return float(misfit.sum() + ((log_power - np.log(_POWER)) / _SPREAD) ** 2 / 2)

    best = minimize_scalar(cost, bounds=(np.log(1e-3), np.log(3.0)), method="bounded")
    return float(np.exp(best.x))


def apply_temperature(scores: Float, power: float) -> Float:
    """Return softmax(power · scores) of every row.

    Examples
    --------
    >>> apply_temperature(np.log(np.array([[0.9, 0.1]])), 0.5).round(2)
    array([[0.75, 0.25]])
    """
    tempered = np.exp(power * (scores - scores.max(axis=1, keepdims=True)))
    return np.asarray(tempered / tempered.sum(axis=1, keepdims=True))


def fit_isotonic(probas: Float, gold: NDArray[np.integer]) -> Float:
    """Return the monotone curve from confidence to the share of gold items that are right.

    One item that is right and one that is not, of confidence 1/K and 1 by turns, keep the
    ends away from certainty.

    Parameters
    ----------
    probas : ndarray of shape (N, K)
        Soft labels of a model that has not seen the gold.
    gold : ndarray of int, shape (N,)
        Class codes, -1 where unknown.

    Returns
    -------
    ndarray of shape (2, S)
        Confidences, rising, and shares, never falling; to be joined by straight lines.

    Examples
    --------
    >>> probas = np.array([[0.6, 0.4]] * 5 + [[0.95, 0.05]] * 5)
    >>> fit_isotonic(probas, np.array([0, 0, 1, 1, 0, 0, 0, 0, 0, 0]))[1].round(2)
    array([0.5 , 0.6 , 0.86, 0.86])
    """
    known = np.flatnonzero(gold >= 0)
    confidence = np.concatenate([probas[known].max(axis=1), [1 / probas.shape[1], 1.0] * 2])
    right = np.concatenate([probas[known].argmax(axis=1) == gold[known], [1, 1, 0, 0]])
    values, place, counts = np.unique(confidence, return_inverse=True, return_counts=True)
    shares = np.bincount(place, right) / counts
    return np.stack([values, isotonic_regression(shares, weights=counts).x])


def apply_isotonic(probas: Float, curve: Float) -> Float:
    """Return soft labels whose confidence is read off a curve, the other classes in proportion.

    The class ahead stays ahead, be it by a hair.

    Examples
    --------
    >>> curve = np.array([[0.5, 1.0], [0.5, 0.8]])
    >>> apply_isotonic(np.array([[0.9, 0.1]]), curve).round(2)
    array([[0.74, 0.26]])
    """
    rows = np.arange(len(probas))
    ahead = probas.argmax(axis=1)
    confidence = probas[rows, ahead]
    others = probas.copy()
    others[rows, ahead] = 0.0
    rest = others.sum(axis=1)
    silent = rest <= 0  # certain: the others share evenly
    others[silent] = 1.0
    others[rows, ahead] = 0.0
    shares = others / np.maximum(others.sum(axis=1, keepdims=True), 1e-300)
    highest = shares.max(axis=1)
    least = highest / (1 + highest) * (1 + 1e-6)
    new = np.maximum(np.interp(confidence, *curve), least)
    calibrated = shares * (1 - new)[:, np.newaxis]
    calibrated[rows, ahead] = new
    return calibrated if probas.shape[1] > 1 else np.ones_like(probas)
