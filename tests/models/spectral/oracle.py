"""Slow and obvious versions of the spectral methods; nothing here imports the package.

``table`` is (N, M) with entries -1 and +1, and 0 where missing.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np


def orient(v):
    return v if (v[v >= 0] ** 2).sum() >= (v**2).sum() / 2 else -v


def kos_svd(table):
    """Return the score of each item."""
    centred = table - table.mean(axis=0)
    v = orient(np.linalg.svd(centred)[2][0])
    return centred @ v


def ghosh(table):
    u, s, _ = np.linalg.svd(table)
    score = u[:, 0] * s[0]
    return score * np.sign(score @ table.sum(axis=1))


def eigen_ratio(table):
    seen = abs(table)
    agreed = (table.T @ table) / np.maximum(seen.T @ seen, 1e-300)
    linked = (seen.T @ seen > 0).astype(float)
    tops = [orient(np.linalg.eigh(x)[1][:, -1]) for x in (agreed, linked)]
    return table @ orient(tops[0] / tops[1])


def kos_messages(table, rounds, damping):
    """Send messages one by one; return the annotators' weights."""
    labels = [tuple(place) for place in np.argwhere(table)]
    z = dict.fromkeys(labels, 1.0)
    for _ in range(rounds):
        x, new = {}, {}
        for i, j in labels:
            x[i, j] = sum(table[i, m] * z[i, m] for k, m in labels if k == i and m != j)
        for i, j in labels:
            new[i, j] = sum(table[k, j] * x[k, j] for k, m in labels if m == j and k != i)
        size = np.sqrt(np.mean(np.square(list(new.values()))))
        old = np.sqrt(np.mean(np.square(list(z.values()))))
        z = {e: (1 - damping) * new[e] / size + damping * z[e] / old for e in labels}
    weight = np.zeros(table.shape[1])
    for i, j in labels:
        weight[j] += table[i, j] * x[i, j]
    return orient(weight / np.linalg.norm(weight))


def covariance(table):
    """Return covariances over shared items, each pair at its own means, and n - 1."""
    n_annotators = table.shape[1]
    value, weight = np.zeros((2, n_annotators, n_annotators))
    for j in range(n_annotators):
        for m in range(n_annotators):
            both = (table[:, j] != 0) & (table[:, m] != 0)
            if j != m and both.sum() > 1:
                value[j, m] = np.cov(table[both, j], table[both, m])[0, 1]
                weight[j, m] = both.sum() - 1
    return value, weight


def third_moment_slope(table, mean, v):
    """Return the least-squares slope of third moments over the products of v, triple by triple."""
    up = down = 0.0
    for row in table:
        for triple in combinations(np.flatnonzero(row), 3):
            places = list(triple)
            x, y = row[places] - mean[places], v[places]
            up += np.prod(x) * np.prod(y)
            down += np.prod(y) ** 2
    return up / down


def trimmed_mean(ratios, weights, current, n_trim):
    """Drop at most n_trim of the largest above and of the smallest below the current value."""
    n_trim = min(n_trim, (len(ratios) - 1) // 2)
    order = np.argsort(ratios)
    above = [p for p in order[::-1] if ratios[p] > current][:n_trim]
    below = [p for p in order if ratios[p] < current][:n_trim]
    keep = [p for p in order if p not in above and p not in below]
    return np.average(ratios[keep], weights=weights[keep])


def squares(value, known, j):
    """Return value[ja] * value[jb] / value[ab] of all triangles at j."""
    partners = np.flatnonzero(known[j])
    return [
        value[j, a] * value[j, b] / value[a, b]
        for a, b in combinations(partners, 2)
        if known[a, b] and value[a, b] != 0
    ]
