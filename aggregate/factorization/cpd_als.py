"""Canonical polyadic decomposition of one third-order tensor by alternating least squares."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from aggregate.factorization._terms import check_at_least_one
from aggregate.factorization.result import FactorizationResult, FloatArray, best_start

Factors = tuple[FloatArray, FloatArray, FloatArray]


def cpd_als(
    tensor: ArrayLike,
    n_components: int,
    *,
    init: str = "tensorly",
    n_restarts: int = 5,
    max_iter: int = 1000,
    tol: float = 1e-10,
    random_state: int | np.random.Generator | None = None,
) -> FactorizationResult:
    r"""Decompose a third-order tensor into K rank-one terms.

    .. math::

       \min_{A, B, C, \lambda}\ \tfrac12 \Big\| T - \sum_{k=1}^K
       \lambda_k\, a_k \otimes b_k \otimes c_k \Big\|_F^2

    where

    - :math:`T` (L, L, L) is ``tensor``;
    - :math:`A, B, C` (L, K), in ``factors``: ``factors[m][a, k]``, **columns** sum to one (a
      column whose sum vanishes is scaled to unit absolute sum instead);
    - :math:`\lambda` (K,) is ``weights``, of any sign.

    With two factors fixed the third is a linear least-squares problem in the Khatri-Rao product
    of the two [1]_, solved by an orthogonal factorisation, which loses half as many digits as
    normal equations. After each sweep a longer step along its change is tried and kept if the
    objective falls further ("line search"), which shortens swamps. The objective never rises.
    The first start is a few iterations of tensorly's ``parafac`` from singular vectors
    (``init="tensorly"``; a random start where that breaks down), the others are random.

    **When it fails.** The answer is unique up to permutation when the Kruskal ranks of the
    factors add up to 2K + 2 or more; nearly collinear columns make ALS crawl ("swamps"), hence
    the restarts. Nothing keeps the factors nonnegative: for noisy moments use
    :func:`~aggregate.factorization.coupled_cpd`.

    Parameters
    ----------
    tensor : array-like, shape (L, L, L)
        Finite.
    n_components : int
        K.
    init : {"tensorly", "random"}
        The first start.
    n_restarts : int
        Number of starts; the smallest objective wins.
    max_iter : int
        Sweeps of each start.
    tol : float
        Stop when a sweep moves the reconstructed tensor by less, relative to its norm.
    random_state : int, Generator or None
        Seed of the random starts.

    Returns
    -------
    FactorizationResult
        ``factors`` (3, L, K) and ``weights`` (K,).

    Raises
    ------
    ValueError
        If the tensor is not a finite cube or is zero, or ``init`` is unknown.

    References
    ----------
    .. [1] T. G. Kolda, B. W. Bader, "Tensor decompositions and applications", SIAM Review
       51(3):455-500, 2009, section 3.4.

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate.factorization import cpd_als
    >>> A = np.array([[0.8, 0.3], [0.2, 0.7]])
    >>> T = np.einsum("k,ak,bk,ck->abc", [0.6, 0.4], A, A, A)
    >>> fit = cpd_als(T, 2, random_state=0)
    >>> fit.permute(np.argsort(-fit.weights)).factors[0].round(6)
    array([[0.8, 0.3],
           [0.2, 0.7]])
    """
    T = np.asarray(tensor, dtype=np.float64)
    if T.ndim != 3 or len(set(T.shape)) != 1 or T.size == 0 or not np.isfinite(T).all():
        raise ValueError(f"tensor must be a finite cube (L, L, L), got shape {T.shape}")
    if init not in ("tensorly", "random"):
        raise ValueError(f"init must be 'tensorly' or 'random', got {init!r}")
    check_at_least_one(n_components=n_components, n_restarts=n_restarts, max_iter=max_iter)
    scale = float(np.linalg.norm(T))
    if scale == 0.0:
        raise ValueError("tensor is zero: it has no components")
    T = T / scale  # the stopping rule and the rank test then mean the same for any scale
    rng = np.random.default_rng(random_state)
    starts = [_random_start(rng, len(T), n_components) for _ in range(n_restarts)]
    if init == "tensorly":
        starts[0] = _tensorly_start(T, n_components, rng)

    def run(start: Factors) -> tuple[Factors, list[float], bool]:
        return _alternate(T, start, max_iter, tol)

    factors, path, chosen, restarts = best_start(run, starts, scale**2)
    stack, weights = _normalized(np.stack(factors))
    return FactorizationResult(
        factors=stack,
        weights=weights * scale,
        objective_path=path,
        converged=restarts[chosen].converged,
        n_iter=restarts[chosen].n_iter,
        restarts=restarts,
        estimated=np.ones(3, dtype=np.bool_),
        rank=int(np.linalg.matrix_rank(stack[0] * weights, tol=1e-10)),
    )


def _random_start(rng: np.random.Generator, side: int, n_components: int) -> Factors:
    """Gaussian factors: no direction is preferred."""
    A, B, C = rng.standard_normal((3, side, n_components))
    return A, B, C


def _tensorly_start(T: FloatArray, n_components: int, rng: np.random.Generator) -> Factors:
    """Start from a few of tensorly's iterations, begun at singular vectors."""
    from tensorly.decomposition import parafac

    other = _random_start(rng, len(T), n_components)
    if n_components > len(T):  # there are not enough singular vectors
        return other
    try:
        weights, (A, B, C) = parafac(T, n_components, n_iter_max=5, init="svd")
    except np.linalg.LinAlgError:  # its normal equations are singular where ours are not solved
        return other
    start = (A * weights, B, C)
    return start if all(np.isfinite(x).all() for x in start) else other


