"""One pass over items: the posterior of each from its labels, and what it adds to the counts.

Tables are indexed ``[j·K + y, k]``: one row per annotator and reported label, the truth ``k``
contiguous, so that an annotation is one row: multiplied into the product of its item, and, the
item's posterior known, the row of the counts to which that is added. Rows are vectors in
registers (`_simd.py`), and row numbers unsigned, which spares the test for negative ones.

Entries of a table, and the prior's, are at least `FLOOR` and at most one. No product of sixteen
of them underflows, so items of up to sixteen labels multiply plain probabilities. So do longer
ones, and where the evidence comes out large enough, a class that underflowed on the way is
beyond notice; where not, each class is rescaled on its own, exactly (by powers of two), after
every eight labels.
"""

from __future__ import annotations

import math

import numpy as np

from aggregate._jit import helper, kernel
from aggregate._simd import add, add_to, load, multiply, prefetch, scale, store, total

FLOOR = 2.0**-52  # machine epsilon; smaller probabilities are raised to it
_SAFE = np.uint64(16)  # 2^-52 to the power of 17 is still a normal number
_CHUNK = np.uint64(8)  # 2^-512 times eight factors of 2^-52 is one, too
_ONE = np.uint64(1)
_TINY = 2.0**-512
_HUGE = 2.0**512
_PLENTY = 2.0**-400  # beside it, what a double cannot hold is nothing
_LOG_HUGE = 512 * math.log(2.0)
_FLUSH = 1e-140  # products of two evidences above it are normal numbers
_BATCH = 1 << 12  # items whose posteriors are summed before they join the rest

_WIDEST = 64  # classes up to which a kernel of their own is worth compiling
_FAR = 1 << 20  # table entries times classes from which rows are fetched ahead


def class_tuple(n_classes: int) -> tuple[float, ...]:
    """Return the tuple whose length tells `em_pass`, at compile time, how long a vector is.

    Up to 64 classes it is a row; longer rows are taken sixteen entries at a time.
    """
    return (0.0,) * (n_classes if n_classes <= _WIDEST else 16)


@helper
def _joint(code, start, stop, priors, table, truth, joints, shift, unit):
    """Fill ``joints[0, k]·HUGE^-low`` = P(truth k, labels); return ``low``, common to all k.

    Where the truth is known (not -1), only its entry holds: beside the others, it might vanish.
    """
    product = load(priors, 0, 0, unit)
    store(joints, 0, 0, product)
    shift[:] = 0
    while start < stop:
        end = min(start + _CHUNK, stop)
        for e in range(start, end):
            product = multiply(product, load(table, code[e], 0, unit))
        start = end
        store(joints, 0, 0, product)
        for k in range(len(unit)):
            if joints[0, k] < _TINY:
                joints[0, k] *= _HUGE
                shift[k] += 1
        product = load(joints, 0, 0, unit)
    low = shift.min() if truth < 0 else shift[truth]
    for k in range(len(unit)):
        if shift[k] == low + 1:
            joints[0, k] *= _TINY
        elif shift[k] > low:
            joints[0, k] = 0.0  # below 2^-512 of the largest: nothing is lost
    return low


@helper
def _posterior(code, start, stop, priors, table, truth, joints, shift, unit):
    """Fill ``joints`` with the posterior of an item of any length; return its log evidence."""
    low = _joint(code, start, stop, priors, table, truth, joints, shift, unit)
    if truth >= 0:
        evidence = joints[0, truth]
        joints[:] = 0.0
        joints[0, truth] = 1.0
    else:
        product = load(joints, 0, 0, unit)
        evidence = total(product)
        store(joints, 0, 0, scale(product, 1.0 / evidence))
    return math.log(evidence) - low * _LOG_HUGE


