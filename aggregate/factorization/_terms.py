"""Door checks shared by the coupled solvers, and the index from a factor to its terms."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from aggregate.factorization.result import FloatArray, IntArray


class Terms(NamedTuple):
    """Moments of one order in canonical form: indices increase in a row and over the rows."""

    members: IntArray  # (P, order)
    blocks: FloatArray  # (P, L, ..., L)
    weights: FloatArray  # (P,), all positive


class Incidence(NamedTuple):
    """For factor m, entries ptr[m]:ptr[m+1] list its terms and its position in each of them."""

    ptr: IntArray
    term: IntArray
    position: IntArray


def _some(rows: NDArray[np.bool_]) -> str:
    """Name the first few offending rows."""
    where = np.flatnonzero(rows)
    return f"rows {where[:5].tolist()}" + (f" and {where.size - 5} more" if where.size > 5 else "")


def check_terms(
    index: ArrayLike,
    blocks: ArrayLike,
    weights: ArrayLike | None,
    order: int,
    n_factors: int,
    *,
    nonnegative: bool = False,
) -> Terms:
    """Check moments of one order, drop those of weight zero and sort the rest.

    The canonical order makes every solver independent of the order in which pairs come, to the
    last bit, and of the orientation in which a block is stored.
    """
    name = {2: "pairs", 3: "triples"}[order]
    index = np.asarray(index)
    blocks = np.asarray(blocks, dtype=np.float64)
    if index.ndim != 2 or index.shape[1] != order or not np.issubdtype(index.dtype, np.integer):
        raise ValueError(f"{name} must be an integer array of shape (n, {order})")
    if blocks.ndim != order + 1 or len(set(blocks.shape[1:])) != 1 or blocks.shape[1] == 0:
        raise ValueError(
            f"blocks of {name} must have shape (n{', L' * order}) with L >= 1, got {blocks.shape}"
        )
    weights = np.ones(len(index)) if weights is None else np.asarray(weights, dtype=np.float64)
    if len(blocks) != len(index) or weights.shape != (len(index),):
        raise ValueError(
            f"{len(index)} {name} need as many blocks and weights, got {len(blocks)} blocks and "
            f"weights of shape {weights.shape}"
        )
    _check_values(name, index, blocks, weights, n_factors, nonnegative)
    keep = weights > 0
    return _canonical(index[keep].astype(np.int64), blocks[keep], weights[keep])


def _check_values(
    name: str,
    index: NDArray[np.integer],
    blocks: FloatArray,
    weights: FloatArray,
    n_factors: int,
    nonnegative: bool,
) -> None:
    """Collect every complaint about one table of moments and raise them together."""
    used = weights > 0
    cells = blocks.reshape(-1, int(np.prod(blocks.shape[1:])))
    ordered = np.sort(index, axis=1)
    complaints = {
        f"index outside 0..{n_factors - 1}": ((index < 0) | (index >= n_factors)).any(axis=1),
        "a factor paired with itself (diagonal blocks are not data)": (
            ordered[:, 1:] == ordered[:, :-1]
        ).any(axis=1),
        "weights negative or not finite": ~(np.isfinite(weights) & (weights >= 0)),
        "blocks not finite (give a missing block weight 0)": used & ~np.isfinite(cells).all(axis=1),
    }
    if nonnegative:
        complaints["negative entries in blocks"] = used & (cells < 0).any(axis=1)
    found = [f"{what}: {_some(rows)}" for what, rows in complaints.items() if rows.any()]
    if found:
        raise ValueError(f"{name}: " + "; ".join(found))


def _canonical(index: IntArray, blocks: FloatArray, weights: FloatArray) -> Terms:
    """Put the smaller index first in every term, transposing its block, and sort the terms."""
    order = index.shape[1]
    axes = np.argsort(index, axis=1, kind="stable")
    blocks = blocks.copy()
    for pattern in np.unique(axes, axis=0) if len(axes) else ():
        rows = np.flatnonzero((axes == pattern).all(axis=1))
        blocks[rows] = blocks[rows].transpose(0, *(1 + pattern))
    index = np.take_along_axis(index, axes, axis=1)
    cells = blocks.reshape(-1, int(np.prod(blocks.shape[1:])))
    # Repeated terms are told apart by their weight and content, never by where they stood.
    keys = (*cells.T[::-1], weights) if len(np.unique(index, axis=0)) < len(index) else ()
    rank = np.lexsort((*keys, *(index[:, c] for c in range(order - 1, -1, -1))))
    return Terms(
        np.ascontiguousarray(index[rank]),
        np.ascontiguousarray(blocks[rank]),
        np.ascontiguousarray(weights[rank]),
    )


def infer_n_factors(n_factors: int | None, *indices: ArrayLike | None) -> int:
    """Return ``n_factors``, or one more than the largest index that appears."""
    if n_factors is not None:
        if n_factors < 1:
            raise ValueError(f"n_factors must be at least 1, got {n_factors}")
        return int(n_factors)
    largest = [int(np.max(i)) for i in map(np.asarray, indices) if i.dtype != object and i.size]
    if not largest:
        raise ValueError("n_factors is needed when there are no terms")
    return max(largest) + 1


def incidence(index: IntArray, n_factors: int) -> Incidence:
    """Index the terms by the factors they hold."""
    order = index.shape[1]
    flat = index.ravel()
    entries = np.argsort(flat, kind="stable")
    ptr = np.searchsorted(flat[entries], np.arange(n_factors + 1)).astype(np.int64)
    return Incidence(ptr, entries // order, entries % order)


def lay_out(terms: Terms, n_factors: int) -> Any:
    """Lay the blocks out as one sparse symmetric matrix, averaging pairs that come twice."""
    side = terms.blocks.shape[1]
    rows = side * terms.members[:, 0, None, None] + np.arange(side)[None, :, None]
    columns = side * terms.members[:, 1, None, None] + np.arange(side)[None, None, :]
    place: Any = tuple(x.ravel() for x in np.broadcast_arrays(rows, columns))
    shape = (n_factors * side,) * 2
    weights = np.repeat(terms.weights, side * side)
    mass: Any = csr_array((weights, place), shape=shape)
    total: Any = csr_array((weights * terms.blocks.ravel(), place), shape=shape)
    mass.data = 1.0 / mass.data
    upper = total.multiply(mass).tocsr()
    return upper + upper.T


def check_at_least_one(**counts: int) -> None:
    """Refuse counts below one."""
    for name, value in counts.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
