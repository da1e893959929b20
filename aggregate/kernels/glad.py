"""Votes under one ability per annotator and one ease per item: value, gradient, best ease.

A label is right with probability s(ability · ease), s the logistic function; a wrong one is any
other class alike. Only the class that a label names differs from the others, so an item costs
its labels plus its classes, not their product. Everything is done in logarithms.
"""

from __future__ import annotations

import math

import numpy as np

from aggregate._jit import helper, kernel

_GRID = 9  # eases tried per item, over four standard deviations either way
_REFINE = 30  # halvings of a bracket of one deviation: to 1e-9
_LARGE = 1e300
_HIGHEST = 30.0  # of a log ease: a trial step of an optimiser may go anywhere


@helper
def _longest(item_ptr, first, last):
    longest = 1
    for i in range(first, last):
        longest = max(longest, item_ptr[i + 1] - item_ptr[i])
    return longest


@helper
def _weigh(annotator, label, start, stop, log_prior, ability, ease, scores, right):
    """Fill log joints ``scores`` and each label's chance ``right`` of being correct."""
    n_classes = log_prior.shape[0]
    log_others = math.log(max(n_classes - 1, 1))
    common = -(stop - start) * log_others
    product = 1.0  # of several 1 + exp(-|x|), each at most 2, that share one logarithm
    for k in range(n_classes):
        scores[k] = log_prior[k]
    for e in range(start, stop):
        x = ability[annotator[e]] * ease
        small = math.exp(-abs(x))
        right[e - start] = (1.0 if x >= 0.0 else small) / (1.0 + small)
        common -= max(x, 0.0)
        product *= 1.0 + small
        if product > _LARGE:
            common -= math.log(product)
            product = 1.0
        scores[label[e]] += x + log_others
    common -= math.log(product)
    for k in range(n_classes):
        scores[k] += common


@helper
def _normalise(scores, truth):
    """Turn log joints into the posterior; return the log evidence."""
    n_classes = scores.shape[0]
    if truth >= 0:
        evidence = scores[truth]
        for k in range(n_classes):
            scores[k] = 0.0
        scores[truth] = 1.0
        return evidence
    largest = scores[0]
    for k in range(1, n_classes):
        largest = max(largest, scores[k])
    total = 0.0
    for k in range(n_classes):
        scores[k] = math.exp(scores[k] - largest)
        total += scores[k]
    for k in range(n_classes):
        scores[k] /= total
    return largest + math.log(total)


@kernel
def glad_gradient(
    item_ptr, annotator, label, gold, log_prior, ability, log_ease,
    first, last, to_ability, to_log_ease, mass,
):  # fmt: skip
    """Return the log likelihood of items ``first`` to ``last`` and add its gradient.

    Parameters
    ----------
    item_ptr : ndarray of int64, shape (N + 1,)
    annotator, label : ndarray of int32, shape (E,)
    gold : ndarray of int32, shape (N,) or (0,)
        Known class of each item, -1 where unknown; empty where nothing is known.
    log_prior : ndarray of shape (K,)
    ability : ndarray of shape (M,)
    log_ease : ndarray of shape (N,)
    first, last : int
        The block of items.
    to_ability : ndarray of shape (M,)
        Added to.
    to_log_ease : ndarray of shape (N,)
        Entries of the block are filled.
    mass : ndarray of shape (K,)
        Added to: expected items of each class, without those that say nothing.
    """
    n_classes = log_prior.shape[0]
    scores = np.empty(n_classes)
    right = np.empty(_longest(item_ptr, first, last))
    log_likelihood = 0.0
    for i in range(first, last):
        start, stop = item_ptr[i], item_ptr[i + 1]
        truth = gold[i] if gold.shape[0] else -1
        to_log_ease[i] = 0.0
        if start == stop and truth < 0:
            continue
        ease = math.exp(min(log_ease[i], _HIGHEST))
        _weigh(annotator, label, start, stop, log_prior, ability, ease, scores, right)
        log_likelihood += _normalise(scores, truth)
        for k in range(n_classes):
            mass[k] += scores[k]
        for e in range(start, stop):
            slope = (scores[label[e]] - right[e - start]) * ease
            to_ability[annotator[e]] += slope
            to_log_ease[i] += slope * ability[annotator[e]]
    return log_likelihood


@helper
def _slope(
    annotator, label, start, stop, truth, log_prior, ability, mean, deviation, log_ease,
    scores, right,
):  # fmt: skip
    """Return the value and the slope of one item's log posterior density of its log ease."""
    ease = math.exp(min(log_ease, _HIGHEST))
    _weigh(annotator, label, start, stop, log_prior, ability, ease, scores, right)
    distance = (log_ease - mean) / deviation
    value = _normalise(scores, truth) - 0.5 * distance * distance
    slope = -distance / deviation
    for e in range(start, stop):
        slope += (scores[label[e]] - right[e - start]) * ease * ability[annotator[e]]
    return value, slope


@kernel
def glad_best_ease(
    item_ptr, annotator, label, gold, log_prior, ability, mean, deviation,
    first, last, log_ease,
):  # fmt: skip
    """Fill ``log_ease[i]`` with the likeliest of items ``first`` to ``last``, given abilities.

    The density can have several peaks: a grid finds the highest, bisection of the slope its
    top. Parameters as in `glad_gradient`; ``mean`` and ``deviation`` are the normal prior's.
    """
    scores = np.empty(log_prior.shape[0])
    right = np.empty(_longest(item_ptr, first, last))
    width = 8.0 * deviation / (_GRID - 1)
    for i in range(first, last):
        start, stop = item_ptr[i], item_ptr[i + 1]
        truth = gold[i] if gold.shape[0] else -1
        best, highest, rising = mean, -np.inf, False
        for g in range(_GRID):
            at = mean + (g - (_GRID - 1) / 2) * width
            value, slope = _slope(
                annotator, label, start, stop, truth, log_prior, ability, mean, deviation, at,
                scores, right,
            )  # fmt: skip
            if value > highest:
                best, highest, rising = at, value, slope > 0.0
        low, high = (best, best + width) if rising else (best - width, best)
        for _ in range(_REFINE):
            middle = 0.5 * (low + high)
            _, slope = _slope(
                annotator, label, start, stop, truth, log_prior, ability, mean, deviation,
                middle, scores, right,
            )  # fmt: skip
            if slope > 0.0:
                low = middle
            else:
                high = middle
        log_ease[i] = mean if start == stop else 0.5 * (low + high)


@kernel
def glad_log_joint(
    item_ptr, annotator, label, log_prior, ability, log_ease, first, last, log_joint
):
    """Fill ``log_joint[i, k]`` = log P(truth k, labels of i) for items ``first`` to ``last``."""
    right = np.empty(_longest(item_ptr, first, last))
    for i in range(first, last):
        start, stop = item_ptr[i], item_ptr[i + 1]
        ease = math.exp(min(log_ease[i], _HIGHEST))
        _weigh(annotator, label, start, stop, log_prior, ability, ease, log_joint[i], right)
