"""Votes whose log odds are a table per annotator plus a table per item: value and gradient.

Tables are passed as exponentials: the chance of label y given truth k is then a product of two
numbers over a sum of K such products, and no exponential is taken inside the loop.
"""

from __future__ import annotations

import math

import numpy as np

from aggregate._jit import helper, kernel


@helper
def _longest(item_ptr, first, last):
    longest = 1
    for i in range(first, last):
        longest = max(longest, item_ptr[i + 1] - item_ptr[i])
    return longest


@helper
def _weigh(annotator, label, start, stop, log_prior, odds, item_odds, chance, scores):
    """Fill ``chance[e, k, y]`` and the log joints ``scores`` of one item."""
    n_classes = log_prior.shape[0]
    for k in range(n_classes):
        scores[k] = log_prior[k]
    for e in range(start, stop):
        j = annotator[e]
        for k in range(n_classes):
            total = 0.0
            for y in range(n_classes):
                chance[e - start, k, y] = odds[j, k, y] * item_odds[k, y]
                total += chance[e - start, k, y]
            for y in range(n_classes):
                chance[e - start, k, y] /= total
            # A chance may underflow where odds are extreme; its logarithm stays finite.
            scores[k] += math.log(max(chance[e - start, k, label[e]], 1e-300))


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
def entropy_gradient(
    item_ptr, annotator, label, gold, soft, log_prior, odds, item_odds,
    first, last, to_annotator, to_item, mass,
):  # fmt: skip
    """Return the log likelihood of items ``first`` to ``last`` and add its gradient.

    Parameters
    ----------
    item_ptr : ndarray of int64, shape (N + 1,)
    annotator, label : ndarray of int32, shape (E,)
    gold : ndarray of int32, shape (N,) or (0,)
        Known class of each item, -1 where unknown; empty where nothing is known.
    soft : ndarray of shape (N, K) or (0, K)
        Posteriors to take for granted (the value is then the expected log likelihood); empty
        to compute them.
    log_prior : ndarray of shape (K,)
    odds : ndarray of shape (M, K, K)
        Exponentials of the annotators' tables ``[j, k, y]``.
    item_odds : ndarray of shape (N, K, K)
        Exponentials of the items' tables.
    first, last : int
        The block of items.
    to_annotator : ndarray of shape (M, K, K)
        Added to: gradient by the annotators' tables.
    to_item : ndarray of shape (N, K, K)
        Entries of the block are filled: gradient by the items' tables.
    mass : ndarray of shape (K,)
        Added to: expected items of each class, without those that say nothing.
    """
    n_classes = log_prior.shape[0]
    scores = np.empty(n_classes)
    chance = np.empty((_longest(item_ptr, first, last), n_classes, n_classes))
    value = 0.0
    for i in range(first, last):
        start, stop = item_ptr[i], item_ptr[i + 1]
        truth = gold[i] if gold.shape[0] else -1
        to_item[i] = 0.0
        if start == stop and truth < 0:
            continue
        _weigh(annotator, label, start, stop, log_prior, odds, item_odds[i], chance, scores)
        if soft.shape[0] and truth < 0:
            for k in range(n_classes):
                value += soft[i, k] * scores[k]
                scores[k] = soft[i, k]
        else:
            value += _normalise(scores, truth)
        for k in range(n_classes):
            mass[k] += scores[k]
        for e in range(start, stop):
            j = annotator[e]
            for k in range(n_classes):
                for y in range(n_classes):
                    to_item[i, k, y] -= scores[k] * chance[e - start, k, y]
                    to_annotator[j, k, y] -= scores[k] * chance[e - start, k, y]
                to_item[i, k, label[e]] += scores[k]
                to_annotator[j, k, label[e]] += scores[k]
    return value


@kernel
def entropy_log_joint(
    item_ptr, annotator, label, log_prior, odds, item_odds, first, last, log_joint
):
    """Fill ``log_joint[i, k]`` = log P(truth k, labels of i) for items ``first`` to ``last``."""
    n_classes = log_prior.shape[0]
    chance = np.empty((_longest(item_ptr, first, last), n_classes, n_classes))
    for i in range(first, last):
        _weigh(
            annotator, label, item_ptr[i], item_ptr[i + 1], log_prior, odds, item_odds[i],
            chance, log_joint[i],
        )  # fmt: skip


@kernel
def entropy_best_items(
    item_ptr, annotator, label, gold, log_prior, odds, metric, norm, penalty, tol, max_rounds,
    first, last, tables,
):  # fmt: skip
    """Fill the tables of items ``first`` to ``last`` that are likeliest, the annotators' held.

    From zero, each round computes the item's posterior and takes the gradient step that a bound
    on the curvature makes safe (no softmax of r labels is more curved than r / 2), so that the
    penalised likelihood never falls. Every item ends on its own, whatever others are there.

    Parameters
    ----------
    item_ptr, annotator, label, gold, log_prior, odds, first, last
        As in `entropy_gradient`.
    metric : ndarray of shape (K·K, K·K) or (0, 0)
        What the free parameters make of a gradient; empty for the identity.
    norm : float
        Largest eigenvalue of the metric.
    penalty : float
        Of half the squared parameters.
    tol : float
        Stop when no entry moves by more.
    max_rounds : int
    tables : ndarray of shape (N, K, K)
        Entries of the block are filled, ``[i, k, y]`` log odds.
    """
    n_classes = log_prior.shape[0]
    scores = np.empty(n_classes)
    item_odds = np.empty((n_classes, n_classes))
    slope = np.empty(n_classes * n_classes)
    chance = np.empty((_longest(item_ptr, first, last), n_classes, n_classes))
    for i in range(first, last):
        start, stop = item_ptr[i], item_ptr[i + 1]
        truth = gold[i] if gold.shape[0] else -1
        table = tables[i].reshape(n_classes * n_classes)
        table[:] = 0.0
        for _ in range(max_rounds if stop > start else 0):
            for k in range(n_classes):
                for y in range(n_classes):
                    item_odds[k, y] = math.exp(table[k * n_classes + y])
            _weigh(annotator, label, start, stop, log_prior, odds, item_odds, chance, scores)
            _normalise(scores, truth)
            _item_slope(label, start, stop, scores, chance, slope)
            likeliest = scores.max()
            step = 1.0 / (0.5 * (stop - start) * likeliest * norm + penalty)
            if _move(table, slope, metric, penalty, step) < tol:
                break


@helper
def _item_slope(label, start, stop, scores, chance, slope):
    """Fill the gradient of the expected log likelihood by the item's table, flat."""
    n_classes = scores.shape[0]
    slope[:] = 0.0
    for e in range(start, stop):
        for k in range(n_classes):
            for y in range(n_classes):
                slope[k * n_classes + y] -= scores[k] * chance[e - start, k, y]
            slope[k * n_classes + label[e]] += scores[k]


@helper
def _move(table, slope, metric, penalty, step):
    """Take a step uphill in place; return the largest change of an entry."""
    largest = 0.0
    for a in range(table.shape[0]):
        rise = slope[a]
        if metric.shape[0]:
            rise = 0.0
            for b in range(table.shape[0]):
                rise += metric[a, b] * slope[b]
        change = step * (rise - penalty * table[a])
        table[a] += change
        largest = max(largest, abs(change))
    return largest
