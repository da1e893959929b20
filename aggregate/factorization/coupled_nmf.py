"""Coupled nonnegative factorization of pair blocks under KL, by closed-form EM."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from aggregate._jit import kernel
from aggregate.factorization._starts import Model, draw_starts, fit_best
from aggregate.factorization._terms import (
    Terms,
    check_at_least_one,
    check_terms,
    infer_n_factors,
)
from aggregate.factorization.result import FactorizationResult, FloatArray, IntArray


def coupled_nmf(
    pairs: ArrayLike,
    blocks: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    n_factors: int | None = None,
    n_components: int | None = None,
    init: ArrayLike | None = None,
    init_weights: ArrayLike | None = None,
    n_restarts: int = 1,
    smoothing: ArrayLike = 0.0,
    weight_smoothing: ArrayLike = 0.0,
    max_iter: int = 100,
    tol: float = 1e-6,
    random_state: int | np.random.Generator | None = None,
) -> FactorizationResult:
    r"""Fit stochastic factors to many pair blocks in Kullback-Leibler divergence.

    .. math::

       \min_{A_m \in \mathcal C,\ d \in \Delta}\ \sum_{(m,j)} w_{mj}
       \mathrm{KL}\!\left(R_{mj} \,\|\, A_m D A_j^T\right)
       - \sum_{m,a,k} \alpha_{mak} \log A_m[a,k] - \sum_k \beta_k \log d_k

    where

    - :math:`A_m` (L, K), in ``factors``: ``A_m[a, k]``, every **column** on the simplex;
    - :math:`d` (K,), in ``weights``, on the simplex; :math:`D = \mathrm{diag}(d)`;
    - :math:`R_{mj}` is a block with ``R[a, b]`` belonging to row a of the first factor and row
      b of the second; a block of mass s counts as a normalised one of weight ``s * w``;
    - :math:`\alpha` is ``smoothing`` and :math:`\beta` is ``weight_smoothing``.

    Each block is a mixture of K products of distributions (probabilistic latent semantic
    analysis with coupled factors), so EM has closed steps [1]_: the responsibility of component
    k for cell (a, b) is proportional to :math:`d_k A_m[a,k] A_j[b,k]`, and factors and weights
    are the weighted sums of responsibilities, plus the pseudo-counts. The objective never
    rises and there is no step size. With counts as weights and no smoothing this is the
    maximum of the pairwise composite likelihood. Cost :math:`O(P L^2 K)` per iteration.

    **When it fails.** Identified only if the factors, stacked in two groups, are sufficiently
    scattered (near anchor rows) [2]_. EM is slow near the optimum, and on sparse pairs more
    iterations overfit: smooth, or stop early with ``max_iter`` (10 is usual). Components are
    found up to one common permutation; use ``n_restarts`` or a good ``init``. A factor without
    pairs keeps its start and has ``estimated`` false. A zero in ``init`` stays zero.

    Parameters
    ----------
    pairs : array-like of int, shape (P, 2)
        Indices of the two factors of each block, in any order; not equal.
    blocks : array-like, shape (P, L, L)
        Nonnegative.
    weights : array-like, shape (P,), optional
        Nonnegative, for example the counts behind the blocks; zero masks a block. Default 1.
    n_factors : int, optional
        M; default: one more than the largest index.
    n_components : int, optional
        K; default L.
    init : array-like, shape (M, L, K), optional
        Factors of the first start; the other starts are random.
    init_weights : array-like, shape (K,), optional
        Weight vector of every start; default uniform.
    n_restarts : int
        Number of starts; the smallest objective wins.
    smoothing : array-like, broadcast to (M, L, K)
        Pseudo-counts of the factors, on the scale of the weights.
    weight_smoothing : array-like, broadcast to (K,)
        Pseudo-counts of the weight vector.
    max_iter : int
        EM iterations of each start.
    tol : float
        Stop when no entry of the factors or of the weights moves by more.
    random_state : int, Generator or None
        Seed of the random starts.

    Returns
    -------
    FactorizationResult
        ``factors`` (M, L, K) with columns that sum to one, ``weights`` on the simplex.

    Raises
    ------
    ValueError
        If no block has positive weight and mass, or shapes, indices or values do not fit.

    References
    ----------
    .. [1] T. Hofmann, "Unsupervised learning by probabilistic latent semantic analysis",
       Machine Learning 42:177-196, 2001, eqs. (4)-(7).
    .. [2] S. Ibrahim, X. Fu, N. Kargas, K. Huang, "Crowdsourcing via pairwise co-occurrences:
       identifiability and algorithms", NeurIPS 2019, problem (8) and Theorem 3.

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate.factorization import coupled_nmf
    >>> A = np.array([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]], [[0.8, 0.3], [0.2, 0.7]]])
    >>> d = np.array([0.6, 0.4])
    >>> pairs = [(0, 1), (0, 2), (1, 2)]
    >>> blocks = [A[m] * d @ A[j].T for m, j in pairs]
    >>> fit = coupled_nmf(pairs, blocks, max_iter=500, random_state=0)
    >>> fit = fit.permute(np.argsort(-fit.weights))
    >>> np.abs(fit.factors[2]).round(3)
    array([[0.8, 0.3],
           [0.2, 0.7]])
    """
    n_factors = infer_n_factors(n_factors, pairs)
    terms = unit_mass(check_terms(pairs, blocks, weights, 2, n_factors, nonnegative=True))
    side = terms.blocks.shape[1]
    n_components = side if n_components is None else n_components
    check_at_least_one(n_components=n_components, n_restarts=n_restarts, max_iter=max_iter)
    shape = (n_factors, side, n_components)
    starts = draw_starts(init, init_weights, shape, n_restarts, random_state)
    estimated = np.zeros(n_factors, dtype=np.bool_)
    estimated[terms.members] = True
    prior = _pseudo_counts("smoothing", smoothing, shape) * estimated[:, None, None]
    prior_d = _pseudo_counts("weight_smoothing", weight_smoothing, (n_components,))

    def run(start: Model) -> tuple[Model, list[float], bool]:
        return _em(terms, start, (prior, prior_d), max_iter, tol)

    return fit_best(run, starts, estimated)


def unit_mass(terms: Terms) -> Terms:
    """Move the mass of every block into its weight; blocks without mass are dropped."""
    mass = terms.blocks.sum(axis=(1, 2))
    keep = mass > 0
    if not keep.any():
        raise ValueError("no pair block with positive weight and mass")
    return Terms(
        terms.members[keep],
        terms.blocks[keep] / mass[keep, None, None],
        terms.weights[keep] * mass[keep],
    )


def _pseudo_counts(name: str, value: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    """Check pseudo-counts and give them their full shape."""
    counts = np.asarray(value, dtype=np.float64)
    if not (np.isfinite(counts) & (counts >= 0)).all():
        raise ValueError(f"{name} must be finite and nonnegative")
    try:
        return np.broadcast_to(counts, shape)
    except ValueError:
        raise ValueError(f"{name} must broadcast to {shape}, got shape {counts.shape}") from None


def _em(
    terms: Terms, start: Model, prior: Model, max_iter: int, tol: float
) -> tuple[Model, list[float], bool]:
    """Alternate responsibilities and sums from one start."""
    A, d = start
    smooth = prior[0].any() or prior[1].any()
    counts, counts_d = np.empty_like(A), np.empty_like(d)
    product = np.empty_like(d)
    path: list[float] = []
    converged = False
    while True:
        objective = _expected_counts(*terms, A, d, counts, counts_d, product)
        if smooth:
            objective -= _log_prior(A, prior[0]) + _log_prior(d, prior[1])
        path.append(objective)
        if converged or len(path) > max_iter:
            return (A, d), path, converged
        new_A = _normalized(counts + prior[0], A)
        new_d = _normalized((counts_d + prior[1])[:, None], d[:, None])[:, 0]
        step = max(np.abs(new_A - A).max(), np.abs(new_d - d).max())
        A, d, converged = new_A, new_d, bool(step < tol)


def _log_prior(x: FloatArray, counts: FloatArray) -> float:
    """Sum of counts * log(x), where a count of zero asks nothing of x."""
    with np.errstate(divide="ignore"):  # a start may hold zeros: the objective is then infinite
        return float(counts[counts > 0] @ np.log(x[counts > 0]))


def _normalized(counts: FloatArray, before: FloatArray) -> FloatArray:
    """Divide by the column sums; a column that lost all its mass keeps what it was."""
    total = counts.sum(axis=-2, keepdims=True)
    return np.where(total > 0, counts / np.where(total > 0, total, 1.0), before)


@kernel
def _expected_counts(
    index: IntArray,
    blocks: FloatArray,
    weights: FloatArray,
    A: FloatArray,
    d: FloatArray,
    counts: FloatArray,
    counts_d: FloatArray,
    product: FloatArray,
) -> float:
    """Write the expected counts of factors (M, L, K) and weights (K,); return the weighted KL."""
    n_rows, n_components = A.shape[1], A.shape[2]
    counts[:] = 0.0
    counts_d[:] = 0.0
    divergence = 0.0
    for p in range(index.shape[0]):
        m, j = index[p, 0], index[p, 1]
        for a in range(n_rows):
            for b in range(n_rows):
                seen = blocks[p, a, b]
                if seen <= 0.0:
                    continue
                model = 0.0
                for k in range(n_components):
                    product[k] = d[k] * A[m, a, k] * A[j, b, k]
                    model += product[k]
                # A cell that the start rules out: an infinite divergence would hide progress
                # elsewhere, so it is charged as if its probability were the smallest normal.
                model = max(model, 1e-300)
                divergence += weights[p] * seen * np.log(seen / model)
                ratio = weights[p] * seen / model
                for k in range(n_components):
                    share = ratio * product[k]
                    counts[m, a, k] += share
                    counts[j, b, k] += share
                    counts_d[k] += share
    return divergence
