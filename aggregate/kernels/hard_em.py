"""One pass over items in which each counts for its likeliest class alone.

Tables are indexed ``[j·K + y, k]``, as in the pass of soft EM.
"""

from __future__ import annotations

import math

import numpy as np

from aggregate._jit import kernel

_TINY = 2.0**-512
_TIED = 1e-9  # log probabilities this near (relatively) differ by the order of summation alone


@kernel
def hard_pass(item_ptr, code, gold, prior, table, first, last, counts, mass):
    """Add items ``first`` to ``last`` to the counts; return their classification likelihood.

    Parameters
    ----------
    item_ptr : ndarray of int64, shape (N + 1,)
    code : ndarray of uint32, shape (E,)
        Table row of each annotation.
    gold : ndarray of int32, shape (N,) or (0,)
        Known class of each item, -1 where unknown; empty where nothing is known.
    prior : ndarray of shape (K,)
    table : ndarray of shape (R, K)
        Probability of each row's label under each truth, at least 2^-52.
    first, last : int
        The block of items.
    counts : ndarray of shape (R, K)
        Added to: one for the likeliest class of each label's item, shared out equally where
        several are likeliest.
    mass : ndarray of shape (K,)
        Added to: the same per item. Items that say nothing are left out.

    Returns
    -------
    float
        Sum of the log probability of each item's labels and likeliest class.
    """
    n_classes = prior.shape[0]
    joint = np.empty(n_classes)
    log_joint = np.empty(n_classes)
    total = 0.0
    for i in range(first, last):
        start, stop = item_ptr[i], item_ptr[i + 1]
        truth = gold[i] if gold.shape[0] else -1
        if start == stop and truth < 0:
            continue
        for k in range(n_classes):
            joint[k] = prior[k]
            log_joint[k] = 0.0
        for e in range(start, stop):
            row = code[e]
            for k in range(n_classes):
                joint[k] *= table[row, k]
                if joint[k] < _TINY:
                    log_joint[k] += math.log(joint[k])
                    joint[k] = 1.0
        best = -np.inf
        for k in range(n_classes):
            log_joint[k] += math.log(joint[k])
            if truth >= 0 and k != truth:
                log_joint[k] = -np.inf
            best = max(best, log_joint[k])
        near = best - _TIED * abs(best)
        n_best = 0
        for k in range(n_classes):
            n_best += log_joint[k] >= near
        for k in range(n_classes):
            joint[k] = 1.0 / n_best if log_joint[k] >= near else 0.0
            mass[k] += joint[k]
        for e in range(start, stop):
            row = code[e]
            for k in range(n_classes):
                counts[row, k] += joint[k]
        total += best
    return total
