"""Normal equations of coupled first, second and third moments, one unknown at a time.

Kernels of :mod:`aggregate.factorization.coupled_cpd`. ``A[m, a, k]`` are the factors,
``grams[m] = A[m].T @ A[m]``, ``d`` the weights. Outputs are overwritten.
"""

from __future__ import annotations

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
    weights: FloatArray,
    cell_ptr: IntArray,
    cell: IntArray,
    value: FloatArray,
    gram: FloatArray,
    linear: FloatArray,
) -> None:
    """Add w (A_j'A_j * A_l'A_l) and w T_(m) (A_j khatri-rao A_l) over all triples of m.

    The entries of block t that are not zero are ``cell_ptr[t]`` to ``cell_ptr[t + 1]``, at the
    coordinates ``cell`` (C, 3) with the values ``value`` (C,): of third moments most are zero.
    """
    n_components = A.shape[2]
    for e in range(ptr[m], ptr[m + 1]):
        t, mode, w = term[e], position[e], weights[term[e]]
        left = 1 if mode == 0 else 0
        right = 1 if mode == 2 else 2
        j, y = index[t, left], index[t, right]
        for k in range(n_components):
            for h in range(n_components):
                gram[k, h] += w * grams[j, k, h] * grams[y, k, h]
        for c in range(cell_ptr[t], cell_ptr[t + 1]):
            a, b, z, mass = cell[c, mode], cell[c, left], cell[c, right], w * value[c]
            for k in range(n_components):
                linear[a, k] += mass * A[j, b, k] * A[y, z, k]


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
    triple_weights: FloatArray,
    cell_ptr: IntArray,
    cell: IntArray,
    value: FloatArray,
    linear: FloatArray,
) -> None:
    """Add the right-hand side of the weight vector: w R(a_m, a_j) and w T(a_m, a_j, a_l)."""
    n_rows, n_components = A.shape[1], A.shape[2]
    for p in range(pair_index.shape[0]):
        m, j = pair_index[p, 0], pair_index[p, 1]
        for a in range(n_rows):
            for b in range(n_rows):
                mass = pair_weights[p] * blocks[p, a, b]
                for k in range(n_components):
                    linear[k] += mass * A[m, a, k] * A[j, b, k]
    for t in range(triple_index.shape[0]):
        m, j, y = triple_index[t, 0], triple_index[t, 1], triple_index[t, 2]
        for c in range(cell_ptr[t], cell_ptr[t + 1]):
            a, b, z, mass = cell[c, 0], cell[c, 1], cell[c, 2], triple_weights[t] * value[c]
            for k in range(n_components):
                linear[k] += mass * A[m, a, k] * A[j, b, k] * A[y, z, k]
