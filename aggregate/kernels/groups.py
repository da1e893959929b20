"""Annotators in groups: each group sees the item through one shared reading of its own.

The truth k makes a group read z, and the members report what they make of z; members of no
group (-1) look at the truth itself. Tables are indexed ``[j·K + y, k]`` as in the other
kernels; the readings of group g stand behind the annotators, at ``[(M + g)·K + z, k]``.
"""

from __future__ import annotations

import math

import numpy as np

from aggregate._jit import helper, kernel


@helper
def _read(code, group, start, stop, log_table, table, base, n_classes, scores, inner, outer):
    """Add one item's labels to ``scores``; keep what each group contributes.

    ``inner[g, z]`` becomes the likelihood of the group's labels given its reading, up to a
    factor; ``outer[g, k]`` given the truth, up to the same factor. Groups come in runs.
    """
    run = 0
    e = start
    while e < stop:
        g = group[e]
        if g < 0:
            for k in range(n_classes):
                scores[k] += log_table[code[e], k]
            e += 1
            continue
        for z in range(n_classes):
            inner[run, z] = 0.0
        while e < stop and group[e] == g:
            for z in range(n_classes):
                inner[run, z] += log_table[code[e], z]
            e += 1
        largest = inner[run].max()
        for z in range(n_classes):
            inner[run, z] = math.exp(inner[run, z] - largest)
        for k in range(n_classes):
            outer[run, k] = 0.0
            for z in range(n_classes):
                outer[run, k] += table[base + g * n_classes + z, k] * inner[run, z]
            scores[k] += largest + math.log(outer[run, k])
        run += 1


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
    largest = scores.max()
    total = 0.0
    for k in range(n_classes):
        scores[k] = math.exp(scores[k] - largest)
        total += scores[k]
    for k in range(n_classes):
        scores[k] /= total
    return largest + math.log(total)


@helper
def _count(code, group, start, stop, table, base, n_classes, scores, inner, outer, joint, counts):
    """Add one item's expected labels and readings to the counts, given its posterior."""
    run = 0
    e = start
    while e < stop:
        g = group[e]
        if g < 0:
            for k in range(n_classes):
                counts[code[e], k] += scores[k]
            e += 1
            continue
        for z in range(n_classes):
            joint[z] = 0.0
            row = base + g * n_classes + z
            for k in range(n_classes):
                both = scores[k] * table[row, k] * inner[run, z] / outer[run, k]
                counts[row, k] += both
                joint[z] += both
        while e < stop and group[e] == g:
            for z in range(n_classes):
                counts[code[e], z] += joint[z]
            e += 1
        run += 1


@helper
def _most_labels(item_ptr, first, last):
    most = 1
    for i in range(first, last):
        most = max(most, item_ptr[i + 1] - item_ptr[i])
    return most


@kernel
def group_em_pass(
    item_ptr, code, group, gold, prior, table, log_table, base, first, last, counts, mass
):
    """Add items ``first`` to ``last`` to the counts; return their log likelihood.

    Parameters
    ----------
    item_ptr : ndarray of int64, shape (N + 1,)
    code : ndarray of uint32, shape (E,)
        ``annotator·K + label`` of each annotation, an item's sorted by group.
    group : ndarray of int32, shape (E,)
        Group of each annotation's annotator, -1 for none.
    gold : ndarray of int32, shape (N,) or (0,)
        Known class of each item, -1 where unknown; empty where nothing is known.
    prior : ndarray of shape (K,)
    table, log_table : ndarray of shape ((M + G)·K, K)
        Chances, all positive, and their logarithms.
    base : int
        M·K, where the groups begin.
    first, last : int
        The block of items.
    counts : ndarray of shape ((M + G)·K, K)
        Added to: expected labels by reading (or truth), expected readings by truth.
    mass : ndarray of shape (K,)
        Added to: expected items of each class, without those that say nothing.
    """
    n_classes = prior.shape[0]
    most = _most_labels(item_ptr, first, last)
    scores, joint = np.empty(n_classes), np.empty(n_classes)
    inner, outer = np.empty((most, n_classes)), np.empty((most, n_classes))
    log_likelihood = 0.0
    for i in range(first, last):
        start, stop = item_ptr[i], item_ptr[i + 1]
        truth = gold[i] if gold.shape[0] else -1
        if start == stop and truth < 0:
            continue
        for k in range(n_classes):
            scores[k] = math.log(prior[k])
        _read(code, group, start, stop, log_table, table, base, n_classes, scores, inner, outer)
        log_likelihood += _normalise(scores, truth)
        for k in range(n_classes):
            mass[k] += scores[k]
        _count(
            code, group, start, stop, table, base, n_classes, scores, inner, outer, joint, counts
        )
    return log_likelihood


@kernel
def group_log_joint(item_ptr, code, group, prior, table, log_table, base, first, last, log_joint):
    """Fill ``log_joint[i, k]`` = log P(truth k, labels of i) for items ``first`` to ``last``."""
    n_classes = prior.shape[0]
    most = _most_labels(item_ptr, first, last)
    inner, outer = np.empty((most, n_classes)), np.empty((most, n_classes))
    for i in range(first, last):
        for k in range(n_classes):
            log_joint[i, k] = math.log(prior[k])
        _read(
            code, group, item_ptr[i], item_ptr[i + 1], log_table, table, base, n_classes,
            log_joint[i], inner, outer,
        )  # fmt: skip


@kernel
def pair_scores(correlation, first, last, scores):
    """Fill rows ``first`` to ``last`` of how far pairs of annotators break independence.

    Parameters
    ----------
    correlation : ndarray of shape (M, M)
        Correlations of labels; NaN where a pair has too little in common.
    first, last : int
        The block of rows.
    scores : ndarray of shape (M, M)
        ``scores[i, j]`` becomes the mean of ``|r_ij r_km - r_im r_kj|`` over all other pairs
        (k, m) whose correlations are known; 0 where there is none.
    """
    n_annotators = correlation.shape[0]
    for i in range(first, last):
        for j in range(n_annotators):
            scores[i, j] = 0.0
            if i == j or math.isnan(correlation[i, j]):
                continue
            total, n_known = 0.0, 0
            for k in range(n_annotators):
                if k in (i, j) or math.isnan(correlation[k, j]):
                    continue
                for m in range(n_annotators):
                    if m in (i, j, k):
                        continue
                    gap = correlation[i, j] * correlation[k, m]
                    gap -= correlation[i, m] * correlation[k, j]
                    if not math.isnan(gap):
                        total += abs(gap)
                        n_known += 1
            if n_known:
                scores[i, j] = total / n_known
