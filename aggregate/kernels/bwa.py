"""One pass of Bayesian weighted averaging: scores of items, squared errors of annotators."""

from __future__ import annotations

import numpy as np

from aggregate._jit import helper, kernel


@helper
def _add_errors(annotator, label, start, stop, score, errors):
    """Add the squared distances between labels (one or zero per class) and an item's score."""
    for e in range(start, stop):
        j, y = annotator[e], label[e]
        for k in range(score.shape[0]):
            distance = score[k] - 1.0 if k == y else score[k]
            errors[j, k] += distance * distance


@kernel
def score_errors(item_ptr, annotator, label, scores, first, last, errors):
    """Add to ``errors[j, k]`` the squared distances between labels and given scores (N, K)."""
    for i in range(first, last):
        _add_errors(annotator, label, item_ptr[i], item_ptr[i + 1], scores[i], errors)


@kernel
def weighted_average_pass(
    item_ptr, annotator, label, gold, weight, centre, strength, first, last, scores, errors, total
):  # fmt: skip
    """Fill the scores of items ``first`` to ``last``; add to errors and totals.

    Parameters
    ----------
    item_ptr, annotator, label : ndarray
        The annotations.
    gold : ndarray of int32, shape (N,) or (0,)
        Known class of each item, -1 where unknown.
    weight : ndarray of shape (M, K)
        Precision of annotator j's labels about class k.
    centre : ndarray of shape (K,)
        Where the scores are centred.
    strength : float
        Weight of the centre.
    scores : ndarray of shape (N, K)
        Filled: weighted average of the centre and of the labels as ones and zeros.
    errors : ndarray of shape (M, K)
        Added to: squared distances between labels and scores.
    total : ndarray of shape (K,)
        Added to: the scores of items that have labels or gold.

    Returns
    -------
    float
        Sum of the squared distances between these scores and the centre.
    """
    n_classes = centre.shape[0]
    above = np.empty(n_classes)
    below = np.empty(n_classes)
    spread = 0.0
    for i in range(first, last):
        start, stop = item_ptr[i], item_ptr[i + 1]
        truth = gold[i] if gold.shape[0] else -1
        for k in range(n_classes):
            above[k] = strength * centre[k]
            below[k] = strength
        for e in range(start, stop):
            j = annotator[e]
            above[label[e]] += weight[j, label[e]]
            for k in range(n_classes):
                below[k] += weight[j, k]
        for k in range(n_classes):
            scores[i, k] = above[k] / below[k]
            if truth >= 0:
                scores[i, k] = 1.0 if k == truth else 0.0
        if start == stop and truth < 0:
            continue
        for k in range(n_classes):
            total[k] += scores[i, k]
            spread += (scores[i, k] - centre[k]) ** 2
        _add_errors(annotator, label, start, stop, scores[i], errors)
    return spread
