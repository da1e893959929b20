"""Normal equations of coupled first, second and third moments, one unknown at a time.

Kernels of :mod:`aggregate.factorization.coupled_cpd`. ``A[m, a, k]`` are the factors,
``grams[m] = A[m].T @ A[m]``, ``d`` the weights. Outputs are overwritten.
"""

from __future__ import annotations

import numpy as np

from aggregate._jit import kernel
from aggregate.factorization.result import FloatArray, IntArray


@kernel
def add_pairs(
    m: int,
    A: FloatArray,
    grams: FloatArray,
    ptr: IntArray,
    term: IntArray,
    position: IntArray,
    index: IntArray,
    blocks: FloatArray,
    weights: FloatArray,
    gram: FloatArray,
    linear: FloatArray,
) -> None:
    """Add w A_j'A_j to ``gram`` (K, K) and w R_mj A_j to ``linear`` (L, K), all pairs of m."""
    n_rows, n_components = A.shape[1], A.shape[2]
    for e in range(ptr[m], ptr[m + 1]):
        p = term[e]
        first = position[e] == 0
        j = index[p, 1] if first else index[p, 0]
        w = weights[p]
        for k in range(n_components):
            for h in range(n_components):
                gram[k, h] += w * grams[j, k, h]
        for a in range(n_rows):
            for b in range(n_rows):
                value = w * (blocks[p, a, b] if first else blocks[p, b, a])
                for k in range(n_components):
                    linear[a, k] += value * A[j, b, k]


@kernel
def add_triples(
    m: int,
    A: FloatArray,
    grams: FloatArray,
    ptr: IntArray,
    term: IntArray,
    position: IntArray,
    index: IntArray,
    cells: FloatArray,
    weights: FloatArray,
    gram: FloatArray,
    linear: FloatArray,
) -> None:
    """Add w (A_j'A_j * A_l'A_l) and w T_(m) (A_j khatri-rao A_l) over all triples of m.

    ``cells`` holds the flattened blocks, shape (T, L**3).
    """
    n_rows, n_components = A.shape[1], A.shape[2]
    inner = np.empty(n_components)
    for e in range(ptr[m], ptr[m + 1]):
        t, mode, w = term[e], position[e], weights[term[e]]
        j = index[t, 1] if mode == 0 else index[t, 0]
        y = index[t, 1] if mode == 2 else index[t, 2]
        # Strides of the flattened cube: own axis first, then the two others in order.
        own = n_rows * n_rows if mode == 0 else (n_rows if mode == 1 else 1)
        left = n_rows if mode == 0 else n_rows * n_rows
        right = n_rows if mode == 2 else 1
        for k in range(n_components):
            for h in range(n_components):
                gram[k, h] += w * grams[j, k, h] * grams[y, k, h]
        for a in range(n_rows):
            for b in range(n_rows):
                inner[:] = 0.0
                for c in range(n_rows):
                    value = cells[t, a * own + b * left + c * right]
                    for k in range(n_components):
                        inner[k] += value * A[y, c, k]
                for k in range(n_components):
                    linear[a, k] += w * A[j, b, k] * inner[k]


@kernel
def add_weight_terms(
    A: FloatArray,
    grams: FloatArray,
    pair_index: IntArray,
    pair_weights: FloatArray,
    triple_index: IntArray,
    triple_weights: FloatArray,
    gram: FloatArray,
) -> None:
    """Add the normal matrix of the weight vector: Hadamard products of the Gram matrices."""
    n_components = A.shape[2]
    for p in range(pair_index.shape[0]):
        m, j = pair_index[p, 0], pair_index[p, 1]
        for k in range(n_components):
            for h in range(n_components):
                gram[k, h] += pair_weights[p] * grams[m, k, h] * grams[j, k, h]
    for t in range(triple_index.shape[0]):
        m, j, y = triple_index[t, 0], triple_index[t, 1], triple_index[t, 2]
        for k in range(n_components):
            for h in range(n_components):
                gram[k, h] += triple_weights[t] * grams[m, k, h] * grams[j, k, h] * grams[y, k, h]


@kernel
def add_weight_products(
    A: FloatArray,
    pair_index: IntArray,
    blocks: FloatArray,
    pair_weights: FloatArray,
    triple_index: IntArray,
    cells: FloatArray,
    triple_weights: FloatArray,
    linear: FloatArray,
) -> None:
    """Add the right-hand side of the weight vector: w R(a_m, a_j) and w T(a_m, a_j, a_l)."""
    n_rows, n_components = A.shape[1], A.shape[2]
    inner = np.empty(n_components)
    for p in range(pair_index.shape[0]):
        m, j = pair_index[p, 0], pair_index[p, 1]
        for a in range(n_rows):
            for b in range(n_rows):
                value = pair_weights[p] * blocks[p, a, b]
                for k in range(n_components):
                    linear[k] += value * A[m, a, k] * A[j, b, k]
    for t in range(triple_index.shape[0]):
        m, j, y = triple_index[t, 0], triple_index[t, 1], triple_index[t, 2]
        for a in range(n_rows):
            for b in range(n_rows):
                inner[:] = 0.0
                for c in range(n_rows):
                    value = triple_weights[t] * cells[t, (a * n_rows + b) * n_rows + c]
                    for k in range(n_components):
                        inner[k] += value * A[y, c, k]
                for k in range(n_components):
                    linear[k] += A[m, a, k] * A[j, b, k] * inner[k]
