"""One pass over items whose classes have several subtypes each, in logarithms.

Columns are subtypes: ``c = k·G + g`` for subtype g of G of class k. Rows are labels,
``annotator·K + label``, as everywhere.
"""

from __future__ import annotations

import math

import numpy as np

from aggregate._jit import helper, kernel


@helper
def _log_joint(code, start, stop, log_prior, log_table, joint):
    """Fill ``joint`` with the log probability of every subtype together with the labels."""
    n_columns = joint.shape[0]
    for c in range(n_columns):
        joint[c] = log_prior[c]
    for e in range(start, stop):
        row = code[e]
        for c in range(n_columns):
            joint[c] += log_table[row, c]


@kernel
def mixture_pass(
    item_ptr, code, gold, n_groups, log_prior, log_table, first, last, counts, mass
):  # fmt: skip
    """Add items ``first`` to ``last`` to the counts; return their log likelihood.

    Parameters
    ----------
    item_ptr : ndarray of int64, shape (N + 1,)
    code : ndarray of uint32, shape (E,)
        Table row of each annotation.
    gold : ndarray of int32, shape (N,) or (0,)
        Known class of each item, -1 where unknown; empty where nothing is known.
    n_groups : int
        Subtypes per class, G.
    log_prior : ndarray of shape (K·G,)
    log_table : ndarray of shape (R, K·G)
    first, last : int
        The block of items.
    counts : ndarray of shape (R, K·G)
        Added to: expected labels of each row and subtype.
    mass : ndarray of shape (K·G,)
        Added to: expected items of each subtype. Items that say nothing are left out.
    """
    n_columns = log_prior.shape[0]
    joint = np.empty(n_columns)
    log_likelihood = 0.0
    for i in range(first, last):
        start, stop = item_ptr[i], item_ptr[i + 1]
        truth = gold[i] if gold.shape[0] else -1
        if start == stop and truth < 0:
            continue
        _log_joint(code, start, stop, log_prior, log_table, joint)
        low, high = 0, n_columns
        if truth >= 0:
            low, high = truth * n_groups, (truth + 1) * n_groups
        largest = -np.inf
        for c in range(low, high):
            largest = max(largest, joint[c])
        total = 0.0
        for c in range(n_columns):
            joint[c] = math.exp(joint[c] - largest) if low <= c < high else 0.0
            total += joint[c]
        log_likelihood += largest + math.log(total)
        for c in range(n_columns):
            joint[c] /= total
            mass[c] += joint[c]
        for e in range(start, stop):
            row = code[e]
            for c in range(n_columns):
                counts[row, c] += joint[c]
    return log_likelihood


@kernel
def mixture_log_joint(item_ptr, code, n_groups, log_prior, log_table, first, last, out):
    """Fill ``out[i, k]`` = log P(truth k, labels of i), summed over the subtypes of k."""
    joint = np.empty(log_prior.shape[0])
    for i in range(first, last):
        _log_joint(code, item_ptr[i], item_ptr[i + 1], log_prior, log_table, joint)
        for k in range(out.shape[1]):
            largest = -np.inf
            for c in range(k * n_groups, (k + 1) * n_groups):
                largest = max(largest, joint[c])
            total = 0.0
            for c in range(k * n_groups, (k + 1) * n_groups):
                total += math.exp(joint[c] - largest)
            out[i, k] = largest + math.log(total)
