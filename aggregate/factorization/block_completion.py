"""Imputation of the missing blocks of a low-rank block matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._jit import kernel
from aggregate.factorization._terms import check_at_least_one, check_terms, infer_n_factors
from aggregate.factorization.result import FloatArray, IntArray


def complete_blocks(
    pairs: ArrayLike,
    blocks: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    n_factors: int | None = None,
    n_components: int | None = None,
    designated: tuple[int, int] | None = None,
    n_paths: int = 10,
    n_neighbors: int = 16,
    rcond: float = 1e-6,
) -> tuple[FloatArray, NDArray[np.int8]]:
    r"""Fill in the blocks of a rank-K block matrix that were not observed.

    .. math::

       R_{mn} = R_{m,r} \, R_{s,r}^{+} \, R_{s,n}, \qquad R_{mn} = A_m D A_n^T

    where :math:`A_m` (L, K) has columns that sum to one, D is diagonal, :math:`R_{mn}` (L, L)
    is the block of the pair (m, n), and r, s are two factors for which the three blocks on the
    right are observed: a **path**. The diagonal blocks :math:`R_{mm}` are never data and always
    imputed.

    For every missing block the paths are ranked by
    :math:`\sigma_K(R_{sr})^2 / (1/w_{mr} + 1/w_{sr} + 1/w_{sn})`, which follows the noise that
    comes out of them, and the best ``n_paths`` are averaged with these scores. The inverse is
    the pseudo-inverse of rank K [1]_; where :math:`R_{s,r}` has a lower rank the path is
    rejected. Imputed blocks are made nonnegative with sum one. Blocks that no path
    reaches are tried again with the imputed ones as steps, until nothing changes. With
    ``designated=(r, s)`` these two serve wherever they can, as in the paper; the generic paths
    do the rest.

    **When it fails.** A factor of rank below K breaks every path through it. Blocks between
    components of the graph of pairs cannot be reached; they stay zero with status 0. Memory is
    :math:`(M L)^2`: for thousands of factors, use
    :func:`~aggregate.factorization.robust_block_factorization`.

    Parameters
    ----------
    pairs : array-like of int, shape (P, 2)
        Indices of the two factors of each block, in any order; not equal. A pair that comes
        twice is averaged.
    blocks : array-like, shape (P, L, L)
        ``R[a, b]`` belongs to row a of the first factor and row b of the second.
    weights : array-like, shape (P,), optional
        Counts behind the blocks; zero marks a block as missing. Default 1.
    n_factors : int, optional
        M; default: one more than the largest index.
    n_components : int, optional
        K; default L.
    designated : tuple of two int, optional
        The factors (r, s) of the designated path.
    n_paths : int
        Paths to average for a missing block.
    n_neighbors : int
        Only the best-supported neighbours of a factor are tried as steps.
    rcond : float
        Relative singular value below which a path counts as deficient.

    Returns
    -------
    matrix : ndarray of shape (M * L, M * L)
        Symmetric; block (m, n) in rows ``m*L:(m+1)*L``.
    status : ndarray of shape (M, M), int8
        0 missing, 1 observed, 2 imputed.

    Raises
    ------
    ValueError
        If no block has positive weight, or shapes, indices or values do not fit.

    References
    ----------
    .. [1] S. Ibrahim, X. Fu, "Crowdsourcing via annotator co-occurrence imputation and
       provable symmetric nonnegative matrix factorization", ICML 2021, PMLR 139:4544-4554,
       Algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate.factorization import complete_blocks
    >>> rng = np.random.default_rng(0)
    >>> A, d = rng.dirichlet(np.ones(2), (4, 2)).transpose(0, 2, 1), np.array([0.6, 0.4])
    >>> pairs = [(0, 1), (1, 2), (2, 3), (0, 2), (1, 3)]
    >>> matrix, status = complete_blocks(pairs, [A[m] * d @ A[j].T for m, j in pairs])
    >>> int(status[0, 3]), bool(np.allclose(matrix[:2, 6:], A[0] * d @ A[3].T))
    (2, True)
    """
    n_factors = infer_n_factors(n_factors, pairs)
    terms = check_terms(pairs, blocks, weights, 2, n_factors)
    if not len(terms.members):
        raise ValueError("no pair block with positive weight")
    side = terms.blocks.shape[1]
    n_components = side if n_components is None else n_components
    check_at_least_one(n_components=n_components, n_paths=n_paths, n_neighbors=n_neighbors)
    if n_components > side:
        raise ValueError(f"n_components must be at most the side {side}, got {n_components}")
    R, support = _observed(terms.members, terms.blocks, terms.weights, n_factors)
    status = (support > 0).astype(np.int8)
    if designated is not None:
        _check_designated(designated, n_factors)
        smallest, inverse = _inverses(R, support, n_components, rcond)
        _impute(R, support, status, inverse, *_designated_paths(support, smallest, designated))
    changed = True
    while changed and (status == 0).any():
        smallest, inverse = _inverses(R, support, n_components, rcond)
        found = _generic_paths(support, smallest, n_paths, n_neighbors)
        changed = _impute(R, support, status, inverse, *found)
    matrix = R.transpose(0, 2, 1, 3).reshape(n_factors * side, n_factors * side)
    return np.ascontiguousarray(matrix), status


def _check_designated(designated: tuple[int, int], n_factors: int) -> None:
    """Refuse anything but two different factors."""
    r, s = designated
    if r == s or not (0 <= r < n_factors and 0 <= s < n_factors):
        raise ValueError(f"designated must be two different factors below {n_factors}")


def _observed(
    index: IntArray, blocks: FloatArray, weights: FloatArray, n_factors: int
) -> tuple[FloatArray, FloatArray]:
    """Lay the blocks out as R (M, M, L, L), averaging repeated pairs, and their support (M, M)."""
    side = blocks.shape[1]
    support = np.zeros((n_factors, n_factors))
    R = np.zeros((n_factors, n_factors, side, side))
    m, j = index.T
    np.add.at(support, (m, j), weights)
    np.add.at(R, (m, j), weights[:, None, None] * blocks)
    R[m, j] /= support[m, j][:, None, None]
    R[j, m], support[j, m] = R[m, j].transpose(0, 2, 1), support[m, j]
    return R, support


def _inverses(
    R: FloatArray, support: FloatArray, n_components: int, rcond: float
) -> tuple[FloatArray, FloatArray]:
    """Return the K-th singular value of every block, 0 where the rank is lower, and R^+."""
    known = support > 0
    U, s, Vt = np.linalg.svd(R[known])
    value = s[:, n_components - 1] * (s[:, n_components - 1] > rcond * s[:, 0])
    s = np.where(value[:, None] > 0, s[:, :n_components], np.inf)
    smallest, inverse = np.zeros_like(support), np.zeros_like(R)
    smallest[known] = value
    left = Vt[:, :n_components].transpose(0, 2, 1) / s[:, None, :]
    inverse[known] = left @ U[:, :, :n_components].transpose(0, 2, 1)
    return smallest, inverse


def _designated_paths(
    support: FloatArray, smallest: FloatArray, designated: tuple[int, int]
) -> tuple[IntArray, FloatArray]:
    """Find the missing blocks (m, n) that the pair (r, s) can reach: their paths and scores."""
    r, s = designated
    open_to = np.outer(support[:, r] > 0, support[s] > 0) & (smallest[s, r] > 0)
    m, n = np.nonzero(np.triu((support == 0) & (open_to | open_to.T)))
    swap = ~open_to[m, n]
    m, n = np.where(swap, n, m), np.where(swap, m, n)
    paths = np.column_stack([m, n, np.full_like(m, r), np.full_like(m, s)]).astype(np.int64)
    return paths[:, None, :], np.ones((len(paths), 1))


def _generic_paths(
    support: FloatArray, smallest: FloatArray, n_paths: int, n_neighbors: int
) -> tuple[IntArray, FloatArray]:
    """Find the best paths (m, n, r, s) of every missing block and their scores."""
    steps = np.argsort(-support, axis=1, kind="stable")[:, :n_neighbors]
    m, n = np.nonzero(np.triu(support == 0))
    rows = np.zeros((len(m), n_paths, 4), dtype=np.int64)
    scores = np.zeros((len(m), n_paths))
    missing = np.column_stack([m, n]).astype(np.int64)
    _best_paths(missing, support, smallest, np.ascontiguousarray(steps), rows, scores)
    return rows, scores


@kernel
def _best_paths(
    missing: IntArray,
    support: FloatArray,
    smallest: FloatArray,
    steps: IntArray,
    rows: IntArray,
    scores: FloatArray,
) -> None:
    """Write the paths (m, n, r, s) of highest score for every missing block, best first."""
    n_paths = scores.shape[1]
    for i in range(missing.shape[0]):
        m, n = missing[i, 0], missing[i, 1]
        for r in steps[m]:
            for s in steps[n]:
                sr = support[s, r]
                if r == s or support[m, r] == 0.0 or support[s, n] == 0.0 or sr == 0.0:
                    continue
                noise = 1.0 / support[m, r] + 1.0 / sr + 1.0 / support[s, n]
                score = smallest[s, r] * smallest[s, r] / noise
                if score <= scores[i, n_paths - 1]:
                    continue
                place = n_paths - 1
                while place > 0 and scores[i, place - 1] < score:
                    scores[i, place] = scores[i, place - 1]
                    rows[i, place] = rows[i, place - 1]
                    place -= 1
                scores[i, place] = score
                rows[i, place, 0], rows[i, place, 1] = m, n
                rows[i, place, 2], rows[i, place, 3] = r, s


def _impute(
    R: FloatArray,
    support: FloatArray,
    status: NDArray[np.int8],
    inverse: FloatArray,
    paths: IntArray,
    scores: FloatArray,
) -> bool:
    """Average the paths of every missing block into R, in place; tell whether any was filled."""
    filled, mass = np.zeros((len(paths), *R.shape[2:])), np.zeros(len(paths))
    _average_paths(paths, scores, R, inverse, filled, mass)
    reached = mass > 0
    if not reached.any():
        return False
    # The first path of a reached block is always filled in: scores are sorted.
    m, n = paths[reached, 0, 0], paths[reached, 0, 1]
    blocks = filled[reached] / mass[reached, None, None]
    diagonal = m == n
    blocks[diagonal] = 0.5 * (blocks[diagonal] + blocks[diagonal].transpose(0, 2, 1))
    R[m, n], R[n, m] = blocks, blocks.transpose(0, 2, 1)
    # An imputed step is never better supported than the weakest observed block.
    support[m, n] = support[n, m] = support[status == 1].min() / 3.0
    status[m, n] = status[n, m] = 2
    return True


@kernel
def _average_paths(
    paths: IntArray,
    scores: FloatArray,
    R: FloatArray,
    inverse: FloatArray,
    filled: FloatArray,
    mass: FloatArray,
) -> None:
    """Add the nonnegative, normalised estimates of all paths, times their scores."""
    n_rows = R.shape[2]
    near, estimate = np.empty((n_rows, n_rows)), np.empty((n_rows, n_rows))
    for i in range(paths.shape[0]):
        for q in range(paths.shape[1]):
            if scores[i, q] <= 0.0:
                continue
            m, n, r, s = paths[i, q, 0], paths[i, q, 1], paths[i, q, 2], paths[i, q, 3]
            total = 0.0
            for a in range(n_rows):
                for b in range(n_rows):
                    near[a, b] = 0.0
                    for c in range(n_rows):
                        near[a, b] += R[m, r, a, c] * inverse[s, r, c, b]
            for a in range(n_rows):
                for b in range(n_rows):
                    value = 0.0
                    for c in range(n_rows):
                        value += near[a, c] * R[s, n, c, b]
                    estimate[a, b] = max(value, 0.0)
                    total += estimate[a, b]
            if total > 0.0:
                mass[i] += scores[i, q]
                for a in range(n_rows):
                    for b in range(n_rows):
                        filled[i, a, b] += scores[i, q] * estimate[a, b] / total
