"""How well a label is supported by a classifier's probabilities, from 0 to 1."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

SCORES: Final = ("self_confidence", "normalized_margin", "confidence_weighted_entropy")

_LEAST = 1e-12


def label_scores(probas: Float, labels: NDArray[np.int64], method: str) -> Float:
    r"""Return a score per label; low scores are doubtful.

    ``"self_confidence"``
        :math:`p_y`.
    ``"normalized_margin"``
        :math:`(p_y - \max_{k \ne y} p_k + 1) / 2`.
    ``"confidence_weighted_entropy"``
        :math:`\log(1 + u) / u` of :math:`u = H(p) / (p_y \log K)`, the entropy over the
        probability of the label.

    Parameters
    ----------
    probas : ndarray of shape (n, K)
    labels : ndarray of int, shape (n,)
    method : str

    Returns
    -------
    ndarray of shape (n,)

    Examples
    --------
    >>> probas = np.array([[0.5, 0.25, 0.25], [0.9, 0.1, 0.0]])
    >>> label_scores(probas, np.array([1, 0]), "self_confidence")
    array([0.25, 0.9 ])
    >>> label_scores(probas, np.array([1, 0]), "normalized_margin")
    array([0.375, 0.9  ])
    """
    rows = np.arange(len(labels))
    own = probas[rows, labels]
    if method == "self_confidence":
        return own
    if method == "normalized_margin":
        others = probas.copy()
        others[rows, labels] = -np.inf
        rival = others.max(axis=1) if probas.shape[1] > 1 else np.zeros(len(rows))
        return np.asarray((own - rival + 1) / 2)
    positive = np.maximum(probas, _LEAST)  # so that sure of another class is worse than unsure
    entropy = -np.sum(positive * np.log(positive), axis=1)
    scaled = entropy / max(np.log(probas.shape[1]), _LEAST) / np.maximum(own, _LEAST)
    scaled = np.maximum(scaled, _LEAST)
    return np.asarray(np.log1p(scaled) / scaled)
