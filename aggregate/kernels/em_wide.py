"""The pass of `em.py` for many classes: a row is several vectors.

The last vector of a row begins early enough to end with it. Its first entries are then those of
the vector before: multiplied twice they come out the same, and they are added as zeros.
"""

from __future__ import annotations

import math

import numpy as np

from aggregate._jit import helper, kernel
from aggregate._simd import add, add_to, load, multiply, prefetch, scale, store, total

_SAFE = np.uint64(16)  # these constants are those of `em.py`
_CHUNK = 8
_TINY = 2.0**-512
_HUGE = 2.0**512
_PLENTY = 2.0**-400
_LOG_HUGE = 512 * math.log(2.0)
_FLUSH = 1e-140
_BATCH = 1 << 12
_AHEAD = np.uint64(8)  # labels by which rows are fetched early


@helper
def _products(code, start, stop, final, priors, table, counts, joints, unit):
    """Fill row 0 of ``joints`` with the prior times the rows of an item's labels."""
    n_classes, width = joints.shape[1], len(unit)
    for left in range(0, n_classes, width):
        column = min(left, n_classes - width)
        product = load(priors, 0, column, unit)
        for e in range(start, stop):
            later = code[min(e + _AHEAD, final)]
            prefetch(table, later, column, unit)
            if counts.shape[0]:
                prefetch(counts, later, column, unit)
            product = multiply(product, load(table, code[e], column, unit))
        store(joints, 0, column, product)


@helper
def _normalise(joints, n_whole, share, unit):
    """Make row 0 sum to ``share``; return its sum; put the last vector's own part in row 1."""
    n_classes, width = joints.shape[1], len(unit)
    for k in range(n_whole, n_classes):
        joints[1, width - n_classes + k] = joints[0, k]
    parts = load(joints, 1, 0, unit)
    for column in range(0, n_whole, width):
        parts = add(parts, load(joints, 0, column, unit))
    evidence = total(parts)
    for column in range(0, n_whole, width):
        store(joints, 0, column, scale(load(joints, 0, column, unit), share / evidence))
    store(joints, 1, 0, scale(load(joints, 1, 0, unit), share / evidence))
    for k in range(n_whole, n_classes):
        joints[0, k] = joints[1, width - n_classes + k]
    return evidence


@helper
def _scatter(code, start, stop, joints, n_whole, counts, unit):
    """Add the posterior (see `_normalise`) to the rows of an item's labels."""
    end = joints.shape[1] - len(unit)
    for e in range(start, stop):
        for column in range(0, n_whole, len(unit)):
            add_to(counts, code[e], column, load(joints, 0, column, unit))
        if n_whole < joints.shape[1]:
            add_to(counts, code[e], end, load(joints, 1, 0, unit))


@helper
def _long(code, start, stop, prior, table, truth, joint, shift):
    """Fill ``joint`` with P(truth k, labels) up to a common factor; return its logarithm.

    Where the truth is known (not -1), that is its P, and one is left of it.
    """
    joint[:] = prior
    shift[:] = 0
    for chunk in range(start, stop, _CHUNK):
        for e in range(chunk, min(chunk + _CHUNK, stop)):
            row = code[e]
            for k in range(joint.shape[0]):
                joint[k] *= table[row, k]
        for k in range(joint.shape[0]):
            if joint[k] < _TINY:
                joint[k] *= _HUGE
                shift[k] += 1
    if truth >= 0:
        log_joint = math.log(joint[truth]) - shift[truth] * _LOG_HUGE
        joint[:] = 0.0
        joint[truth] = 1.0
        return log_joint
    low = shift.min()
    for k in range(joint.shape[0]):
        if shift[k] > low:
            joint[k] = joint[k] * _TINY if shift[k] == low + 1 else 0.0
    return -low * _LOG_HUGE


@kernel
def em_pass_wide(
    item_ptr, code, gold, weight, prior, table, first, last, counts, mass, posterior, unit
):
    """Do what `em_pass` does for any number of classes from ``len(unit)`` on."""
    n_classes = prior.shape[0]
    n_whole = n_classes - n_classes % len(unit)
    joints, seen = np.zeros((2, n_classes)), np.zeros(n_classes)
    priors, shift = prior.reshape((1, n_classes)), np.zeros(n_classes, dtype=np.int64)
    final = np.uint64(max(item_ptr[last], 1) - 1)
    log_likelihood = 0.0
    evidences = 1.0
    for batch in range(first, last, _BATCH):
        seen[:] = 0.0
        for i in range(batch, min(batch + _BATCH, last)):
            start, stop = np.uint64(item_ptr[i]), np.uint64(item_ptr[i + 1])
            truth = gold[i] if gold.shape[0] else -1
            if start == stop and truth < 0:
                continue
            share = weight[i] if weight.shape[0] else 1.0
            plenty = False
            if truth < 0:
                _products(code, start, stop, final, priors, table, counts, joints, unit)
                plenty = stop - start <= _SAFE or joints[0].sum() > _PLENTY
            if not plenty:
                log_likelihood += share * _long(
                    code, item_ptr[i], item_ptr[i + 1], prior, table, truth, joints[0], shift
                )
            evidence = _normalise(joints, n_whole, share, unit)
            if evidence < _FLUSH or weight.shape[0]:
                log_likelihood += share * math.log(evidence)
            else:
                evidences *= evidence
                if evidences < _FLUSH:
                    log_likelihood += math.log(evidences)
                    evidences = 1.0
            for k in range(n_classes):
                seen[k] += joints[0, k]
            if posterior.shape[0]:
                posterior[i - first] = joints[0]
            if counts.shape[0]:
                _scatter(code, start, stop, joints, n_whole, counts, unit)
        mass += seen
    return log_likelihood + math.log(evidences)
