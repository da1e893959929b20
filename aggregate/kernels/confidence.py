"""Turn log joints into posteriors that allow for annotators erring together."""

from __future__ import annotations

import math

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
