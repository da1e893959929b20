"""Low-rank factorization of a sparse symmetric block matrix without imputation, robustly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from aggregate._jit import kernel
from aggregate.factorization._terms import (
    Incidence,
    Terms,
    check_at_least_one,
    check_terms,
    incidence,
    infer_n_factors,
    lay_out,
)
from aggregate.factorization.result import FactorizationResult, FloatArray, IntArray, best_start
from aggregate.factorization.spectral_root import root_of_symmetric


@dataclass(frozen=True)
class _Rule:
    """How to iterate: the loss (p, eps), the steps on the ball, and when to stop."""

    power: float
    eps: float
    n_inner: int
    max_iter: int
    tol: float


def robust_block_factorization(
    pairs: ArrayLike,
    blocks: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    n_factors: int | None = None,
    n_components: int | None = None,
    power: float = 2.0,
    eps: float = 1e-6,
    n_restarts: int = 3,
    n_inner: int = 10,
    max_iter: int = 200,
    tol: float = 1e-8,
    random_state: int | np.random.Generator | None = None,
) -> FactorizationResult:
    r"""Fit a low-rank root to the observed blocks only.

    .. math::

       \min_{\|U_m\|_F \le 1}\ \sum_{(m,j)} w_{mj}
       \left( \| R_{mj} - U_m U_j^T \|_F^2 + \epsilon \right)^{p/2}

    where

    - :math:`U_m` (L, K), in ``factors``, is a block of the root :math:`U = [A_m D^{1/2}]_m Q`
      with an unknown rotation Q: here the columns do **not** sum to one; hand
      ``factors.reshape(-1, K)`` to :func:`~aggregate.factorization.symmetric_nmf`;
    - :math:`R_{mj}` is a block with ``R[a, b]`` belonging to row a of the first factor and row
      b of the second; diagonal blocks are never data;
    - p is ``power``: 2 is least squares ( :math:`\epsilon` is then zero), 1 lets single bad
      blocks go.

    Factor after factor is updated by iteratively reweighted least squares: with weights
    :math:`\tfrac p2 (\|\cdot\|^2 + \epsilon)^{p/2-1}` at the current residuals the update is a
    linear least-squares problem, solved in closed form and, where the solution leaves the ball,
    improved by projected gradient steps instead [1]_. Every step minimises a majorant, so the
    objective never rises. The first start is the spectral root of the matrix with zeros in
    place of what is missing, the others are Gaussian.

    **When it fails.** With few pairs per factor the root is not determined: a factor needs
    neighbours whose blocks together have rank K. A factor without pairs is zero and has
    ``estimated`` false. Not convex: use ``n_restarts``.

    Parameters
    ----------
    pairs : array-like of int, shape (P, 2)
        Indices of the two factors of each block, in any order; not equal.
    blocks : array-like, shape (P, L, L)
        Finite.
    weights : array-like, shape (P,), optional
        Nonnegative, for example counts; zero masks a block. Default 1.
    n_factors : int, optional
        M; default: one more than the largest index.
    n_components : int, optional
        K; default L.
    power : float
        p in (0, 2]; 1 and 2 are the published choices.
    eps : float
        Smoothing of the loss for p < 2, positive.
    n_restarts : int
        Number of starts; the smallest objective wins.
    n_inner : int
        Projected gradient steps of one update.
    max_iter : int
        Sweeps of each start.
    tol : float
        Stop when the blocks of the root move by less, relative to their norms.
    random_state : int, Generator or None
        Seed of the random starts.

    Returns
    -------
    FactorizationResult
        ``factors`` (M, L, K), the root by blocks; ``weights`` are ones.

    Raises
    ------
    ValueError
        If no block has positive weight, or shapes, indices or values do not fit.

    References
    ----------
    .. [1] S. Ibrahim, X. Fu, "Crowdsourcing via annotator co-occurrence imputation and
       provable symmetric nonnegative matrix factorization", ICML 2021, PMLR 139:4544-4554,
       problem (7), the robust co-occurrence imputation.

    Examples
    --------
    >>> import numpy as np
    >>> from itertools import combinations
    >>> from aggregate.factorization import robust_block_factorization
    >>> rng = np.random.default_rng(0)
    >>> A, d = rng.dirichlet(np.ones(2), (5, 2)).transpose(0, 2, 1), np.array([0.6, 0.4])
    >>> pairs = list(combinations(range(5), 2))
    >>> blocks = [A[m] * d @ A[j].T for m, j in pairs]
    >>> U = robust_block_factorization(pairs, blocks, random_state=0).factors
    >>> bool(np.allclose(U[1] @ U[3].T, A[1] * d @ A[3].T, atol=1e-5))
    True
    """
    n_factors = infer_n_factors(n_factors, pairs)
    terms = check_terms(pairs, blocks, weights, 2, n_factors)
    if not len(terms.members):
        raise ValueError("no pair block with positive weight")
    side = terms.blocks.shape[1]
    n_components = side if n_components is None else n_components
    check_at_least_one(
        n_components=n_components, n_restarts=n_restarts, n_inner=n_inner, max_iter=max_iter
    )
    if not 0 < power <= 2 or not eps > 0:
        raise ValueError(f"power must lie in (0, 2] and eps be positive, got {power} and {eps}")
    rule = _Rule(float(power), float(eps) if power < 2 else 0.0, n_inner, max_iter, tol)
    by_factor = incidence(terms.members, n_factors)
    estimated = np.diff(by_factor.ptr) > 0
    scale = float(terms.weights.max())
    scaled = terms._replace(weights=terms.weights / scale)
    starts = _starts(scaled, (n_factors, side, n_components), n_restarts, random_state)

    def run(start: FloatArray) -> tuple[FloatArray, list[float], bool]:
        return _sweeps(scaled, by_factor, start * estimated[:, None, None], rule)

    U, path, chosen, restarts = best_start(run, starts, scale)
    return FactorizationResult(
        factors=U,
        weights=np.ones(n_components),
        objective_path=path,
        converged=restarts[chosen].converged,
        n_iter=restarts[chosen].n_iter,
        restarts=restarts,
        estimated=estimated,
        rank=int(np.linalg.matrix_rank(U.reshape(-1, n_components), tol=1e-10)),
    )


def _starts(
    terms: Terms,
    shape: tuple[int, int, int],
    n_restarts: int,
    random_state: int | np.random.Generator | None,
) -> list[FloatArray]:
    """Make the spectral start and Gaussian ones inside the ball."""
    rng = np.random.default_rng(random_state)
    n_factors, side, n_components = shape
    draws = [rng.standard_normal(shape) for _ in range(n_restarts)]
    starts = [x / np.linalg.norm(x, axis=(1, 2), keepdims=True) for x in draws]
    if n_components <= n_factors * side:
        U = root_of_symmetric(lay_out(terms, n_factors), n_components).reshape(shape)
        # Zeros for what is missing shrink the root and can leave a factor without any; a
        # little of the random start keeps every factor away from that saddle point.
        starts[0] = _in_ball(U + 1e-3 * starts[0])
    return starts


def _in_ball(U: FloatArray) -> FloatArray:
    """Shrink blocks whose Frobenius norm exceeds one."""
    return U / np.maximum(np.linalg.norm(U, axis=(-2, -1), keepdims=True), 1.0)


def _sweeps(
    terms: Terms, by_factor: Incidence, start: FloatArray, rule: _Rule
) -> tuple[FloatArray, list[float], bool]:
    """Update factor after factor from one start."""
    U = start.copy()
    active = np.flatnonzero(np.diff(by_factor.ptr)).tolist()
    gram, linear = np.empty((U.shape[2], U.shape[2])), np.empty(U.shape[1:])
    path = [float(_objective(*terms, U, rule.power, rule.eps))]
    for _ in range(rule.max_iter):
        before = U.copy()
        for m in active:
            _normal_equations(m, *by_factor, *terms, U, rule.power, rule.eps, gram, linear)
            U[m] = _update(gram, linear, U[m], rule.n_inner)
        path.append(float(_objective(*terms, U, rule.power, rule.eps)))
        if np.linalg.norm(U - before) <= rule.tol * np.linalg.norm(U):
            return U, path, True
    return U, path, False


def _update(gram: FloatArray, linear: FloatArray, old: FloatArray, n_inner: int) -> FloatArray:
    """Minimise tr(U S U')/2 - <B, U> over the ball, never ending above the old point."""
    values, vectors = np.linalg.eigh(gram)
    top = max(float(values[-1]), 1e-300)
    keep = values > 1e-13 * top
    inverse = np.where(keep, 1.0 / np.where(keep, values, 1.0), 0.0)
    solution = (linear @ vectors * inverse) @ vectors.T
    if not np.linalg.norm(solution) <= 1.0:
        solution = old
        for _ in range(n_inner):
            solution = _in_ball(solution - (solution @ gram - linear) / top)
    step = solution - old
    # The change from the step itself: the difference of two values would be all rounding.
    change = float(((0.5 * (solution + old) @ gram - linear) * step).sum())
    return solution if change <= 0.0 else old


@kernel
def _normal_equations(
    m: int,
    ptr: IntArray,
    term: IntArray,
    position: IntArray,
    index: IntArray,
    blocks: FloatArray,
    weights: FloatArray,
    U: FloatArray,
    power: float,
    eps: float,
    gram: FloatArray,
    linear: FloatArray,
) -> None:
    """Write the reweighted normal equations of factor m: gram (K, K) and linear (L, K)."""
    n_rows, n_components = U.shape[1], U.shape[2]
    gram[:] = 0.0
    linear[:] = 0.0
    for e in range(ptr[m], ptr[m + 1]):
        p = term[e]
        first = position[e] == 0
        j = index[p, 1] if first else index[p, 0]
        w = weights[p]
        if power < 2.0:
            square = eps
            for a in range(n_rows):
                for b in range(n_rows):
                    gap = blocks[p, a, b] if first else blocks[p, b, a]
                    for k in range(n_components):
                        gap -= U[m, a, k] * U[j, b, k]
                    square += gap * gap
            w *= 0.5 * power * square ** (0.5 * power - 1.0)
        for b in range(n_rows):
            for k in range(n_components):
                for h in range(n_components):
                    gram[k, h] += w * U[j, b, k] * U[j, b, h]
                for a in range(n_rows):
                    value = blocks[p, a, b] if first else blocks[p, b, a]
                    linear[a, k] += w * value * U[j, b, k]


@kernel
def _objective(
    index: IntArray,
    blocks: FloatArray,
    weights: FloatArray,
    U: FloatArray,
    power: float,
    eps: float,
) -> float:
    """Return the weighted sum of (squared residual + eps) ** (power / 2)."""
    total = 0.0
    for p in range(index.shape[0]):
        m, j = index[p, 0], index[p, 1]
        square = eps
        for a in range(U.shape[1]):
            for b in range(U.shape[1]):
                gap = blocks[p, a, b]
                for k in range(U.shape[2]):
                    gap -= U[m, a, k] * U[j, b, k]
                square += gap * gap
        total += weights[p] * square ** (0.5 * power)
    return total
