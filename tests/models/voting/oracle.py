"""Slow and obvious versions of the weighted votes; nothing here imports the package.

Votes are a list of triples (item, annotator, label) of codes.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import chi2


def shares(votes, n_items, n_classes, weight):
    total = np.zeros((n_items, n_classes))
    for i, j, y in votes:
        total[i, y] += weight[j]
    return np.array([row / row.sum() if row.sum() > 0 else row for row in total])


def winners(table):
    out = np.zeros_like(table)
    for i, row in enumerate(table):
        if row.max() > 0:
            ahead = row >= row.max() * (1 - 1e-9)
            out[i] = ahead / ahead.sum()
    return out


def agreed(votes, consensus, n_annotators):
    right, given = np.zeros(n_annotators), np.zeros(n_annotators)
    for i, j, y in votes:
        right[j] += consensus[i, y]
        given[j] += 1
    return right, given


def iterate(votes, shape, weigh):
    """Vote and weigh in turn until the winners stay; everybody must have a label."""
    n_items, n_annotators, n_classes = shape
    consensus = winners(shares(votes, n_items, n_classes, np.ones(n_annotators)))
    for _ in range(100):
        right, given = agreed(votes, consensus, n_annotators)
        weight = weigh([g - r for r, g in zip(right, given, strict=True)], given)
        following = winners(shares(votes, n_items, n_classes, weight))
        if np.array_equal(following, consensus):
            break
        consensus = following
    return weight


def crh(loss, given, smoothing, mean, largest):
    charged = [
        (x + smoothing) / (n + 2 * smoothing) if mean else x + smoothing
        for x, n in zip(loss, given, strict=True)
    ]
    whole = max(charged) if largest else sum(charged)
    return np.array([max(-math.log(x / whole), 0.0) for x in charged])


def catd(loss, given, significance, smoothing):
    pairs = zip(loss, given, strict=True)
    return np.array([chi2.ppf(significance / 2, n) / (x + smoothing) for x, n in pairs])


def zero_based(votes, shape, rounds, rate, every, by):
    n_items, n_annotators, n_classes = shape
    skill = np.full(n_annotators, 1 / n_classes)
    for t in range(1, rounds + 1):
        if t % every == 0:
            rate *= by
        right, given = agreed(
            votes, winners(shares(votes, n_items, n_classes, skill)), n_annotators
        )
        skill = skill + rate * (right / given - skill)
    return skill


def agreement(votes, n_annotators, n_classes):
    """Return labels in common and chance-corrected agreement of all pairs (NaN without any)."""
    shared, same = np.zeros((n_annotators,) * 2), np.zeros((n_annotators,) * 2)
    for i, j, y in votes:
        for other, m, z in votes:
            if i == other and j != m:
                shared[j, m] += 1
                same[j, m] += y == z
    with np.errstate(invalid="ignore"):
        return shared, (n_classes * same / shared - 1) / (n_classes - 1)


def reliabilities(votes, shape, strength, accuracy, passes):
    """Run EM of ZenCrowd from the vote shares; return reliabilities and log objectives."""
    n_items, n_annotators, n_classes = shape
    soft = shares(votes, n_items, n_classes, np.ones(n_annotators))
    objectives = []
    for _ in range(passes):
        right, given = agreed(votes, soft, n_annotators)
        p = (right + strength * accuracy) / (given + strength)
        joint = np.full((n_items, n_classes), -math.log(n_classes))
        for i, j, y in votes:
            for k in range(n_classes):
                joint[i, k] += math.log(p[j] if y == k else (1 - p[j]) / (n_classes - 1))
        evidence = np.logaddexp.reduce(joint, axis=1)
        soft = np.exp(joint - evidence[:, np.newaxis])
        for i in set(range(n_items)) - {vote[0] for vote in votes}:
            soft[i], evidence[i] = 0, 0
        prior = strength * (accuracy * np.log(p) + (1 - accuracy) * np.log(1 - p)).sum()
        objectives.append(evidence.sum() + prior)
    return p, objectives
