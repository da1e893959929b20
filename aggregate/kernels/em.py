"""One pass over items: the posterior of each from its labels, and what it adds to the counts.

Tables are indexed ``[j·K + y, k]``: one row per annotator and reported label, the truth ``k``
contiguous, since the inner loop runs over it. Their entries, and the prior's, are at least
`FLOOR`; that bounds every product of sixteen of them away from underflow, so items of up to
sixteen labels multiply plain probabilities, and longer ones rescale each class on its own,
exactly (by powers of two), after every eight.
"""

from __future__ import annotations

import math

import numpy as np

from aggregate._jit import helper, kernel

FLOOR = 2.0**-52  # machine epsilon; smaller probabilities are raised to it
_SAFE = 16  # 2^-52 to the power of 17 is still a normal number
_CHUNK = 8  # 2^-512 times eight factors of 2^-52 is one, too
_TINY = 2.0**-512
_HUGE = 2.0**512
_LOG_HUGE = 512 * math.log(2.0)
_FLUSH = 1e-140  # products of two evidences above it are normal numbers


_MOST_UNROLLED = 16  # classes up to which a kernel of their own is worth compiling


def class_tuple(n_classes: int) -> tuple[float, ...]:
    """Return the tuple that tells `em_pass` the number of classes at compile time."""
    return (0.0,) * n_classes if n_classes <= _MOST_UNROLLED else ()


@helper
def _joint(code, start, stop, prior, table, truth, n_classes, joint, shift):
    """Fill ``joint[k]·HUGE^-low`` = P(truth k, labels); return ``low``, common to all k.

    Where the truth is known (not -1), only its entry holds: beside the others, it might vanish.
    """
    for k in range(n_classes):
        joint[k] = prior[k]
    if stop - start <= _SAFE:
        for e in range(start, stop):
            row = code[e]
            for k in range(n_classes):
                joint[k] *= table[row, k]
        return 0
    for k in range(n_classes):
        shift[k] = 0
    for chunk in range(start, stop, _CHUNK):
        for e in range(chunk, min(chunk + _CHUNK, stop)):
            row = code[e]
            for k in range(n_classes):
                joint[k] *= table[row, k]
        for k in range(n_classes):
            if joint[k] < _TINY:
                joint[k] *= _HUGE
                shift[k] += 1
    if truth >= 0:
        return shift[truth]
    low = shift[0]
    for k in range(1, n_classes):
        low = min(low, shift[k])
    for k in range(n_classes):
        if shift[k] == low + 1:
            joint[k] *= _TINY
        elif shift[k] > low:
            joint[k] = 0.0  # below 2^-512 of the largest: nothing is lost
    return low


@helper
def _clamp(joint, truth):
    """Leave only the known class."""
    for k in range(joint.shape[0]):
        if k != truth:
            joint[k] = 0.0


@kernel
def em_pass(item_ptr, code, gold, prior, table, first, last, counts, mass, unit):
    """Add items ``first`` to ``last`` to the counts; return their log likelihood.

    The kernel is compiled once per length of ``unit``, with the number of classes known to the
    compiler, which then unrolls the loops over them: about twice as fast for few classes.

    Parameters
    ----------
    item_ptr : ndarray of int64, shape (N + 1,)
    code : ndarray of uint32, shape (E,)
        ``annotator·K + label`` of each annotation.
    gold : ndarray of int32, shape (N,) or (0,)
        Known class of each item, -1 where unknown; empty where nothing is known.
    prior : ndarray of shape (K,)
    table : ndarray of shape (M·K, K)
        ``table[j·K + y, k]`` = P(annotator j says y | truth k), at least `FLOOR`.
    first, last : int
        The block of items.
    counts : ndarray of shape (M·K, K)
        Added to: expected number of times annotator j said y when the truth was k.
    mass : ndarray of shape (K,)
        Added to: expected number of items of each class. Items that nobody labelled and
        whose class is unknown say nothing and are left out.
    unit : tuple of K floats, or of none
        Only its length is used (see `class_tuple`); of none, K is read from the arrays.
    """
    n_classes = len(unit) if len(unit) > 0 else prior.shape[0]
    if n_classes == 2:
        return _em_pass_two(item_ptr, code, gold, prior, table, first, last, counts, mass)
    joint = np.empty(n_classes)
    shift = np.empty(n_classes, dtype=np.int64)
    log_likelihood = 0.0
    evidences = 1.0  # several items' evidence share one logarithm
    for i in range(first, last):
        start, stop = item_ptr[i], item_ptr[i + 1]
        truth = gold[i] if gold.shape[0] else -1
        if start == stop and truth < 0:
            continue
        low = _joint(code, start, stop, prior, table, truth, n_classes, joint, shift)
        if truth >= 0:
            _clamp(joint, truth)
        evidence = 0.0
        for k in range(n_classes):
            evidence += joint[k]
        log_likelihood -= low * _LOG_HUGE
        if evidence < _FLUSH:
            log_likelihood += math.log(evidence)
        else:
            evidences *= evidence
            if evidences < _FLUSH:
                log_likelihood += math.log(evidences)
                evidences = 1.0
        # A sum this small (far beyond what sixteen floored factors give) has no reciprocal.
        for k in range(n_classes):
            joint[k] /= evidence
            mass[k] += joint[k]
        for e in range(start, stop):
            row = code[e]
            for k in range(n_classes):
                counts[row, k] += joint[k]
    return log_likelihood + math.log(evidences)


