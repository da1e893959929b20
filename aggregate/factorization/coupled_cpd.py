"""Coupled CPD of first, second and third moments with simplex constraints, by AO-ADMM."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from aggregate.factorization._moment_problem import MomentProblem, moment_problem
from aggregate.factorization._simplex_admm import admm_on_simplex
from aggregate.factorization._starts import Model, draw_starts, fit_best
from aggregate.factorization._terms import check_at_least_one
from aggregate.factorization.result import FactorizationResult, FloatArray, IntArray
from aggregate.kernels.simplex import project_columns


def coupled_cpd(
    pairs: ArrayLike | None = None,
    pair_blocks: ArrayLike | None = None,
    pair_weights: ArrayLike | None = None,
    triples: ArrayLike | None = None,
    triple_blocks: ArrayLike | None = None,
    triple_weights: ArrayLike | None = None,
    means: ArrayLike | None = None,
    mean_weights: ArrayLike | None = None,
    *,
    n_factors: int | None = None,
    init: ArrayLike | None = None,
    init_weights: ArrayLike | None = None,
    n_restarts: int = 1,
    max_iter: int = 500,
    n_inner: int = 10,
    tol: float = 1e-6,
    inner_tol: float = 1e-8,
    random_state: int | np.random.Generator | None = None,
) -> FactorizationResult:
    r"""Fit stochastic factors and a weight vector to moments of first, second and third order.

    .. math::

       \min_{A_m \in \mathcal C,\ d \in \Delta}\
       \tfrac12 \sum_m w_m \|\mu_m - A_m d\|^2
       + \tfrac12 \sum_{m<j} w_{mj} \|R_{mj} - A_m D A_j^T\|_F^2
       + \tfrac12 \sum_{m<j<l} w_{mjl} \|T_{mjl} - [\![A_m D, A_j, A_l]\!]\|_F^2

    where

    - :math:`A_m` (K, K), in ``factors``: ``A_m[a, k]``, every **column** on the simplex;
    - :math:`d` (K,), in ``weights``, on the simplex :math:`\Delta`; :math:`D = \mathrm{diag}(d)`;
    - :math:`\mu_m` is ``means[m]``; :math:`R_{mj}` is a block of ``pair_blocks`` with
      ``R[a, b]`` belonging to row a of the first factor and row b of the second;
      :math:`T_{mjl}` a block of ``triple_blocks``; the :math:`w` are the weights.

    Factors are updated in turn. With the others fixed a factor is a least-squares problem with
    simplex constraints, solved by a few ADMM iterations from a warm dual with one Cholesky
    factorisation and a proximal term that fades with the objective [1]_; the weight vector
    likewise. The objective falls out of the weight vector's normal equations. An update that
    would raise the objective is replaced by a projected gradient step; after each sweep a longer
    step along its change is tried and kept if it pays, which shortens the slow tails of
    alternating methods. The path is monotone.

    **When it fails.** Pairs alone identify the factors only if these are sufficiently scattered
    (near anchor rows); triples identify them when the factors of one triple have full column
    rank. The problem is not convex: use ``n_restarts``. Components are found up to one common
    permutation. A factor in no term keeps its start and has ``estimated`` false. The cost of a
    sweep is :math:`O(P K^3 + T K^4)`; sample triples when there are many factors.

    Parameters
    ----------
    pairs : array-like of int, shape (P, 2), optional
        Indices of the two factors of each pair block, in any order; not equal.
    pair_blocks : array-like, shape (P, K, K), optional
        Second moments.
    pair_weights : array-like, shape (P,), optional
        Nonnegative; zero masks a block, which may then hold NaN. Default 1.
    triples, triple_blocks, triple_weights : array-like, optional
        The same for third moments: shapes (T, 3), (T, K, K, K), (T,).
    means : array-like, shape (M, K), optional
        First moments.
    mean_weights : array-like, shape (M,), optional
        Nonnegative. Default 1.
    n_factors : int, optional
        M; default: one more than the largest index seen, or the number of means.
    init : array-like, shape (M, K, K), optional
        Factors of the first start; the other starts are random.
    init_weights : array-like, shape (K,), optional
        Weight vector of every start; default uniform.
    n_restarts : int
        Number of starts; the smallest objective wins.
    max_iter : int
        Sweeps over all factors.
    n_inner : int
        ADMM iterations per factor and sweep.
    tol : float
        Stop when the relative changes of all factors (summed) and of the weights are below.
    inner_tol : float
        Relative squared tolerance of the ADMM residuals.
    random_state : int, Generator or None
        Seed of the random starts.

    Returns
    -------
    FactorizationResult
        ``factors`` (M, K, K) with columns that sum to one, ``weights`` on the simplex.

    Raises
    ------
    ValueError
        If there is no moment of positive weight, or shapes, indices or values do not fit.

    References
    ----------
    .. [1] P. A. Traganitis, A. Pagès-Zamora, G. B. Giannakis, "Blind multiclass ensemble
       classification", IEEE Trans. Signal Process. 66(18):4737-4752, 2018, eqs. (10)-(16).
    .. [2] K. Huang, N. D. Sidiropoulos, A. P. Liavas, "A flexible and efficient algorithmic
       framework for constrained matrix and tensor factorization", IEEE Trans. Signal Process.
       64(19):5052-5065, 2016, Algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from itertools import combinations
    >>> from aggregate.factorization import coupled_cpd
    >>> rng = np.random.default_rng(0)
    >>> A, d = 0.6 * np.eye(2) + 0.4 * rng.dirichlet(np.ones(2), (3, 2)), np.array([0.6, 0.4])
    >>> A = A.transpose(0, 2, 1)
    >>> pairs = list(combinations(range(3), 2))
    >>> R = [A[m] * d @ A[j].T for m, j in pairs]
    >>> T = np.einsum("k,ak,bk,ck->abc", d, *A)
    >>> fit = coupled_cpd(pairs, R, triples=[(0, 1, 2)], triple_blocks=[T], max_iter=3000,
    ...                   tol=1e-10, random_state=0)
    >>> order = np.argsort(-fit.weights)
    >>> bool(np.allclose(fit.permute(order).factors, A, atol=1e-4))
    True
    """
    problem = moment_problem(
        (pairs, pair_blocks, pair_weights),
        (triples, triple_blocks, triple_weights),
        (means, mean_weights),
        n_factors,
    )
    check_at_least_one(n_restarts=n_restarts, max_iter=max_iter, n_inner=n_inner)
    shape = (*problem.means.shape, problem.means.shape[1])
    starts = draw_starts(init, init_weights, shape, n_restarts, random_state)
    estimated = problem.estimated()
    active = np.flatnonzero(estimated)

    def run(start: Model) -> tuple[Model, list[float], bool]:
        return _solve(problem, start, active, max_iter, int(n_inner), tol, float(inner_tol))

    return fit_best(run, starts, estimated, problem.scale)


def _solve(
    problem: MomentProblem,
    start: Model,
    active: IntArray,
    max_iter: int,
    n_inner: int,
    tol: float,
    inner_tol: float,
) -> tuple[Model, list[float], bool]:
    """Alternate over the factors and the weight vector from one start."""
    A, d = start[0].copy(), start[1].copy()
    duals = np.zeros((len(A), A.shape[2], A.shape[1])), np.zeros((len(d), 1))
    path = [_objective(problem, A, d)]
    stride = 1.0
    for _ in range(max_iter):
        before, d_before = A.copy(), d.copy()
        # The proximal weight fades with the fit, so it steadies the start and not the end.
        proximal = 1e-7 + 1e-2 * path[-1] / max(2.0 * problem.power, 1e-300)
        d, objective = _sweep(problem, A, d, duals, active, proximal, n_inner, inner_tol)
        bold = _extrapolated(A, d, before, d_before, stride)
        bold_objective = _objective(problem, *bold)
        # The longer step is kept only if it pays, so the path stays monotone.
        better = bold_objective < objective
        stride = min(1.5 * stride, 1e3) if better else max(0.5 * stride, 0.5)
        if better:
            (A, d), objective = bold, bold_objective
        path.append(objective)
        moved = (np.abs(A - before).sum(axis=(1, 2)) / np.abs(A).sum(axis=(1, 2))).sum()
        if moved < tol and np.abs(d - d_before).sum() < tol:
            return (A, d), path, True
    return (A, d), path, False


def _objective(problem: MomentProblem, A: FloatArray, d: FloatArray) -> float:
    """Evaluate the objective at a point where no normal equations are at hand."""
    return problem.objective(*problem.weight_terms(A, np.einsum("mak,mah->mkh", A, A)), d)


def _sweep(
    problem: MomentProblem,
    A: FloatArray,
    d: FloatArray,
    duals: Model,
    active: IntArray,
    proximal: float,
    n_inner: int,
    inner_tol: float,
) -> tuple[FloatArray, float]:
    """Update every factor in place, then the weights; return these and the objective."""
    grams = np.einsum("mak,mah->mkh", A, A)
    for m in active:
        gram, linear = problem.factor_terms(m, A, grams, d)
        X = np.ascontiguousarray(A[m].T)
        admm_on_simplex(gram, linear, X, duals[0][m], True, proximal, n_inner, inner_tol)
        A[m] = X.T
        grams[m] = X @ X.T
    gram, linear = problem.weight_terms(A, grams)
    X = d[:, None].copy()
    admm_on_simplex(gram, linear, X, duals[1], False, proximal, n_inner, inner_tol)
    return X[:, 0], problem.objective(gram, linear, X[:, 0])


def _extrapolated(
    A: FloatArray, d: FloatArray, before: FloatArray, d_before: FloatArray, stride: float
) -> Model:
    """Go ``stride`` times further along the last sweep, back on the simplex."""
    further = A + stride * (A - before)
    for m in np.flatnonzero((before != A).any(axis=(1, 2))):
        project_columns(further[m])
    weights = (d + stride * (d - d_before))[:, None]
    project_columns(weights)
    return further, weights[:, 0]
