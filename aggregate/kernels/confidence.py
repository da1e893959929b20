"""Turn log joints into posteriors that allow for annotators erring together."""

from __future__ import annotations

import math

import numpy as np

from aggregate._jit import kernel


@kernel
def tempered_softmax(item_ptr, correlation, first, last, scores):
    """Replace rows of log joints by softmax(row / (1 + (r - 1)·ρ)), r the item's labels.

    Parameters
    ----------
    item_ptr : ndarray of int64, shape (N + 1,)
    correlation : float
        ρ, from 0 (annotators err independently) to 1 (they all say the same).
    first, last : int
        The block of items.
    scores : ndarray of shape (N, K)
        Log joints, replaced by probabilities. Items of one label or none keep power one.
    """
    n_classes = scores.shape[1]
    for i in range(first, last):
        n_labels = item_ptr[i + 1] - item_ptr[i]
        effect = 1.0 + max(n_labels - 1, 0) * correlation
        largest = scores[i, 0]
        for k in range(1, n_classes):
            largest = max(largest, scores[i, k])
        total = 0.0
        for k in range(n_classes):
            scores[i, k] = math.exp((scores[i, k] - largest) / effect)
            total += scores[i, k]
        for k in range(n_classes):
            scores[i, k] /= total


@kernel
def averaged_softmax(item_ptr, correlations, weights, first, last, scores, probas):
    """Fill ``probas`` with the weighted mean over several ρ of what `tempered_softmax` gives.

    Parameters
    ----------
    item_ptr : ndarray of int64, shape (N + 1,)
    correlations, weights : ndarray of shape (S,)
        Values of ρ, and weights that sum to one.
    first, last : int
        The block of items.
    scores : ndarray of shape (N, K)
        Log joints.
    probas : ndarray of shape (N, K)
        Filled.
    """
    n_classes = scores.shape[1]
    row = np.empty(n_classes)
    for i in range(first, last):
        n_labels = item_ptr[i + 1] - item_ptr[i]
        largest = scores[i, 0]
        for k in range(1, n_classes):
            largest = max(largest, scores[i, k])
        for k in range(n_classes):
            probas[i, k] = 0.0
        for s in range(correlations.shape[0]):
            effect = 1.0 + max(n_labels - 1, 0) * correlations[s]
            total = 0.0
            for k in range(n_classes):
                row[k] = math.exp((scores[i, k] - largest) / effect)
                total += row[k]
            for k in range(n_classes):
                probas[i, k] += weights[s] * row[k] / total
