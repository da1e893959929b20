"""Successive projection: find the extreme columns of a nonnegative matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from aggregate.factorization._terms import check_at_least_one
from aggregate.factorization.result import FactorizationResult, FloatArray, IntArray, Restart
from aggregate.kernels.simplex import normalize_columns, project_columns

_TIE = 1e-6


def successive_projection(
    matrix: ArrayLike,
    n_components: int,
    *,
    column_weights: ArrayLike | None = None,
    min_weight: float = 0.0,
    n_average: int = 1,
    tol: float = 1e-9,
) -> FactorizationResult:
    r"""Factor a separable nonnegative matrix by picking its extreme columns (SPA).

    .. math:: Z \approx A H^T, \qquad A \ge 0,\ \mathbf 1^T A = \mathbf 1^T, \quad H \ge 0

    where

    - :math:`Z` (L, n) is ``matrix``; its columns are divided by their sums first;
    - :math:`A` (L, K) is ``factors[0]``: ``A[a, k]``, every **column** sums to one;
    - separable means that every column of A occurs, up to scale, among the columns of Z.

    The column of largest norm is extreme; it is taken, the matrix is projected on the
    complement of it, and so on K times [1]_. Guards against noise, which SPA otherwise seeks
    out, because noisy columns are the longest:

    - columns with less than ``min_weight`` behind them are left out;
    - instead of one column, the ``n_average`` columns that reach furthest in its direction are
      averaged with ``column_weights`` [2]_;
    - of columns whose residuals tie within 1e-6, the one with the larger original norm is taken;
    - it stops at the numerical rank: when the largest residual norm falls below ``tol`` times
      the largest norm, or the selected columns have become dependent.

    **When it fails.** Without near-extreme columns for a component its column is not found; the
    error grows with the square of the condition number of A. Always refine the result.

    Parameters
    ----------
    matrix : array-like, shape (L, n)
        Nonnegative.
    n_components : int
        K.
    column_weights : array-like, shape (n,), optional
        Counts behind the columns; those of zero weight may hold NaN. Default 1.
    min_weight : float
        Columns of smaller weight are left out.
    n_average : int
        How many columns to average.
    tol : float
        Relative residual norm at which the numerical rank is reached.

    Returns
    -------
    FactorizationResult
        ``factors`` (1, L, r) with r = ``rank`` at most K; ``selected`` the leading column
        picked for each component; ``weights`` (r,), the simplex vector nearest to the mixture
        that explains the weighted sum of all columns of Z as given; ``objective_path``, the
        largest residual norm before each pick and after the last; ``converged`` when r is K.

    Raises
    ------
    ValueError
        If no column is left, or entries are negative or not finite, or shapes do not fit.

    References
    ----------
    .. [1] N. Gillis, S. A. Vavasis, "Fast and robust recursive algorithms for separable
       nonnegative matrix factorization", IEEE Trans. PAMI 36(4):698-714, 2014, Algorithm 1.
    .. [2] N. Nadisic, N. Gillis, C. Kervazo, "Smoothed separable nonnegative matrix
       factorization", Linear Algebra Appl. 676:174-204, 2023, Algorithm 2.

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate.factorization import successive_projection
    >>> A = np.array([[0.8, 0.3], [0.2, 0.7]])
    >>> fit = successive_projection(A @ [[5.0, 0.5, 0.0], [0.0, 0.5, 2.0]], 2)
    >>> fit.selected
    array([0, 2])
    >>> fit.factors[0]
    array([[0.8, 0.3],
           [0.2, 0.7]])
    """
    check_at_least_one(n_components=n_components, n_average=n_average)
    Z, w, kept = _usable(matrix, column_weights, min_weight)
    columns = Z / Z.sum(axis=0)
    factor, picked, path = _select(columns, w, n_components, n_average, tol)
    normalize_columns(factor, 0.0)
    rank = factor.shape[1]
    mixture = np.ascontiguousarray(np.linalg.pinv(factor, rcond=tol) @ (Z @ w))[:, None]
    mixture /= max(mixture.sum(), np.finfo(float).tiny)
    project_columns(mixture)
    return FactorizationResult(
        factors=factor[None],
        weights=mixture[:, 0],
        objective_path=np.array(path),
        converged=rank == n_components,
        n_iter=rank,
        restarts=(Restart(path[-1], rank, rank == n_components),),
        estimated=np.ones(1, dtype=np.bool_),
        rank=rank,
        selected=kept[picked],
    )


def _usable(
    matrix: ArrayLike, weights: ArrayLike | None, min_weight: float
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Check the input and keep the columns with mass and enough weight."""
    Z = np.asarray(matrix, dtype=np.float64)
    if Z.ndim != 2 or Z.shape[0] == 0:
        raise ValueError(f"matrix must have shape (L, n) with L >= 1, got {Z.shape}")
    w = np.ones(Z.shape[1]) if weights is None else np.asarray(weights, dtype=np.float64)
    if w.shape != (Z.shape[1],) or not (np.isfinite(w) & (w >= 0)).all():
        raise ValueError(f"column_weights must be {Z.shape[1]} finite nonnegative numbers")
    kept = np.flatnonzero((w > 0) & (w >= min_weight))
    Z, w = Z[:, kept], w[kept]
    if not np.isfinite(Z).all() or (Z < 0).any():
        raise ValueError("matrix must be finite and nonnegative in columns of positive weight")
    mass = Z.sum(axis=0) > 0
    if not mass.any():
        raise ValueError(f"no column with mass and weight of at least {min_weight}")
    return Z[:, mass], w[mass], kept[mass]


