"""How far a classifier's probabilities are to be believed: one power for all of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from aggregate.fusion.gold_calibration import apply_temperature

Float = NDArray[np.float64]

_LEAST = 1e-12
_COOLEST, _HOTTEST = 0.05, 100.0


def scale(probas: Float, temperature: float) -> Float:
    """Return probabilities to the power 1 / temperature, normalised.

    Examples
    --------
    >>> scale(np.array([[0.9, 0.1]]), 2.0).round(2)
    array([[0.75, 0.25]])
    """
    return apply_temperature(np.log(np.maximum(probas, _LEAST)), 1 / temperature)


def best_temperature(probas: Float, targets: Float) -> float:
    r"""Return the T that makes ``scale(probas, T)`` predict the targets best, by cross-entropy.

    .. math:: \min_T -\sum_{ik} t_{ik} \log \mathrm{softmax}_k(\log p_i / T),

    which is convex in 1/T. Rows of zeros in the targets do not count.

    Parameters
    ----------
    probas, targets : ndarray of shape (N, K)

    Returns
    -------
    float
        From 0.05 to 100; 1 where there is nothing to tell.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, On calibration of modern neural networks,
    International Conference on Machine Learning, 2017, section 4.2.

    Examples
    --------
    >>> sure = np.array([[0.99, 0.01]] * 10)
    >>> right = np.eye(2)[[0] * 8 + [1] * 2]
    >>> best_temperature(sure, right) > 2
    True
    """
    counted = targets.any(axis=1)
    log_probas, targets = np.log(np.maximum(probas[counted], _LEAST)), targets[counted]
    if np.ptp(log_probas, axis=1).max(initial=0.0) == 0:
        return 1.0
    mass = targets.sum(axis=1)

    def cost(log_temperature: float) -> float:
        tempered = log_probas * np.exp(-log_temperature)
        total = np.logaddexp.reduce(tempered, axis=1)
        return float(mass @ total - np.vdot(targets, tempered))

    bounds = (np.log(_COOLEST), np.log(_HOTTEST))
    return float(np.exp(minimize_scalar(cost, bounds=bounds, method="bounded").x))
