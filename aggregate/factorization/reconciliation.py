"""Orders of components that agree with all pair blocks at once, not only along a tree."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment

from aggregate.factorization._terms import Terms, check_at_least_one, check_terms, incidence
from aggregate.factorization.result import FloatArray, IntArray


def reconcile_permutations(
    factors: ArrayLike,
    pairs: ArrayLike,
    blocks: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    max_sweeps: int = 10,
) -> IntArray:
    r"""Improve a common order of components that most factors already share.

    With the orders of all others taken as right, the blocks :math:`R_{mj} \approx A_m D A_j^T`
    of a factor m tell its own columns by least squares,

    .. math:: A_m D \approx \Bigl(\sum_j w_{mj} R_{mj} A_j\Bigr)
       \Bigl(\sum_j w_{mj} A_j^T A_j\Bigr)^{+},

    and the columns of :math:`\hat A_m`, each times the sum of the column it might belong to, are
    matched to these, so that heavy components, which are known best, count most. That is done
    factor after factor, the best-supported first, until none changes its order.
    :func:`~aggregate.factorization.propagate_permutations` asks one neighbour of each factor
    and passes mistakes on; here the neighbours outvote them.

    **When it fails.** It improves an order and does not find one: if about half of the factors
    are in one order and half in another, each half may keep its own. Factors without usable
    blocks stay as they are.

    Parameters
    ----------
    factors : array-like, shape (M, K, K)
        ``factors[m][a, k]``, columns sum to one, in a nearly common order.
    pairs : array-like of int, shape (P, 2)
        Indices of the two factors of each block, in any order; not equal.
    blocks : array-like, shape (P, K, K)
        ``R[a, b]`` belongs to row a of the first factor and row b of the second.
    weights : array-like, shape (P,), optional
        Support of every block; zero masks it. Default 1.
    max_sweeps : int
        Sweeps over all factors at most.

    Returns
    -------
    ndarray of int, shape (M, K)
        ``orders`` such that ``factors[m][:, orders[m]]`` have a common order.

    Raises
    ------
    ValueError
        If shapes, indices or values do not fit.

    References
    ----------
    .. [1] S. Ibrahim, X. Fu, N. Kargas, K. Huang, "Crowdsourcing via pairwise co-occurrences:
       identifiability and algorithms", NeurIPS 2019, section 4 (one neighbour; all are ours).

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate.factorization import reconcile_permutations
    >>> A = np.array([[[0.8, 0.3], [0.2, 0.7]]] * 4)
    >>> pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    >>> R = [A[m] * np.array([0.6, 0.4]) @ A[j].T for m, j in pairs]
    >>> A[1] = A[1][:, ::-1]
    >>> reconcile_permutations(A, pairs, R).tolist()
    [[0, 1], [1, 0], [0, 1], [0, 1]]
    """
    A = np.array(factors, dtype=np.float64)
    if A.ndim != 3 or A.shape[1] != A.shape[2] or not np.isfinite(A).all():
        raise ValueError(f"factors must be finite of shape (M, K, K), got {A.shape}")
    check_at_least_one(max_sweeps=max_sweeps)
    terms = check_terms(pairs, blocks, weights, 2, len(A))
    if len(terms.members) and terms.blocks.shape[1] != A.shape[1]:
        raise ValueError(f"blocks have side {terms.blocks.shape[1]}, factors {A.shape[1]}")
    orders = np.tile(np.arange(A.shape[2]), (len(A), 1))
    _settle(A, orders, terms, max_sweeps)
    return orders


def _settle(A: FloatArray, orders: IntArray, terms: Terms, max_sweeps: int) -> None:
    """Reorder factors in place until none moves; only where a partner moved it may."""
    by_factor = incidence(terms.members, len(A))
    support = np.bincount(terms.members.ravel(), np.repeat(terms.weights, 2), len(A))
    asked = support > 0
    for _ in range(max_sweeps):
        if not asked.any():
            break
        for m in np.argsort(-support, kind="stable"):
            if not asked[m]:
                continue
            asked[m] = False
            mine = slice(by_factor.ptr[m], by_factor.ptr[m + 1])
            term, position = by_factor.term[mine], by_factor.position[mine]
            partners = terms.members[term, 1 - position]
            R = terms.blocks[term]
            R = np.where(position[:, None, None] == 0, R, R.transpose(0, 2, 1))
            order = _matched(A[m], _predicted(R, A[partners], terms.weights[term]))
            if (order != np.arange(len(order))).any():
                A[m], orders[m] = A[m][:, order], orders[m][order]
                asked[partners] = True


def _predicted(R: FloatArray, partners: FloatArray, weights: FloatArray) -> FloatArray:
    """Predict A_m D from a factor's blocks with all partners."""
    n = partners.shape[1]
    stack = partners.reshape(-1, n)  # a row for each partner and label
    weighted = np.repeat(weights, n)[:, None] * stack
    gram = weighted.T @ stack
    joint = R.transpose(1, 0, 2).reshape(n, -1) @ weighted
    return np.maximum(joint @ np.linalg.pinv(gram, rcond=1e-10), 0.0)


def _matched(A: FloatArray, target: FloatArray) -> IntArray:
    """Return the order of columns of A that, each scaled to its target's sum, is closest."""
    scaled = A[:, None, :] * target.sum(axis=0)[None, :, None]
    distance = ((target[:, :, None] - scaled) ** 2).sum(axis=0)
    return np.asarray(linear_sum_assignment(distance)[1], dtype=np.int64)
