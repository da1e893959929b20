"""Who agrees with whom how often, on a sparse graph, and the skills that explain it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from aggregate.annotations import Annotations

Float = NDArray[np.float64]


class PairTable(NamedTuple):
    """Numbers of pairs of annotators, in both directions, in compressed rows.

    Attributes
    ----------
    pointers : ndarray of int64, shape (M + 1,)
        The partners of annotator j are the entries ``pointers[j]:pointers[j + 1]``.
    partner : ndarray of int32, shape (P,)
        Sorted for each annotator.
    shared : ndarray of shape (P,)
        Labels in common.
    value : ndarray of shape (P,)
        What is known of the pair; symmetric.
    """

    pointers: NDArray[np.int64]
    partner: NDArray[np.int32]
    shared: Float
    value: Float

    @property
    def first(self) -> NDArray[np.int64]:
        """The annotator of each entry's row, shape (P,)."""
        return np.repeat(np.arange(len(self.pointers) - 1), np.diff(self.pointers))

    def matrix(self, entries: Float) -> csr_array:
        """Return a sparse (M, M) table with the given entries."""
        n = len(self.pointers) - 1
        return csr_array((entries, self.partner, self.pointers), shape=(n, n))


class RankOne(NamedTuple):
    """Skills whose products come closest to the values of the pairs."""

    skill: Float
    n_iter: int
    converged: bool


def agreement_table(annotations: Annotations) -> PairTable:
    r"""Return the chance-corrected agreement of all annotators who share an item.

    .. math:: c_{jl} = \frac{K \, \hat P(y_j = y_l) - 1}{K - 1},

    which is :math:`s_j s_l` for coins of skill :math:`s_j = (K p_j - 1) / (K - 1)`, whatever
    the class prior. Cost and memory follow the pairs that occur.

    Examples
    --------
    >>> from aggregate import Annotations
    >>> table = agreement_table(Annotations.from_matrix([[0, 0], [1, 1], [0, 1], [1, 1]]))
    >>> table.partner.tolist(), table.value.tolist()
    ([1, 0], [0.5, 0.5])
    """
    n_classes = annotations.n_classes
    shape = annotations.n_items, annotations.n_annotators
    ones = np.ones(annotations.n_annotations)
    given = csr_array((ones, annotations.annotator, annotations.item_ptr), shape=shape)
    shared = off_diagonal(given.T @ given)
    agreed = np.zeros(len(shared.data))
    for k in range(n_classes):
        said = given.copy()
        said.data = (annotations.label == k).astype(np.float64)
        said.eliminate_zeros()
        both = off_diagonal(said.T @ said)
        agreed[np.searchsorted(keys_of(shared), keys_of(both))] += both.data
    return PairTable(
        shared.indptr.astype(np.int64),
        shared.indices.astype(np.int32),
        shared.data,
        (n_classes * agreed / shared.data - 1) / max(n_classes - 1, 1),
    )


def off_diagonal(product: csr_array) -> csr_array:
    """Return a square table without its diagonal and its zeros, sorted."""
    table = product.tocsr()
    rows = np.repeat(np.arange(table.shape[0]), np.diff(table.indptr))
    table.data[rows == table.indices] = 0.0
    table.eliminate_zeros()
    table.sort_indices()
    return table


def keys_of(table: csr_array) -> NDArray[np.int64]:
    """Return one rising number per entry: its row times M plus its column."""
    rows = np.repeat(np.arange(table.shape[0], dtype=np.int64), np.diff(table.indptr))
    return np.asarray(rows * table.shape[1] + table.indices, dtype=np.int64)


def fit_rank_one(
    pairs: PairTable,
    *,
    low: float = -1.0,
    high: float = 1.0,
    ridge: float = 1.0,
    max_iter: int = 1000,
    tol: float = 1e-10,
) -> RankOne:
    r"""Minimise the weighted squared error of a rank-one table off its diagonal.

    .. math:: \sum_{j \ne l} N_{jl} (c_{jl} - u_j v_l)^2 + \lambda (\|u\|^2 + \|v\|^2)

    with :math:`N_{jl}` the labels in common. The two sides are solved for in turn; the table
    is symmetric, so they end up equal once the scale is shared out. The diagonal, which is no
    data, never enters. The ridge pulls annotators with few partners towards zero. The start
    says that most are better than chance, which settles the sign.

    Parameters
    ----------
    pairs : PairTable
    low, high : float
        Bounds of the skills.
    ridge : float
        :math:`\lambda`.
    max_iter : int
        Most sweeps.
    tol : float
        Stop when no skill changes by more.

    Returns
    -------
    RankOne
        Skill 0 for annotators without a partner.
    """
    weight = pairs.matrix(pairs.shared)
    target = pairs.matrix(pairs.shared * pairs.value)
    typical = np.average(pairs.value, weights=pairs.shared) if len(pairs.value) else 0.0
    u = v = np.full(len(pairs.pointers) - 1, np.sqrt(max(typical, 1e-2)))

    def solve(other: Float) -> Float:
        return target @ other / np.maximum(weight @ (other * other) + ridge, 1e-12)

    n_iter, moved = 0, np.inf
    while moved > tol and n_iter < max_iter:
        u = np.clip(solve(v), low, high)
        following = np.clip(solve(u), low, high)
        size = np.linalg.norm(following)
        if size > 0:  # share the scale out evenly, which the product leaves open
            following = np.clip(following * np.sqrt(np.linalg.norm(u) / size), low, high)
        moved = float(abs(following - v).max(initial=0.0))
        v, n_iter = following, n_iter + 1
    return RankOne(v, n_iter, moved <= tol)
