"""Planted models, their exact and sampled moments, and certificates; nothing from the package."""

from __future__ import annotations

import os
from itertools import combinations, permutations

import numpy as np

# Interpreted kernels are a few hundred times slower: fewer seeds, the same checks.
JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") != "1"


def model(seed, M=5, K=3, anchors=0, diagonal=0.0, max_cond=10.0):
    """Random factors with stochastic columns (the first ``anchors`` exact) and weights.

    Factors whose columns nearly coincide are drawn again: from a residual at rounding level,
    1e-16 in the squared objective, no method gets six digits of those.
    """
    rng = np.random.default_rng(seed)
    A = np.zeros((M, K, K))
    for m in range(M):
        while np.linalg.cond(A[m]) > max_cond:
            A[m] = (1 - diagonal) * rng.dirichlet(np.ones(K), K).T + diagonal * np.eye(K)
    A[:anchors] = np.eye(K)
    return A, rng.dirichlet(5 * np.ones(K))


def pair_moments(A, d, pairs=None):
    pairs = list(combinations(range(len(A)), 2)) if pairs is None else pairs
    return np.array(pairs), np.array([A[m] @ np.diag(d) @ A[j].T for m, j in pairs])


def triple(A, d, m, j, y):
    return np.einsum("k,ak,bk,ck->abc", d, A[m], A[j], A[y])


def triple_moments(A, d):
    triples = list(combinations(range(len(A)), 3))
    return np.array(triples), np.array([triple(A, d, *t) for t in triples])


def sampled(blocks, n, seed):
    """Replace each moment by the frequencies of n draws."""
    rng = np.random.default_rng(seed)
    return np.array([rng.multinomial(n, b.ravel() / b.sum()).reshape(b.shape) / n for b in blocks])


def error(found, wanted):
    """Largest entry of the difference under the best one permutation for all factors."""
    orders = permutations(range(wanted.shape[-1]))
    return min(np.abs(found[..., list(o)] - wanted).max() for o in orders)


def order_of(found, wanted):
    orders = [list(o) for o in permutations(range(wanted.shape[-1]))]
    return min(orders, key=lambda o: np.abs(found[..., o] - wanted).max())


def smallest_descent(path):
    """Return the smallest step down: negative when the objective rose anywhere."""
    return (path[:-1] - path[1:]).min()


def frank_wolfe_gap(A, slope):
    """Sum over columns of <slope, A> minus its minimum over the simplex: 0 exactly at KKT."""
    return ((slope - slope.min(axis=0)) * A).sum()


def is_stochastic(A):
    return bool((A >= 0).all() and np.allclose(A.sum(axis=-2), 1, atol=1e-10))
