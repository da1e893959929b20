"""Slow, obvious versions of the losses: plain loops over probabilities, nothing of the package."""

from __future__ import annotations

import math

import numpy as np


def coupled_cross_entropy(f, A, votes, weight=None):
    weight = [1.0] * len(votes) if weight is None else weight
    total = 0.0
    for (i, j, y), w in zip(votes, weight, strict=True):
        chance = sum(f[i][k] * A[j][k][y] for k in range(len(f[0])))
        total -= w * math.log(chance)
    return total / sum(weight)


def log_det_f(f):
    return math.log(np.linalg.det(sum(np.outer(row, row) for row in f)))


def log_det_w(A):
    return math.log(np.linalg.det(sum(table @ table.T for table in A)))


def trace(A):
    return sum(table[k][k] for table in A for k in range(len(table)))


def masked_cross_entropy(f, votes, scores):
    total = 0.0
    for i, j, y in votes:
        z = scores(j, f[i])
        total -= math.log(math.exp(z[y]) / sum(math.exp(value) for value in z))
    return total / len(votes)


def conal(f, A, C, share, votes):
    total = 0.0
    for e, (i, j, y) in enumerate(votes):
        mixed = share[e] * C + (1 - share[e]) * A[j]
        total -= math.log(sum(f[i][k] * mixed[k][y] for k in range(len(C))))
    return total / len(votes)


def union_net(f, T, votes):
    n_classes = len(T)
    total = 0.0
    for i, j, y in votes:
        total -= math.log(sum(f[i][k] * T[k][j * n_classes + y] for k in range(n_classes)))
    return total / len(votes)


def max_mig(f, g, prior):
    n = len(f)
    R = [[sum(f[i] * g[j] / prior) for j in range(n)] for i in range(n)]
    same = sum(1 + math.log(R[i][i]) for i in range(n)) / n
    other = sum(R[i][j] for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    return other - same


def coinnet(f, A, exception, votes):
    total = 0.0
    for e, (i, j, y) in enumerate(votes):
        moved = exception[e] - exception[e].mean()
        chance = [max(f[i] @ A[j][:, label] + moved[label], 1e-10) for label in range(len(f[0]))]
        total -= math.log(chance[y] / sum(chance))
    return total / len(votes)


def outlier_penalty(exception, item, n_items, power):
    total = 0.0
    for i in range(n_items):
        rows = [row - row.mean() for row, whose in zip(exception, item, strict=True) if whose == i]
        total += (sum(float(row @ row) for row in rows) + 1e-10) ** power
    return total / n_items


def soft_cross_entropy(f, soft):
    rows = [i for i in range(len(f)) if sum(soft[i]) > 0]
    terms = [
        -soft[i][k] * math.log(f[i][k]) for i in rows for k in range(len(f[0])) if soft[i][k] > 0
    ]
    return sum(terms) / len(rows)
