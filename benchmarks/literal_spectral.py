"""Spectral Dawid-Skene as published, step by step on dense arrays; it imports only numpy.

Written from the description of Zhang, Chen, Zhou and Jordan (JMLR 17(102):1-44, 2016, Algorithm 1)
and the conventions of the experiments: annotators 1, 2, 0, 1, ... in three groups, the third moment
as it comes, class prior uniform in EM, and a label that a class never got is no evidence at all:
its log probability counts as zero. Ten iterations begin with the E-step; the labels are those of
the tenth, so the tenth M-step is not used.

``labels[i, j, y]`` is 1 if annotator j said y of item i.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

LEAST = 1e-6  # probability in the estimate from moments
STARTS, STEPS = 20, 100  # of the power method


def soft_labels(labels: Float, n_iter: int = 10, seed: int = 0) -> Float:
    """Return the soft labels (N, K) after ``n_iter`` E-steps from the spectral estimate."""
    posterior = expect(labels, estimate(labels, seed))
    for _ in range(n_iter - 1):
        posterior = expect(labels, maximise(labels, posterior))
    return posterior


def estimate(labels: Float, seed: int = 0) -> Float:
    """Return factors (M, K, K): column k of an annotator's is what they say of class k."""
    random = np.random.default_rng(seed)
    n_items, n_annotators, n_classes = labels.shape
    group = np.arange(1, n_annotators + 1) % 3
    votes = [labels[:, group == g].sum(axis=1) for g in range(3)]
    parts = [component(votes, c, random) for c in range(3)]
    factors = np.empty((n_annotators, n_classes, n_classes))
    for j in range(n_annotators):
        one, two = (g for g in range(3) if g != group[j])
        joint = labels[:, j].T @ (votes[one] + votes[two]) / n_items
        weight = (parts[one][1] + parts[two][1]) / 2
        system = np.diag(weight) @ (parts[one][0] + parts[two][0]).T
        factors[j] = joint @ np.linalg.inv(system)
    factors = np.maximum(factors, LEAST)
    return factors / factors.sum(axis=1, keepdims=True)


def component(votes: list[Float], c: int, random: np.random.Generator) -> tuple[Float, Float]:
    """Return the mean votes (K, K) of group c, classes in columns, and the weights (K,)."""
    a, b, n_items = (c + 1) % 3, (c + 2) % 3, len(votes[c])

    def second(x: int, y: int) -> Float:
        return votes[x].T @ votes[y] / n_items

    view_a = votes[a] @ (second(c, b) @ np.linalg.inv(second(a, b))).T
    view_b = votes[b] @ (second(c, a) @ np.linalg.inv(second(b, a))).T
    moment2 = view_a.T @ view_b / n_items
    moment3 = np.einsum("na,nb,nc->abc", view_a, view_b, votes[c], optimize=True) / n_items
    left, size, _ = np.linalg.svd(moment2)
    whiten = left / np.sqrt(size)
    tensor = np.einsum("abc,ax,by,cz->xyz", moment3, whiten, whiten, whiten, optimize=True)
    means, weights = np.zeros_like(moment2), np.zeros(len(moment2))
    taken: list[int] = []
    for _ in range(len(moment2)):
        value, vector = strongest(tensor, random)
        tensor = tensor - value * np.einsum("a,b,c->abc", vector, vector, vector)
        mean = value * np.linalg.pinv(whiten.T) @ vector
        place = int(np.argmax(mean))
        if place in taken:  # the first that is free, as published
            place = min(set(range(len(mean))) - set(taken))
        taken.append(place)
        means[:, place], weights[place] = mean, value**-2
    return means, weights


def strongest(tensor: Float, random: np.random.Generator) -> tuple[float, Float]:
    """Return the largest value and its vector that power iterations find."""
    best = (-np.inf, np.zeros(len(tensor)))
    for _ in range(STARTS):
        vector = random.standard_normal(len(tensor))
        for _ in range(STEPS):
            vector = np.einsum("abc,b,c->a", tensor, vector, vector)
            vector /= np.linalg.norm(vector)
        value = float(np.einsum("abc,a,b,c", tensor, vector, vector, vector))
        if value > best[0]:
            best = (value, vector)
    return best


def expect(labels: Float, factors: Float) -> Float:
    """Return the posterior (N, K) under a uniform prior; the logarithm of zero counts as zero."""
    logs = np.log(np.where(factors > 0, factors, 1.0))
    score = np.einsum("nja,jak->nk", labels, logs, optimize=True)
    likely = np.exp(score - score.max(axis=1, keepdims=True))
    return likely / likely.sum(axis=1, keepdims=True)


def maximise(labels: Float, posterior: Float) -> Float:
    """Return the factors that fit the posterior."""
    counts = np.einsum("nja,nk->jak", labels, posterior, optimize=True)
    total = counts.sum(axis=1, keepdims=True)
    return counts / np.where(total > 0, total, 1.0)