@kernel
def em_pass(item_ptr, code, gold, weight, prior, table, first, last, counts, mass, posterior, unit):
    """Add items ``first`` to ``last`` to the counts; return their log likelihood.

    The kernel is compiled once per number of classes, up to 64.

    Parameters
    ----------
    item_ptr : ndarray of int64, shape (N + 1,)
    code : ndarray of uint32, shape (E,)
        ``annotator·K + label`` of each annotation.
    gold : ndarray of int32, shape (N,) or (0,)
        Known class of each item, -1 where unknown; empty where nothing is known.
    weight : ndarray of float64, shape (N,) or (0,)
        How often each item counts; empty where each counts once.
    prior : ndarray of shape (K,)
    table : ndarray of shape (M·K, K)
        ``table[j·K + y, k]`` = P(annotator j says y | truth k), from `FLOOR` to 1.
    first, last : int
        The block of items.
    counts : ndarray of shape (M·K, K) or (0, K)
        Added to: expected number of times annotator j said y when the truth was k. Where
        empty, nothing is.
    mass : ndarray of shape (K,)
        Added to: expected number of items of each class. Items that nobody labelled and
        whose class is unknown say nothing and are left out.
    posterior : ndarray of shape (last - first, K) or (0, K)
        Filled with what is added to the counts for each label of an item (not for items
        without labels), unless empty.
    unit : tuple of K floats
        Only its length is used (see `class_tuple`).
    """
    priors, masses = prior.reshape((1, -1)), mass.reshape((1, -1))
    joints, shift = np.zeros((1, len(unit))), np.zeros(len(unit), dtype=np.int64)
    zero = load(joints, 0, 0, unit)
    ahead = np.uint64(0 if table.size * len(unit) < _FAR else max(8, min(64, 512 // len(unit))))
    final = np.uint64(max(item_ptr[last], 1) - 1)
    log_likelihood = 0.0
    evidences = 1.0  # several items' evidence share one logarithm
    for batch in range(first, last, _BATCH):
        seen = zero
        for i in range(batch, min(batch + _BATCH, last)):
            start, stop = np.uint64(item_ptr[i]), np.uint64(item_ptr[i + 1])
            truth = gold[i] if gold.shape[0] else -1
            if start == stop and truth < 0:
                continue
            evidence = 0.0
            if truth < 0:
                product, e = load(priors, 0, 0, unit), start
                while ahead and e < stop:
                    later = code[min(e + ahead, final)]
                    prefetch(table, later, 0, unit)
                    if counts.shape[0]:
                        prefetch(counts, later, 0, unit)
                    product = multiply(product, load(table, code[e], 0, unit))
                    e += _ONE
                while e < stop:  # one instruction less than a loop over a range
                    product = multiply(product, load(table, code[e], 0, unit))
                    e += _ONE
                evidence = total(product)
            if truth < 0 and (stop - start <= _SAFE or evidence > _PLENTY):
                product = scale(product, 1.0 / evidence)
                if weight.shape[0]:
                    log_likelihood += weight[i] * math.log(evidence)
                elif evidence < _FLUSH:
                    log_likelihood += math.log(evidence)
                else:
                    evidences *= evidence
                    if evidences < _FLUSH:
                        log_likelihood += math.log(evidences)
                        evidences = 1.0
            else:
                log_evidence = _posterior(
                    code, start, stop, priors, table, truth, joints, shift, unit
                )
                log_likelihood += log_evidence * (weight[i] if weight.shape[0] else 1.0)
                product = load(joints, 0, 0, unit)
            if weight.shape[0]:
                product = scale(product, weight[i])
            seen = add(seen, product)
            if posterior.shape[0]:
                store(posterior, np.uint64(i - first), 0, product)
            e = start if counts.shape[0] else stop
            while e < stop:
                add_to(counts, code[e], 0, product)
                e += _ONE
        add_to(masses, 0, 0, seen)
    return log_likelihood + math.log(evidences)


def log_joint_pass(item_ptr, code, prior, table, first, last, log_joint):
    """Fill ``log_joint[i, k]`` = log P(truth k, labels of i) for items ``first`` to ``last``."""
    unit, table = class_tuple(len(prior)), np.ascontiguousarray(table)
    _log_joint_pass(item_ptr, code, prior, table, first, last, log_joint, unit)


@kernel
def _log_joint_pass(item_ptr, code, prior, table, first, last, log_joint, unit):
    """Take the logarithms of products of sixteen labels, which never vanish."""
    n_classes, width = prior.shape[0], len(unit)
    products = np.ones((3, n_classes))
    products[0] = prior  # row 1 stays at one
    for i in range(first, last):
        stop = np.uint64(item_ptr[i + 1])
        for left in range(0, n_classes, width):
            column = min(left, n_classes - width)  # what is met twice comes out the same
            start, factor = np.uint64(item_ptr[i]), 0
            log_joint[i, column : column + width] = 0.0
            while start < stop or factor == 0:
                product = load(products, factor, column, unit)
                end = min(start + _SAFE, stop)
                for e in range(start, end):
                    product = multiply(product, load(table, code[e], column, unit))
                store(products, 2, column, product)
                for k in range(column, column + width):
                    log_joint[i, k] += math.log(products[2, k])
                start, factor = end, 1


@kernel
def posterior_counts(item_ptr, code, posterior, first, last, counts, mass):
    """Add given posteriors, not computed ones, to the counts (see `em_pass`).

    Items without labels whose posterior row sums to zero say nothing.
    """
    n_classes = posterior.shape[1]
    for i in range(first, last):
        for k in range(n_classes):
            mass[k] += posterior[i, k]
        for e in range(np.uint64(item_ptr[i]), np.uint64(item_ptr[i + 1])):
            row = code[e]
            for k in range(n_classes):
                counts[row, k] += posterior[i, k]
