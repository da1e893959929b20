"""Permutation matching: which component of one factor is which of another."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree

from aggregate.factorization._terms import Terms, check_terms
from aggregate.factorization.result import FloatArray, IntArray


def match_to_diagonal(factors: ArrayLike, weights: ArrayLike | None = None) -> IntArray:
    r"""Find the one permutation that puts most mass of all factors on their diagonals.

    .. math:: \max_{\pi}\ \sum_k S[k, \pi(k)], \qquad S = \sum_m w_m A_m

    where :math:`A_m` (K, K) is ``factors[m]`` with ``A_m[a, k]`` in columns and :math:`w_m` is
    ``weights[m]`` (for example how much was seen of it).

    One assignment problem (Hungarian method [1]_) on the weighted sum: unlike the row-by-row
    greedy choice it cannot use a component twice, and unlike a choice per factor it keeps
    factors consistent with one another.

    **When it fails.** It presumes that the weighted sum is dominated by its diagonal in the
    right order; where most factors are worse than random the labels come out swapped.

    Parameters
    ----------
    factors : array-like, shape (M, K, K) or (K, K)
        Finite.
    weights : array-like, shape (M,), optional
        Nonnegative; default 1.

    Returns
    -------
    ndarray of int, shape (K,)
        ``order`` such that ``factors[:, :, order]`` is diagonally heavy.

    Raises
    ------
    ValueError
        If the factors are not square and finite, or the weights do not fit.

    References
    ----------
    .. [1] H. W. Kuhn, "The Hungarian method for the assignment problem", Naval Research
       Logistics Quarterly 2:83-97, 1955.

    Examples
    --------
    >>> from aggregate.factorization import match_to_diagonal
    >>> match_to_diagonal([[0.1, 0.7], [0.9, 0.3]])
    array([1, 0])
    """
    stack = np.asarray(factors, dtype=np.float64)
    stack = stack[None] if stack.ndim == 2 else stack
    if stack.ndim != 3 or stack.shape[1] != stack.shape[2] or not np.isfinite(stack).all():
        raise ValueError(f"factors must be finite of shape (M, K, K), got {stack.shape}")
    w = np.ones(len(stack)) if weights is None else np.asarray(weights, dtype=np.float64)
    if w.shape != (len(stack),) or not (np.isfinite(w) & (w >= 0)).all():
        raise ValueError(f"weights must be {len(stack)} finite nonnegative numbers")
    _, order = linear_sum_assignment(np.tensordot(w, stack, axes=1), maximize=True)
    return np.asarray(order, dtype=np.int64)


def match_columns(matrix: ArrayLike, target: ArrayLike) -> IntArray:
    r"""Find the permutation of one matrix's columns that comes nearest to another's.

    .. math:: \min_{\pi}\ \sum_k \| X[:, \pi(k)] - Y[:, k] \|_2^2

    where :math:`X` is ``matrix`` and :math:`Y` is ``target``, both (L, K). Solved exactly as
    an assignment problem [1]_. Where columns coincide several answers are equally good.

    Parameters
    ----------
    matrix : array-like, shape (L, K)
        Columns to put in order.
    target : array-like, shape (L, K)
        Columns in the wanted order.

    Returns
    -------
    ndarray of int, shape (K,)
        ``order`` such that ``matrix[:, order]`` is nearest to ``target``.

    Raises
    ------
    ValueError
        If the shapes differ or an entry is not finite.

    References
    ----------
    .. [1] H. W. Kuhn, "The Hungarian method for the assignment problem", Naval Research
       Logistics Quarterly 2:83-97, 1955.

    Examples
    --------
    >>> from aggregate.factorization import match_columns
    >>> match_columns([[0.1, 0.7], [0.9, 0.3]], [[0.6, 0.0], [0.4, 1.0]])
    array([1, 0])
    """
    X, Y = np.asarray(matrix, dtype=np.float64), np.asarray(target, dtype=np.float64)
    if X.ndim != 2 or X.shape != Y.shape:
        raise ValueError(f"matrix and target must share one shape, got {X.shape} and {Y.shape}")
    if not (np.isfinite(X).all() and np.isfinite(Y).all()):
        raise ValueError("matrix and target must be finite")
    distance = ((Y[:, :, None] - X[:, None, :]) ** 2).sum(axis=0)
    _, order = linear_sum_assignment(distance)
    return np.asarray(order, dtype=np.int64)


def propagate_permutations(
    factors: ArrayLike,
    pairs: ArrayLike,
    blocks: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    reference: int | None = None,
) -> IntArray:
    r"""Give factors that were found one by one a common order of components.

    Every factor is known up to its own permutation, :math:`\hat A_m = A_m \Pi_m`; the pair
    blocks :math:`R_{mj} \approx A_m D A_j^T` tell how they belong together. Where r is already
    in order,

    .. math:: A_m D \approx R_{mr} (A_r^T)^{+},

    so the columns of :math:`\hat A_m`, matched to the normalised columns of the right-hand
    side, fall into place; D drops out with the normalisation.

    The order starts at the reference, whose own order comes from its diagonal, and spreads
    along the maximum-weight spanning tree, so that every step uses the best-supported block
    [1]_. Each further connected component starts at its own reference.

    **When it fails.** A parent of deficient rank, or with columns that nearly coincide, cannot
    tell its child's components apart, and what is beyond it in the tree inherits the error.
    Between connected components only the diagonals decide.

    Parameters
    ----------
    factors : array-like, shape (M, K, K)
        ``factors[m][a, k]``, columns sum to one, each in its own order.
    pairs : array-like of int, shape (P, 2)
        Indices of the two factors of each block, in any order; not equal.
    blocks : array-like, shape (P, K, K)
        ``R[a, b]`` belongs to row a of the first factor and row b of the second.
    weights : array-like, shape (P,), optional
        Support of every block; zero masks it. Default 1.
    reference : int, optional
        Where to start; default: the factor with the largest total weight.

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
       identifiability and algorithms", NeurIPS 2019, section 4 (the spanning tree is ours).

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate.factorization import propagate_permutations
    >>> A = np.array([[[0.8, 0.3], [0.2, 0.7]], [[0.9, 0.2], [0.1, 0.8]]])
    >>> block = A[0] * np.array([0.6, 0.4]) @ A[1].T
    >>> swapped = A.copy()
    >>> swapped[1] = A[1][:, ::-1]
    >>> propagate_permutations(swapped, [(0, 1)], [block])
    array([[0, 1],
           [1, 0]])
    """
    A = np.array(factors, dtype=np.float64)
    if A.ndim != 3 or A.shape[1] != A.shape[2] or not np.isfinite(A).all():
        raise ValueError(f"factors must be finite of shape (M, K, K), got {A.shape}")
    terms = check_terms(pairs, blocks, weights, 2, len(A))
    if len(terms.members) and terms.blocks.shape[1] != A.shape[1]:
        raise ValueError(f"blocks have side {terms.blocks.shape[1]}, factors {A.shape[1]}")
    if reference is not None and not 0 <= reference < len(A):
        raise ValueError(f"reference must lie in 0..{len(A) - 1}, got {reference}")
    orders = np.empty(A.shape[::2], dtype=np.int64)
    for child, parent, block in _tree(_merged(terms), len(A), reference):
        if block is None:
            orders[child] = match_to_diagonal(A[child])
        else:
            orders[child] = match_columns(A[child], _predicted(block, A[parent]))
        A[child] = A[child][:, orders[child]]
    return orders


def _predicted(block: FloatArray, parent: FloatArray) -> FloatArray:
    """Predict a child's columns from its block with the parent, up to their scale."""
    columns = np.maximum(block @ np.linalg.pinv(parent.T, rcond=1e-10), 0.0)
    total = columns.sum(axis=0)
    return np.where(total > 0, columns / np.where(total > 0, total, 1.0), 1.0 / len(columns))


