"""What every solver of this room returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
State = TypeVar("State")


@dataclass(frozen=True)
class Restart:
    """How one start of a solver ended.

    Attributes
    ----------
    objective : float
        Final objective; infinite when the start broke down.
    n_iter : int
        Iterations made.
    converged : bool
        Whether the stopping rule was met before ``max_iter``.
    """

    objective: float
    n_iter: int
    converged: bool


@dataclass(frozen=True, eq=False)
class FactorizationResult:
    """Factors, weights and the record of how they were found.

    Factor matrices are ``factors[m, a, k]`` with columns that sum to one over ``a`` (the
    convention of the signal-processing papers); a solver that returns something else says so.

    Attributes
    ----------
    factors : ndarray of shape (M, L, K)
        One matrix per factor, rows are what is seen, columns the components.
    weights : ndarray of shape (K,)
        Weight of every component.
    objective_path : ndarray
        Objective at the start and after every iteration of the chosen start.
    converged : bool
        Whether the stopping rule was met before ``max_iter``.
    n_iter : int
        Iterations of the chosen start.
    restarts : tuple of Restart
        How every start ended, in the order they were made.
    estimated : ndarray of shape (M,), bool
        Whether the data said anything about a factor; the others keep their start.
    rank : int
        Numerical rank met: below K where the data cannot support K components.
    scales : ndarray of shape (K,) or None
        Column sums of the factor before they were normalised, where they carry meaning.
    selected : ndarray of int or None
        Columns picked by a selection method.
    rotation : ndarray of shape (K, K) or None
        Orthogonal matrix found by a rotation method.

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate.factorization import FactorizationResult
    >>> fit = FactorizationResult(np.eye(2)[None], np.array([0.7, 0.3]), np.array([2.0, 1.0]),
    ...                           True, 1, (), np.array([True]), 2)
    >>> fit.objective
    1.0
    >>> fit.permute([1, 0]).weights
    array([0.3, 0.7])
    """

    factors: FloatArray
    weights: FloatArray
    objective_path: FloatArray
    converged: bool
    n_iter: int
    restarts: tuple[Restart, ...]
    estimated: NDArray[np.bool_]
    rank: int
    scales: FloatArray | None = None
    selected: IntArray | None = None
    rotation: FloatArray | None = None

    @property
    def objective(self) -> float:
        """Final objective of the chosen start."""
        return float(self.objective_path[-1])

    def permute(self, order: ArrayLike) -> FactorizationResult:
        """Return the same model with component ``order[k]`` moved to place ``k``.

        Parameters
        ----------
        order : array-like of int, shape (K,)
            A permutation, as :mod:`aggregate.factorization.matching` returns it.

        Returns
        -------
        FactorizationResult
            A new result; the model it describes is unchanged.

        Raises
        ------
        ValueError
            If ``order`` is not a permutation of the components.
        """
        order = np.asarray(order, dtype=np.int64)
        if not np.array_equal(np.sort(order), np.arange(self.weights.size)):
            raise ValueError(
                f"order must be a permutation of 0..{self.weights.size - 1}, got {order.tolist()}"
            )
        return replace(
            self,
            factors=np.ascontiguousarray(self.factors[:, :, order]),
            weights=self.weights[order],
            scales=None if self.scales is None else self.scales[order],
            selected=None if self.selected is None else self.selected[order],
            rotation=None if self.rotation is None else self.rotation[:, order],
        )


def best_start(
    run: Callable[[State], tuple[State, list[float], bool]],
    starts: Iterable[State],
    scale: float = 1.0,
) -> tuple[State, FloatArray, int, tuple[Restart, ...]]:
    """Run every start and keep the one with the smallest final objective (the first of equals).

    ``scale`` turns the objective of a rescaled problem back into the caller's.
    """
    records: list[Restart] = []
    best: tuple[State, list[float]] | None = None
    for start in starts:
        state, path, converged = run(start)
        final = path[-1] * scale if np.isfinite(path[-1]) else np.inf
        if np.isfinite(final) and all(final < record.objective for record in records):
            best, chosen = (state, path), len(records)
        records.append(Restart(float(final), len(path) - 1, converged))
    if best is None:
        raise ValueError(
            f"all {len(records)} starts ended with a non-finite objective; check the scale of the "
            "moments and of their weights"
        )
    return best[0], np.array(best[1]) * scale, chosen, tuple(records)