@helper
def _em_pass_two(item_ptr, code, gold, prior, table, first, last, counts, mass):
    """Do the same for two classes, with both products in registers."""
    log_likelihood = 0.0
    evidences = 1.0
    mass0, mass1 = 0.0, 0.0
    joint = np.empty(2)
    shift = np.empty(2, dtype=np.int64)
    for i in range(first, last):
        start, stop = item_ptr[i], item_ptr[i + 1]
        truth = gold[i] if gold.shape[0] else -1
        if start == stop and truth < 0:
            continue
        if stop - start <= _SAFE:
            p0, p1 = prior[0], prior[1]
            for e in range(start, stop):
                p0 *= table[code[e], 0]
                p1 *= table[code[e], 1]
        else:
            low = _joint(code, start, stop, prior, table, truth, 2, joint, shift)
            log_likelihood -= low * _LOG_HUGE
            p0, p1 = joint[0], joint[1]
        if truth >= 0:
            p0, p1 = (p0, 0.0) if truth == 0 else (0.0, p1)
        evidence = p0 + p1
        if evidence < _FLUSH:
            log_likelihood += math.log(evidence)
        else:
            evidences *= evidence
            if evidences < _FLUSH:
                log_likelihood += math.log(evidences)
                evidences = 1.0
        p0 /= evidence
        p1 /= evidence
        mass0 += p0
        mass1 += p1
        for e in range(start, stop):
            counts[code[e], 0] += p0
            counts[code[e], 1] += p1
    mass[0] += mass0
    mass[1] += mass1
    return log_likelihood + math.log(evidences)


@kernel
def log_joint_pass(item_ptr, code, prior, table, first, last, log_joint):
    """Fill ``log_joint[i, k]`` = log P(truth k, labels of i) for items ``first`` to ``last``."""
    n_classes = prior.shape[0]
    joint = np.empty(n_classes)
    for i in range(first, last):
        for k in range(n_classes):
            log_joint[i, k] = 0.0
            joint[k] = prior[k]
        for e in range(item_ptr[i], item_ptr[i + 1]):
            row = code[e]
            for k in range(n_classes):
                joint[k] *= table[row, k]
                if joint[k] < _TINY:  # every class keeps its own logarithm: none may vanish
                    log_joint[i, k] += math.log(joint[k])
                    joint[k] = 1.0
        for k in range(n_classes):
            log_joint[i, k] += math.log(joint[k])


@kernel
def posterior_counts(item_ptr, code, posterior, first, last, counts, mass):
    """Add given posteriors, not computed ones, to the counts (see `em_pass`).

    Items without labels whose posterior row sums to zero say nothing.
    """
    n_classes = posterior.shape[1]
    for i in range(first, last):
        for k in range(n_classes):
            mass[k] += posterior[i, k]
        for e in range(item_ptr[i], item_ptr[i + 1]):
            row = code[e]
            for k in range(n_classes):
                counts[row, k] += posterior[i, k]


@kernel
def normalise_counts(counts, pseudo, fallback, table):
    """Fill ``table`` with (counts + pseudo) divided by their sum over the labels.

    Parameters
    ----------
    counts : ndarray of shape (M·K, K)
    pseudo : ndarray of shape (K, K) or (M·K, K)
        Dirichlet pseudo-counts ``[y, k]``, the same for all annotators or one block each.
    fallback : ndarray of shape (K, K)
        Column taken where an annotator has neither counts nor pseudo-counts for a class.
    table : ndarray of shape (M·K, K)
        Filled, entries raised to `FLOOR`.
    """
    n_classes = counts.shape[1]
    period = pseudo.shape[0]
    total = np.empty(n_classes)
    for base in range(0, counts.shape[0], n_classes):
        for k in range(n_classes):
            total[k] = 0.0
        for row in range(base, base + n_classes):
            for k in range(n_classes):
                total[k] += counts[row, k] + pseudo[row % period, k]
        for row in range(base, base + n_classes):
            for k in range(n_classes):
                share = fallback[row - base, k]
                if total[k] > 0.0:
                    share = (counts[row, k] + pseudo[row % period, k]) / total[k]
                table[row, k] = max(share, FLOOR)


@kernel
def log_dirichlet(table, pseudo):
    """Return the sum of pseudo-count times log probability (see `normalise_counts`)."""
    period = pseudo.shape[0]
    value = 0.0
    for row in range(table.shape[0]):
        for k in range(table.shape[1]):
            if pseudo[row % period, k] > 0.0:
                value += pseudo[row % period, k] * math.log(table[row, k])
    return value
