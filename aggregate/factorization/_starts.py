"""Several starts of a coupled solver: factors and weights, drawn or given, and the best end."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate.factorization.result import FactorizationResult, FloatArray, best_start

Model = tuple[FloatArray, FloatArray]
"""Factors (M, L, K) and weights (K,)."""


def draw_starts(
    init: ArrayLike | None,
    init_weights: ArrayLike | None,
    shape: tuple[int, int, int],
    n_restarts: int,
    random_state: int | np.random.Generator | None,
) -> list[Model]:
    """Return the start that is given, or a drawn one, and drawn ones behind it."""
    rng = np.random.default_rng(random_state)
    d = _check_weights(init_weights, shape[2])
    first = _random_factors(rng, *shape) if init is None else _check_factors(init, shape)
    return [(first, d), *((_random_factors(rng, *shape), d) for _ in range(n_restarts - 1))]


def fit_best(
    run: Callable[[Model], tuple[Model, list[float], bool]],
    starts: list[Model],
    estimated: NDArray[np.bool_],
    scale: float = 1.0,
) -> FactorizationResult:
    """Return the best that running every start comes to; ``scale`` as in `best_start`."""
    (A, d), path, chosen, restarts = best_start(run, starts, scale)
    return FactorizationResult(
        factors=A,
        weights=d,
        objective_path=path,
        converged=restarts[chosen].converged,
        n_iter=restarts[chosen].n_iter,
        restarts=restarts,
        estimated=estimated,
        rank=d.size,
    )


def _random_factors(
    rng: np.random.Generator, n_factors: int, n_rows: int, n_columns: int
) -> FloatArray:
    """Draw matrices whose columns are uniform on the simplex."""
    draws = rng.dirichlet(np.ones(n_rows), size=(n_factors, n_columns))
    return np.ascontiguousarray(draws.transpose(0, 2, 1))


def _check_factors(init: ArrayLike, shape: tuple[int, int, int]) -> FloatArray:
    """Check starting factors: right shape, finite, nonnegative, columns that sum to one."""
    start = np.array(init, dtype=np.float64, order="C")
    if start.shape != shape:
        raise ValueError(f"init must have shape {shape}, got {start.shape}")
    if not np.isfinite(start).all() or (start < 0).any():
        raise ValueError("init must be finite and nonnegative")
    if not np.allclose(start.sum(axis=1), 1.0, atol=1e-6):
        raise ValueError("every column of init must sum to 1: init[m].sum(axis=0) == 1")
    return start


def _check_weights(init: ArrayLike | None, n_components: int) -> FloatArray:
    """Check starting weights; uniform when there are none."""
    if init is None:
        return np.full(n_components, 1.0 / n_components)
    d = np.array(init, dtype=np.float64)
    if d.shape != (n_components,):
        raise ValueError(f"init_weights must have shape ({n_components},), got {d.shape}")
    if not np.isfinite(d).all() or (d < 0).any() or not np.isclose(d.sum(), 1.0, atol=1e-6):
        raise ValueError("init_weights must be finite, nonnegative and sum to 1")
    return d
