"""The classifier's opinion for a prior, and the annotators' labels for evidence."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggregate.annotations import Annotations
from aggregate.fusion import design_effect, log_joint
from aggregate.fusion.posterior import clamp

Float = NDArray[np.float64]

_LEAST = 1e-12


def classifier_posterior(
    votes: Annotations,
    confusion: Float,
    probas: Float,
    annotator_correlation: float,
    gold: NDArray[np.int32] | None,
) -> Float:
    """Return prior times tempered likelihood, normalised, shape (N, K).

    Parameters
    ----------
    votes : Annotations
    confusion : ndarray of shape (M, K, K)
        Truth in the rows.
    probas : ndarray of shape (N, K)
        Out-of-sample probabilities of a classifier.
    annotator_correlation : float
        ρ of the design effect.
    gold : ndarray of shape (N,) or None
        Class codes of items that are held to their truth, -1 of others.

    Examples
    --------
    >>> votes = Annotations.from_matrix([[0, 0], [1, -1]])
    >>> confusion = np.array([[[0.8, 0.2], [0.2, 0.8]]] * 2)
    >>> classifier_posterior(votes, confusion, np.full((2, 2), 0.5), 0.0, None).round(2)
    array([[0.94, 0.06],
           [0.2 , 0.8 ]])
    """
    uniform = np.full(votes.n_classes, 1 / votes.n_classes)
    said = log_joint(votes, confusion, uniform)
    effect = design_effect(votes.labels_per_item, annotator_correlation)
    joint = said / effect[:, np.newaxis] + np.log(np.maximum(probas, _LEAST))
    soft = np.exp(joint - joint.max(axis=1, keepdims=True))
    return clamp(soft / soft.sum(axis=1, keepdims=True), gold)
