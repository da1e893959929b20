"""KL divergence of pair blocks from floored models, and the directions of descent.

Kernels of :mod:`aggregate.factorization.coupled_nmf_mirror`; they trust their input.
"""

from __future__ import annotations

import numpy as np

from aggregate._jit import helper, kernel
from aggregate.factorization.result import FloatArray, IntArray


@helper
def _model_block(
    A: FloatArray, d: FloatArray, m: int, j: int, floor: float, model: FloatArray
) -> float:
    """Write max(A_m D A_j', floor) and return its sum."""
    total = 0.0
    for a in range(A.shape[1]):
        for b in range(A.shape[1]):
            value = 0.0
            for k in range(d.shape[0]):
                value += d[k] * A[m, a, k] * A[j, b, k]
            model[a, b] = max(value, floor)
            total += model[a, b]
    return total


@helper
def _cell_slopes(block: FloatArray, weight: float, total: float, model: FloatArray) -> None:
    """Replace the model by the derivative of the divergence with respect to its cells.

    A floored cell pulls as if it moved with the parameters, as in the published codes: with its
    true derivative, zero, what a start rules out could never come back.
    """
    for a in range(block.shape[0]):
        for b in range(block.shape[1]):
            model[a, b] = weight * (1.0 / total - block[a, b] / model[a, b])


@kernel
def divergence(
    rows: IntArray,
    index: IntArray,
    blocks: FloatArray,
    weights: FloatArray,
    A: FloatArray,
    d: FloatArray,
    floor: float,
) -> float:
    """Return the weighted KL of the blocks in ``rows`` from their floored models."""
    model = np.empty((A.shape[1], A.shape[1]))
    charge = 0.0
    for p in rows:
        total = _model_block(A, d, index[p, 0], index[p, 1], floor, model)
        for a in range(A.shape[1]):
            for b in range(A.shape[1]):
                seen = blocks[p, a, b]
                if seen > 0.0:
                    charge += weights[p] * seen * np.log(seen * total / model[a, b])
    return charge


@kernel
def factor_gradient(
    m: int,
    rows: IntArray,
    index: IntArray,
    blocks: FloatArray,
    weights: FloatArray,
    A: FloatArray,
    d: FloatArray,
    floor: float,
    slope: FloatArray,
) -> None:
    """Add the slope in factor m (L, K) over blocks in ``rows``: the gradient above the floor."""
    model = np.empty((A.shape[1], A.shape[1]))
    for p in rows:
        first = index[p, 0] == m
        j = index[p, 1] if first else index[p, 0]
        total = _model_block(A, d, index[p, 0], index[p, 1], floor, model)
        _cell_slopes(blocks[p], weights[p], total, model)
        for a in range(A.shape[1]):
            for b in range(A.shape[1]):
                value = model[a, b] if first else model[b, a]
                for k in range(d.shape[0]):
                    slope[a, k] += value * d[k] * A[j, b, k]


@kernel
def weight_gradient(
    index: IntArray,
    blocks: FloatArray,
    weights: FloatArray,
    A: FloatArray,
    d: FloatArray,
    floor: float,
    slope: FloatArray,
) -> None:
    """Add the slope in the weight vector (K,): the gradient above the floor."""
    model = np.empty((A.shape[1], A.shape[1]))
    for p in range(index.shape[0]):
        m, j = index[p, 0], index[p, 1]
        total = _model_block(A, d, m, j, floor, model)
        _cell_slopes(blocks[p], weights[p], total, model)
        for a in range(A.shape[1]):
            for b in range(A.shape[1]):
                for k in range(d.shape[0]):
                    slope[k] += model[a, b] * A[m, a, k] * A[j, b, k]