def _merged(terms: Terms) -> Terms:
    """Average repeated blocks of one pair, adding their weights."""
    index, place = np.unique(terms.members, axis=0, return_inverse=True)
    place = place.reshape(-1)
    weights = np.zeros(len(index))
    np.add.at(weights, place, terms.weights)
    blocks = np.zeros((len(index), *terms.blocks.shape[1:]))
    np.add.at(blocks, place, terms.weights[:, None, None] * terms.blocks)
    return Terms(index, blocks / weights[:, None, None], weights)


def _tree(
    terms: Terms, n_factors: int, reference: int | None
) -> Iterator[tuple[int, int, FloatArray | None]]:
    """Walk the maximum-weight spanning forest: (child, parent, block child by parent)."""
    size = (n_factors, n_factors)
    rows, columns = terms.members[:, 0], terms.members[:, 1]
    keys = rows * n_factors + columns  # rising: the members are sorted
    # The tree of smallest total cost, costs being negated weights, has the largest weight.
    forest = minimum_spanning_tree(coo_array((-terms.weights, (rows, columns)), shape=size))
    support = np.bincount(terms.members.ravel(), np.repeat(terms.weights, 2), n_factors)
    if reference is not None:
        support[reference] = np.inf
    n_parts, part = connected_components(forest, directed=False)
    for c in range(n_parts):
        members = np.flatnonzero(part == c)
        root = int(members[np.argmax(support[members])])
        order, parents = breadth_first_order(forest, root, directed=False)
        yield root, -1, None
        for child in order[1:].tolist():
            parent = int(parents[child])
            key = min(child, parent) * n_factors + max(child, parent)
            p = int(np.searchsorted(keys, key))
            yield child, parent, terms.blocks[p] if child < parent else terms.blocks[p].T
