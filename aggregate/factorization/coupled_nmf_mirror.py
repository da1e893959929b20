"""Coupled nonnegative factorization under KL by mirror descent, as first published."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from aggregate.factorization._floored_divergence import (
    divergence,
    factor_gradient,
    weight_gradient,
)
from aggregate.factorization._starts import Model, draw_starts, fit_best
from aggregate.factorization._terms import (
    Incidence,
    Terms,
    check_at_least_one,
    check_terms,
    incidence,
    infer_n_factors,
)
from aggregate.factorization.coupled_nmf import unit_mass
from aggregate.factorization.result import FactorizationResult, FloatArray

# The paper's line search: first step, shrinkage, and the share of the predicted decrease asked.
_FIRST_STEP, _SHRINK, _SLOPE_SHARE, _MAX_SHRINK = 0.1, 0.9, 1e-3, 300


def coupled_nmf_mirror(
    pairs: ArrayLike,
    blocks: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    n_factors: int | None = None,
    init: ArrayLike | None = None,
    init_weights: ArrayLike | None = None,
    n_restarts: int = 1,
    fit_weights: bool = True,
    n_inner: int = 3,
    floor: float = 1e-6,
    max_iter: int = 10,
    tol: float = 1e-6,
    random_state: int | np.random.Generator | None = None,
) -> FactorizationResult:
    r"""Fit stochastic factors to pair blocks in KL by block mirror descent (MultiSPA-KL).

    .. math::

       \min_{A_m \in \mathcal C,\ d \in \Delta}\ \sum_{(m,j)} w_{mj}
       \mathrm{KL}\!\left(R_{mj} \,\|\, \Pi_\epsilon(A_m D A_j^T)\right)

    where

    - :math:`A_m` (K, K), in ``factors``: ``A_m[a, k]``, every **column** on the simplex;
    - :math:`d` (K,), in ``weights``, on the simplex; :math:`D = \mathrm{diag}(d)`;
    - :math:`R_{mj}` is a block with ``R[a, b]`` belonging to row a of the first factor and row
      b of the second;
    - :math:`\Pi_\epsilon` raises entries to ``floor`` and divides by the sum.

    Each factor in turn takes ``n_inner`` steps :math:`A \leftarrow A \circ e^{-t\nabla}` with
    columns renormalised, then the weight vector takes one; the step t starts at 0.1 at each
    factor and is shrunk by 0.9 until Armijo's rule with 0.001 holds. The gradient takes no
    notice of the floor, or a zero of the start would stay one. Blocks of numerical rank one are
    left out, as in the authors' code. It is here to reproduce published figures:
    :func:`~aggregate.factorization.coupled_nmf` minimises the same divergence faster.

    **When it fails.** As :func:`~aggregate.factorization.coupled_nmf`; in addition it is slow,
    the floor keeps it from fitting blocks with zeros exactly, and an entry of a factor that an
    early step drove towards zero grows back so slowly that the run may stop before.

    Parameters
    ----------
    pairs : array-like of int, shape (P, 2)
        Indices of the two factors of each block, in any order; not equal.
    blocks : array-like, shape (P, K, K)
        Nonnegative.
    weights : array-like, shape (P,), optional
        Nonnegative; zero masks a block. Default 1, as in the paper.
    n_factors : int, optional
        M; default: one more than the largest index.
    init : array-like, shape (M, K, K), optional
        Factors of the first start; the other starts are random.
    init_weights : array-like, shape (K,), optional
        Weight vector of every start; default uniform.
    n_restarts : int
        Number of starts; the smallest objective wins.
    fit_weights : bool
        False leaves the weight vector as it starts.
    n_inner : int
        Steps per factor in each iteration.
    floor : float
        Smallest entry of the model before it is normalised.
    max_iter : int
        Passes over all factors.
    tol : float
        Stop when the relative decrease of the objective is below.
    random_state : int, Generator or None
        Seed of the random starts.

    Returns
    -------
    FactorizationResult
        ``factors`` (M, K, K) with columns that sum to one, ``weights`` on the simplex.

    Raises
    ------
    ValueError
        If no block is usable, or shapes, indices or values do not fit.

    References
    ----------
    .. [1] S. Ibrahim, X. Fu, N. Kargas, K. Huang, "Crowdsourcing via pairwise co-occurrences:
       identifiability and algorithms", NeurIPS 2019, problem (8), Algorithm 2.

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate.factorization import coupled_nmf_mirror
    >>> A = np.array([[[0.9, 0.1], [0.1, 0.9]], [[0.8, 0.2], [0.2, 0.8]]])
    >>> block = A[0] * np.array([0.6, 0.4]) @ A[1].T
    >>> fit = coupled_nmf_mirror([(0, 1)], [block], max_iter=100, random_state=0)
    >>> bool(fit.objective < 1e-3 < fit.objective_path[0])
    True
    """
    n_factors = infer_n_factors(n_factors, pairs)
    terms = check_terms(pairs, blocks, weights, 2, n_factors, nonnegative=True)
    terms = _informative(unit_mass(terms))
    side = terms.blocks.shape[1]
    check_at_least_one(n_restarts=n_restarts, max_iter=max_iter, n_inner=n_inner)
    if not 0 < floor < 1:
        raise ValueError(f"floor must lie between 0 and 1, got {floor}")
    shape = (n_factors, side, side)
    starts = draw_starts(init, init_weights, shape, n_restarts, random_state)
    estimated = np.zeros(n_factors, dtype=np.bool_)
    estimated[terms.members] = True
    by_factor = incidence(terms.members, n_factors)

    def run(start: Model) -> tuple[Model, list[float], bool]:
        return _descend(terms, by_factor, start, fit_weights, n_inner, float(floor), max_iter, tol)

    return fit_best(run, starts, estimated)


def _informative(terms: Terms) -> Terms:
    """Drop blocks of numerical rank one: they are products of marginals, or single labels."""
    if terms.blocks.shape[1] == 1:
        return terms
    keep = np.linalg.matrix_rank(terms.blocks, tol=1e-10) > 1
    if not keep.any():
        raise ValueError("every pair block has numerical rank one; use coupled_nmf instead")
    return Terms(terms.members[keep], terms.blocks[keep], terms.weights[keep])


def _descend(
    terms: Terms,
    by_factor: Incidence,
    start: Model,
    fit_weights: bool,
    n_inner: int,
    floor: float,
    max_iter: int,
    tol: float,
) -> tuple[Model, list[float], bool]:
    """Pass over factors and weight vector from one start."""
    A, d = start[0].copy(), start[1].copy()
    everything = np.arange(len(terms.members))
    active = np.flatnonzero(np.diff(by_factor.ptr)).tolist()
    total = partial(divergence, everything, *terms, A, d, floor)
    path = [total()]
    for _ in range(max_iter):
        for m in active:
            mine = by_factor.term[by_factor.ptr[m] : by_factor.ptr[m + 1]]
            step = _FIRST_STEP
            for _ in range(n_inner):
                slope = np.zeros_like(A[m])
                factor_gradient(m, mine, *terms, A, d, floor, slope)
                step = _search(A[m], slope, step, partial(divergence, mine, *terms, A, d, floor))
                if step == 0.0:
                    break
        if fit_weights:
            slope_d = np.zeros_like(d)
            weight_gradient(*terms, A, d, floor, slope_d)
            _search(d, slope_d, _FIRST_STEP, total)
        path.append(total())
        if path[-2] - path[-1] <= tol * abs(path[-2]):
            return (A, d), path, True
    return (A, d), path, False


def _search(x: FloatArray, slope: FloatArray, step: float, objective: Callable[[], float]) -> float:
    """Take one mirror step in place, shrunk until Armijo's rule holds; its size, 0 for none."""
    old, start = x.copy(), objective()
    for _ in range(_MAX_SHRINK):
        # Columns are renormalised anyway, so the exponent may be shifted to avoid overflow.
        exponent = -step * slope
        x[:] = old * np.exp(exponent - exponent.max(axis=0))
        with np.errstate(invalid="ignore"):  # a column that underflows fails the rule below
            x /= x.sum(axis=0)
        if objective() <= start + _SLOPE_SHARE * float((slope * (x - old)).sum()):
            return step if (x != old).any() else 0.0
        step *= _SHRINK
    x[:] = old
    return 0.0
