"""From an aggregator's soft labels to what a classifier is trained on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggregate.learning.soft_labels._expansion import drop_negligible

Float = NDArray[np.float64]


def training_targets(
    probas: Float, *, temperature: float, min_mass: float, label_smoothing: float
) -> Float:
    r"""Return :math:`(1 - s) \, q_i + s / K`, where :math:`q_{ik} \propto p_{ik}^{1/T}`.

    Parameters
    ----------
    probas : ndarray of shape (N, K)
    temperature : float
        T; above 1 softens, below 1 sharpens.
    min_mass : float
        What is less probable after that is left out.
    label_smoothing : float
        s, added after that, so that every class then has a share.
    """
    soft = probas
    if temperature != 1:
        top = probas.max(axis=1, keepdims=True)
        soft = (probas / np.where(top > 0, top, 1.0)) ** (1 / temperature)
        soft /= np.maximum(soft.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    soft = drop_negligible(soft, min_mass)
    if label_smoothing:
        soft = (1 - label_smoothing) * soft + label_smoothing / soft.shape[1]
    return soft


def one_hot(codes: NDArray[np.int64], n_classes: int) -> Float:
    """Return a table with a one where each code says, zeros where it is negative."""
    table = np.zeros((len(codes), n_classes))
    known = np.flatnonzero(codes >= 0)
    table[known, codes[known]] = 1.0
    return table


def names_for_estimators(classes: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return what an estimator is told instead of each class: its name, or its number.

    scikit-learn's classifiers take 1.5 for a measurement and cannot sort mixed kinds.
    """
    kinds = {type(name) for name in classes.tolist()}
    if kinds == {float}:
        numbers = classes.astype(np.float64)
        return numbers if bool((numbers == np.floor(numbers)).all()) else np.arange(len(classes))
    return classes if len(kinds) == 1 and kinds <= {str, bool, int} else np.arange(len(classes))