def _select(
    columns: FloatArray, w: FloatArray, n_components: int, n_average: int, tol: float
) -> tuple[FloatArray, list[int], list[float]]:
    """Pick, average and project out until the rank or the number of components is reached."""
    residual = columns.copy()
    length = np.sqrt((columns**2).sum(axis=0))
    basis = np.zeros((len(columns), 0))
    factor = np.zeros((len(columns), 0))
    picked: list[int] = []
    path = [float(length.max())]
    while len(picked) < n_components and path[-1] > tol * path[0]:
        leader = _leader(residual, length, columns)
        near = _nearest(residual, columns, leader, n_average)
        mean = columns[:, near] @ w[near] / w[near].sum()
        # Orthogonalising twice keeps the basis orthogonal to rounding (Kahan's rule).
        direction = mean - basis @ (basis.T @ mean)
        direction -= basis @ (basis.T @ direction)
        norm = np.linalg.norm(direction)
        if norm <= tol * path[0]:
            break
        basis = np.column_stack([basis, direction / norm])
        residual = residual - np.outer(basis[:, -1], basis[:, -1] @ residual)
        factor = np.column_stack([factor, mean])
        picked.append(leader)
        path.append(float(np.sqrt((residual**2).sum(axis=0)).max()))
    return np.ascontiguousarray(factor), picked, path


def _leader(residual: FloatArray, length: FloatArray, columns: FloatArray) -> int:
    """Column of largest residual; ties by original norm, then by its entries, never by place."""
    size = (residual**2).sum(axis=0)
    tied = np.flatnonzero(size >= (1 - _TIE) * size.max())
    tied = tied[length[tied] >= (1 - _TIE) * length[tied].max()]
    return int(tied[np.lexsort(columns[::-1, tied])[-1]])


def _nearest(residual: FloatArray, columns: FloatArray, leader: int, n_average: int) -> IntArray:
    """Columns that reach furthest in the leader's direction; those tied with the last count."""
    if n_average == 1:
        return np.array([leader])
    reach = residual[:, leader] @ residual
    last = np.sort(reach)[::-1][min(n_average, reach.size) - 1]
    # Columns on the far side would pull the average inward: only those that point the same way.
    near = (reach >= last - _TIE * abs(last)) & (reach > 0)
    return np.flatnonzero(near)
