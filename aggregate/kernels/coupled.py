"""The coupled cross-entropy: how well a classifier seen through the annotators predicts labels.

Tables are indexed ``[j·K + y, k]``, as everywhere in the kernels: one label is one row, and its
probability the inner product of that row with the classifier's probabilities of the item.
"""

from __future__ import annotations

import math

from aggregate._jit import kernel

LEAST = 1e-300  # probability below which a label's logarithm is not followed any further


@kernel
def coupled_pass(item, code, weight, soft, table, first, last, to_soft, to_table):
    """Return the sum of w·(-log P(label)) over the entries ``first`` to ``last``, add its gradient.

    Parameters
    ----------
    item : ndarray of int32, shape (E,)
        Item of each label.
    code : ndarray of uint32, shape (E,)
        ``annotator·K + label`` of each label.
    weight : ndarray of float64, shape (E,) or (0,)
        How often each label counts; empty where each counts once.
    soft : ndarray of shape (N, K)
        The classifier's probability of each class.
    table : ndarray of shape (M·K, K)
        ``table[j·K + y, k]`` = P(annotator j says y | truth k).
    first, last : int
        The block of entries.
    to_soft : ndarray of shape (N, K)
        Added to: derivative by ``soft``.
    to_table : ndarray of shape (M·K, K)
        Added to: derivative by ``table``.
    """
    n_classes = soft.shape[1]
    value = 0.0
    for e in range(first, last):
        i, row = item[e], code[e]
        chance = 0.0
        for k in range(n_classes):
            chance += soft[i, k] * table[row, k]
        chance = max(chance, LEAST)
        count = weight[e] if weight.shape[0] else 1.0
        value -= count * math.log(chance)
        rate = count / chance
        for k in range(n_classes):
            to_soft[i, k] -= rate * table[row, k]
            to_table[row, k] -= rate * soft[i, k]
    return value


@kernel
def softmax_rows(scores):
    """Replace rows of scores by their softmax."""
    n_classes = scores.shape[1]
    for i in range(scores.shape[0]):
        largest = scores[i, 0]
        for k in range(1, n_classes):
            largest = max(largest, scores[i, k])
        total = 0.0
        for k in range(n_classes):
            scores[i, k] = math.exp(scores[i, k] - largest)
            total += scores[i, k]
        for k in range(n_classes):
            scores[i, k] /= total


@kernel
def softmax_slope(soft, slope):
    """Replace the derivative by ``soft``, rows of a softmax, by the one by its scores."""
    n_classes = soft.shape[1]
    for i in range(soft.shape[0]):
        mean = 0.0
        for k in range(n_classes):
            mean += soft[i, k] * slope[i, k]
        for k in range(n_classes):
            slope[i, k] = soft[i, k] * (slope[i, k] - mean)