def _khatri_rao(B: FloatArray, C: FloatArray) -> FloatArray:
    """Column-wise Kronecker product, shape (L * L, K)."""
    return (B[:, None, :] * C[None, :, :]).reshape(-1, B.shape[1])


def _alternate(
    T: FloatArray, start: Factors, max_iter: int, tol: float
) -> tuple[Factors, list[float], bool]:
    """Solve for each factor in turn from one start, and step further where that helps."""
    unfolded = [np.moveaxis(T, mode, 0).reshape(len(T), -1) for mode in range(3)]
    factors, model = start, _model(start)
    path = [0.5 * float(((unfolded[0] - model) ** 2).sum())]
    stride = 1.0
    for _ in range(max_iter):
        solved = _sweep(unfolded, factors)
        A, B, C = (x + stride * (x - y) for x, y in zip(solved, factors, strict=True))
        further = (A, B, C)
        before, best = model, _model(solved)
        loss = ((unfolded[0] - best) ** 2).sum()
        bold = _model(further)
        bold_loss = ((unfolded[0] - bold) ** 2).sum()
        # A longer step out of a swamp is taken only if it pays, so the path stays monotone.
        better = bool(bold_loss < loss)
        stride = min(1.5 * stride, 1e3) if better else max(0.5 * stride, 0.5)
        solved, model = (further, bold) if better else (solved, best)
        factors = _balanced(solved)
        path.append(0.5 * float(min(loss, bold_loss)))
        if np.linalg.norm(model - before) < tol:
            return factors, path, True
    return factors, path, False


def _model(factors: Factors) -> FloatArray:
    """Reconstruct the tensor, unfolded along its first axis."""
    return np.asarray(factors[0] @ _khatri_rao(factors[1], factors[2]).T)


def _sweep(unfolded: list[FloatArray], factors: Factors) -> Factors:
    """Solve the three least-squares problems in turn."""
    solved = list(factors)
    for mode in range(3):
        B, C = (solved[h] for h in range(3) if h != mode)
        # The minimum-norm solution keeps dependent columns from running away.
        solution, *_ = np.linalg.lstsq(_khatri_rao(B, C), unfolded[mode].T, rcond=1e-13)
        solved[mode] = np.ascontiguousarray(solution.T)
    return solved[0], solved[1], solved[2]


def _balanced(factors: Factors) -> Factors:
    """Share each term's norm between its three vectors, so that none overflows."""
    norms = np.stack([np.linalg.norm(x, axis=0) for x in factors])
    share = np.cbrt(norms.prod(axis=0))
    A, B, C = (x * (share / np.where(n > 0, n, 1.0)) for x, n in zip(factors, norms, strict=True))
    return A, B, C


def _normalized(stack: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Move scale and sign of the columns into the weights."""
    total, size = stack.sum(axis=1), np.abs(stack).sum(axis=1)
    total = np.where(np.abs(total) > 1e-8 * size, total, size)
    empty = total == 0.0
    total = np.where(empty, 1.0, total)
    stack = np.where(empty[:, None, :], 1.0 / stack.shape[1], stack / total[:, None, :])
    return np.ascontiguousarray(stack), np.where(empty.any(axis=0), 0.0, total.prod(axis=0))
