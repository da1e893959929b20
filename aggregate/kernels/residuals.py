"""What a model of annotators leaves unexplained: agreement of pairs, surprise at labels.

Each label, or pair of labels, is predicted from the other labels of its item.
"""

from __future__ import annotations

import math

import numpy as np

from aggregate._jit import helper, kernel


@helper
def _joint(code, start, stop, log_prior, log_table, joint):
    for k in range(joint.shape[0]):
        joint[k] = log_prior[k]
        for e in range(start, stop):
            joint[k] += log_table[code[e], k]


@helper
def _log_sum(scores):
    largest = scores[0]
    for k in range(1, scores.shape[0]):
        largest = max(largest, scores[k])
    total = 0.0
    for k in range(scores.shape[0]):
        total += math.exp(scores[k] - largest)
    return largest + math.log(total)


@helper
def _chance_of_agreement(scores, code, one, other, table):
    """Return the probability that two annotators say the same, given scores of the classes."""
    n_classes = scores.shape[0]
    base, beside = code[one] // n_classes * n_classes, code[other] // n_classes * n_classes
    total = _log_sum(scores)
    chance = 0.0
    for k in range(n_classes):
        same = 0.0
        for y in range(n_classes):
            same += table[base + y, k] * table[beside + y, k]
        chance += math.exp(scores[k] - total) * same
    return chance


@kernel
def pair_agreement(item_ptr, code, log_prior, table, log_table, most, first, last, sums):
    """Fill ``sums[i]``: pairs of labels that agree, how many the model expects, how many pairs.

    The expectation of a pair comes from the item's other labels. Items of two labels or fewer
    have none and are left at zero, pairs by one annotator are passed over, and of an item with
    more than ``most`` pairs, those of labels that stand close are taken.

    Parameters
    ----------
    item_ptr : ndarray of int64, shape (N + 1,)
    code : ndarray of uint32, shape (E,)
        ``annotator·K + label`` of each annotation.
    log_prior : ndarray of shape (K,)
    table, log_table : ndarray of shape (M·K, K)
        ``table[j·K + y, k]`` = P(annotator j says y | truth k), and its logarithm.
    most : int
        About as many pairs per item.
    first, last : int
        The block of items.
    sums : ndarray of shape (N, 3)
    """
    n_classes = log_prior.shape[0]
    joint, rest = np.empty(n_classes), np.empty(n_classes)
    for i in range(first, last):
        start, stop = item_ptr[i], item_ptr[i + 1]
        n_labels = stop - start
        if n_labels < 3:
            continue
        _joint(code, start, stop, log_prior, log_table, joint)
        for step in range(1, n_labels):
            if (step - 1) * n_labels >= most:
                break
            for one in range(start, stop - step):
                other = one + step
                if code[one] // n_classes == code[other] // n_classes:
                    continue
                for k in range(n_classes):
                    rest[k] = joint[k] - log_table[code[one], k] - log_table[code[other], k]
                if code[one] % n_classes == code[other] % n_classes:
                    sums[i, 0] += 1.0
                sums[i, 1] += _chance_of_agreement(rest, code, one, other, table)
                sums[i, 2] += 1.0


@kernel
def label_surprise(item_ptr, code, log_prior, log_table, first, last, surprise):
    """Fill ``surprise[i]`` = -Σ_e log P(label e | the item's other labels).

    Parameters
    ----------
    item_ptr, code, log_prior, log_table, first, last
        As in `pair_agreement`.
    surprise : ndarray of shape (N,)
    """
    n_classes = log_prior.shape[0]
    joint, rest = np.empty(n_classes), np.empty(n_classes)
    for i in range(first, last):
        start, stop = item_ptr[i], item_ptr[i + 1]
        _joint(code, start, stop, log_prior, log_table, joint)
        evidence = _log_sum(joint)
        surprise[i] = 0.0
        for e in range(start, stop):
            for k in range(n_classes):
                rest[k] = joint[k] - log_table[code[e], k]
            surprise[i] += _log_sum(rest) - evidence
