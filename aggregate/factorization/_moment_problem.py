"""The data of a coupled CPD: checked, weighted moments and their normal equations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate.factorization._normal_equations import (
    add_pairs,
    add_triples,
    add_weight_products,
    add_weight_terms,
)
from aggregate.factorization._terms import (
    Incidence,
    Terms,
    check_terms,
    incidence,
    infer_n_factors,
)
from aggregate.factorization.result import FloatArray, IntArray

Moments = tuple[ArrayLike | None, ArrayLike | None, ArrayLike | None]


class Triples(NamedTuple):
    """Third moments by their entries that are not zero, few where few items are shared."""

    members: IntArray  # (T, 3)
    weights: FloatArray  # (T,)
    cell_ptr: IntArray  # (T + 1,): where the entries of each block begin
    cell: IntArray  # (C, 3): their coordinates
    value: FloatArray  # (C,)


@dataclass(frozen=True)
class MomentProblem:
    """The moments, their weights scaled to at most one, and where each factor occurs."""

    means: FloatArray  # (M, L), zero where the weight is zero
    mean_weights: FloatArray  # (M,)
    pairs: Terms
    triples: Triples
    by_pair: Incidence
    by_triple: Incidence
    power: float  # half the weighted squared norm of all moments
    scale: float  # what the weights were divided by

    def estimated(self) -> NDArray[np.bool_]:
        """Tell which factors occur in some moment."""
        counts = np.diff(self.by_pair.ptr) + np.diff(self.by_triple.ptr)
        return (counts > 0) | (self.mean_weights > 0)

    def factor_terms(
        self, m: int, A: FloatArray, grams: FloatArray, d: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the normal equations ``S A_m.T = B`` of factor m: S (K, K) and B (K, L)."""
        gram, linear = np.zeros(grams.shape[1:]), np.zeros(A.shape[1:])
        add_pairs(m, A, grams, *self.by_pair, *self.pairs, gram, linear)
        triples = self.triples
        add_triples(
            m, A, grams, *self.by_triple, triples.members, triples.weights, triples.cell_ptr,
            triples.cell, triples.value, gram, linear,
        )  # fmt: skip
        w = self.mean_weights[m]
        gram = (gram + w) * np.outer(d, d)
        linear = (linear + w * self.means[m][:, None]) * d
        return gram, np.ascontiguousarray(linear.T)

    def weight_terms(self, A: FloatArray, grams: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the normal equations of the weight vector: gram (K, K) and linear (K, 1)."""
        gram = np.tensordot(self.mean_weights, grams, axes=1)
        linear = np.einsum("m,ma,mak->k", self.mean_weights, self.means, A)
        pairs, triples = self.pairs, self.triples
        add_weight_terms(
            A, grams, pairs.members, pairs.weights, triples.members, triples.weights, gram
        )
        add_weight_products(
            A, pairs.members, pairs.blocks, pairs.weights, triples.members, triples.weights,
            triples.cell_ptr, triples.cell, triples.value, linear,
        )  # fmt: skip
        return gram, linear[:, None]

    def objective(self, gram: FloatArray, linear: FloatArray, d: FloatArray) -> float:
        """Objective for free: expand the square around the weight vector's equations."""
        return float(self.power - d @ linear[:, 0] + 0.5 * d @ gram @ d)


def moment_problem(
    pairs: Moments,
    triples: Moments,
    means: tuple[ArrayLike | None, ArrayLike | None],
    n_factors: int | None,
) -> MomentProblem:
    """Check everything that was given and scale the weights."""
    counted = None if means[0] is None else [max(len(np.asarray(means[0])) - 1, 0)]
    n_factors = infer_n_factors(n_factors, pairs[0], triples[0], counted)
    found = {
        order: check_terms(index, [] if blocks is None else blocks, weights, order, n_factors)
        for order, (index, blocks, weights) in ((2, pairs), (3, triples))
        if index is not None
    }
    table, mean_weights = _check_means(*means, n_factors)
    sides = {terms.blocks.shape[1] for terms in found.values()}
    sides |= set() if table is None else {table.shape[1]}
    if len(sides) > 1:
        raise ValueError(f"moments must share one side length K, got {sorted(sides)}")
    scale = max([0.0, *mean_weights, *(terms.weights.max(initial=0.0) for terms in found.values())])
    if not sides or scale == 0.0:
        raise ValueError("no moment of positive weight: give means, pairs or triples")
    return _assemble(found, table, mean_weights, sides.pop(), scale)


def _assemble(
    found: dict[int, Terms],
    table: FloatArray | None,
    mean_weights: FloatArray,
    side: int,
    scale: float,
) -> MomentProblem:
    """Fill the orders that were not given with empty tables."""
    n_factors = len(mean_weights)
    for order in (2, 3):
        empty = Terms(
            np.zeros((0, order), dtype=np.int64), np.zeros((0,) + order * (side,)), np.zeros(0)
        )
        found.setdefault(order, empty)
        found[order] = found[order]._replace(weights=found[order].weights / scale)
    table = np.zeros((n_factors, side)) if table is None else table
    mean_weights = mean_weights / scale
    power = 0.5 * (
        mean_weights @ (table**2).sum(axis=1)
        + found[2].weights @ (found[2].blocks ** 2).sum(axis=(1, 2))
        + found[3].weights @ (found[3].blocks ** 2).sum(axis=(1, 2, 3))
    )
    return MomentProblem(
        means=table,
        mean_weights=mean_weights,
        pairs=found[2],
        triples=_by_entries(found[3]),
        by_pair=incidence(found[2].members, n_factors),
        by_triple=incidence(found[3].members, n_factors),
        power=float(power),
        scale=float(scale),
    )


def _by_entries(triples: Terms) -> Triples:
    """List the entries of the blocks that are not zero."""
    block, *coordinates = np.nonzero(triples.blocks)
    cell_ptr = np.searchsorted(block, np.arange(len(triples.blocks) + 1)).astype(np.int64)
    cell = np.ascontiguousarray(np.stack(coordinates, axis=1), dtype=np.int64)
    value = triples.blocks[block, *coordinates]
    return Triples(triples.members, triples.weights, cell_ptr, cell, value)


def _check_means(
    means: ArrayLike | None, weights: ArrayLike | None, n_factors: int
) -> tuple[FloatArray | None, FloatArray]:
    """Check the first moments; rows of weight zero become zero, whatever they held."""
    if means is None:
        return None, np.zeros(n_factors)
    table = np.array(means, dtype=np.float64)
    if table.ndim != 2 or len(table) != n_factors or table.shape[1] == 0:
        raise ValueError(f"means must have shape ({n_factors}, K), got {table.shape}")
    weights = np.ones(n_factors) if weights is None else np.asarray(weights, dtype=np.float64)
    if weights.shape != (n_factors,) or not (np.isfinite(weights) & (weights >= 0)).all():
        raise ValueError(f"mean_weights must be {n_factors} finite nonnegative numbers")
    table[weights == 0] = 0.0
    if not np.isfinite(table).all():
        raise ValueError("means must be finite (give a missing mean weight 0)")
    return table, weights
