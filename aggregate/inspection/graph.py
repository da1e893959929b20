"""Who shares items with whom: partners, pairs and triples of annotators with enough overlap."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.moments import triple_moments

Codes = NDArray[np.int64]

_CHEAP: Final = 10_000_000  # co-labels that may be gone through
_TRIPLES: Final = 5_000  # looked at, at most, besides one per annotator


@dataclass(frozen=True, eq=False)
class Overlap:
    """Pairs of annotators by the items they share: what `overlap` returns.

    Attributes
    ----------
    shared : scipy.sparse.csr_array of shape (M, M)
        Items that two annotators share; the diagonal is empty.
    min_overlap : int
        Shared items that count as enough.
    candidates : ndarray of bool, shape (M,)
        Annotators who were looked at as partners: all, unless going through all pairs would
        take long; then a random sample, and the columns of the others are empty.
    """

    shared: csr_array
    min_overlap: int
    candidates: NDArray[np.bool_]

    @property
    def is_complete(self) -> bool:
        """Whether all pairs were looked at."""
        return bool(self.candidates.all())

    @cached_property
    def usable(self) -> csr_array:
        """The pairs with enough shared items, as ones in an (M, M) table."""
        table = self.shared.copy()
        table.data = (table.data >= self.min_overlap).astype(np.int8)
        table.eliminate_zeros()
        return table

    @property
    def partners(self) -> Codes:
        """Number of annotators that each shares an item with, shape (M,)."""
        return np.diff(self.shared.indptr).astype(np.int64)

    @property
    def usable_partners(self) -> Codes:
        """Number of annotators that each shares enough items with, shape (M,)."""
        return np.diff(self.usable.indptr).astype(np.int64)

    def usable_pairs(self) -> Codes:
        """Return the pairs with enough shared items, shape (P, 2), each once and rising."""
        return _rising(self.usable)

    @cached_property
    def n_pairs(self) -> int:
        """Pairs that share an item."""
        return len(_rising(self.shared))

    @property
    def n_possible(self) -> int:
        """Pairs that were looked at, whether or not they share an item."""
        n, m = len(self.candidates), int(self.candidates.sum())
        return m * (m - 1) // 2 + (n - m) * m


def _rising(table: csr_array) -> Codes:
    """Return the pairs of a table each once, lower code first, sorted."""
    row, column = table.nonzero()
    width = np.int64(max(table.shape[1], 1))
    key = np.minimum(row, column) * width + np.maximum(row, column)
    return np.column_stack(np.divmod(np.unique(key), width)).astype(np.int64)


def overlap(
    annotations: Annotations,
    *,
    min_overlap: int | None = None,
    random_state: int | np.random.Generator | None = None,
) -> Overlap:
    """Count the items that each two annotators share.

    Time and memory follow the co-labels, the sum of squared labels per item. Where that is
    more than some ten million, a random sample of the annotators is looked at as partners.

    Parameters
    ----------
    annotations : Annotations
    min_overlap : int, optional
        Shared items that count as enough for a table of the two annotators' labels;
        by default 3 K², three for each of its entries.
    random_state : int or Generator, optional
        Seed of the sample, if one is needed.

    Returns
    -------
    Overlap

    Examples
    --------
    >>> from aggregate import Annotations
    >>> from aggregate.inspection import overlap
    >>> found = overlap(Annotations.from_matrix([[0, 0, -1], [1, 1, 0], [0, 1, -1]]), min_overlap=2)
    >>> found.partners, found.usable_partners
    (array([2, 2, 2]), array([1, 1, 0]))
    """
    if min_overlap is None:
        min_overlap = 3 * max(annotations.n_classes, 1) ** 2
    check_number("min_overlap", min_overlap, low=1, integer=True)
    table = _table(annotations)
    per_item = np.bincount(table.indices, minlength=table.shape[1]).astype(np.float64)
    chosen = np.ones(annotations.n_annotators, dtype=bool)
    work = float(np.square(per_item).sum())
    if work > _CHEAP:
        random = np.random.default_rng(random_state)
        size = max(int(len(chosen) * _CHEAP / work), min(2, len(chosen)))
        chosen[:] = False
        chosen[random.choice(len(chosen), size=size, replace=False)] = True
    columns = csr_array(table.multiply(chosen[:, np.newaxis].astype(np.int32)))
    columns.eliminate_zeros()
    shared = csr_array(table @ columns.T)
    row = np.repeat(np.arange(shared.shape[0]), np.diff(shared.indptr))
    shared.data[row == shared.indices] = 0
    shared.eliminate_zeros()
    shared.sort_indices()
    return Overlap(shared, int(min_overlap), chosen)


def _table(annotations: Annotations) -> csr_array:
    """Return the (M, N) table of who labelled what, repeats once."""
    pointers, item, _ = annotations.by_annotator
    ones = np.ones(len(item), dtype=np.int32)
    shape = (annotations.n_annotators, annotations.n_items)
    table = csr_array((ones, item.copy(), pointers.copy()), shape)
    table.sum_duplicates()
    table.data[:] = 1
    return table


def triangles(found: Overlap, random: np.random.Generator) -> tuple[Codes, bool]:
    """Return triples of annotators whose three pairs all share enough items, and whether all.

    Up to some thirty annotators all triples are gone through; beyond, a random common partner
    is drawn for one pair of each annotator and for random pairs.
    """
    n_annotators = found.shared.shape[0]
    usable = found.usable
    if n_annotators * (n_annotators - 1) * (n_annotators - 2) // 6 <= _TRIPLES:
        dense = usable.toarray() > 0
        triples = np.array(list(combinations(range(n_annotators), 3)), dtype=np.int64)
        u, v, w = triples.reshape(-1, 3).T
        return triples.reshape(-1, 3)[dense[u, v] & dense[u, w] & dense[v, w]], True
    pairs = found.usable_pairs()
    if not len(pairs):
        return np.empty((0, 3), dtype=np.int64), True
    own = np.flatnonzero(np.diff(usable.indptr))[:: max(n_annotators // _TRIPLES, 1)]
    lucky = pairs[random.integers(len(pairs), size=_TRIPLES)]
    drawn = np.vstack([np.column_stack([own, _pick(usable[own], random)]), lucky])
    common = csr_array(usable[drawn[:, 0]].multiply(usable[drawn[:, 1]]))
    has = np.flatnonzero(np.diff(common.indptr))
    third = _pick(common[has], random)
    triples = np.sort(np.column_stack([drawn[has], third]), axis=1)
    return np.unique(triples, axis=0).reshape(-1, 3), False


def _pick(table: csr_array, random: np.random.Generator) -> Codes:
    """Return the column of a random entry of every row (none is empty)."""
    size = np.diff(table.indptr)
    place = table.indptr[:-1] + (random.random(len(size)) * size).astype(np.int64)
    return np.asarray(table.indices[place], dtype=np.int64)


def triple_overlap(annotations: Annotations, triples: Codes) -> Codes:
    """Count the items that the three annotators of each triple share."""
    table = _table(annotations).T.tocsr()
    table.sort_indices()
    presence = Annotations(
        table.indptr.astype(np.int64),
        table.indices,
        np.zeros(table.nnz, dtype=np.int32),
        annotations.items,
        annotations.annotators,
        np.array(["labelled"]),
    )
    moments = triple_moments(presence, triples)
    place = {tuple(t): n for t, n in zip(moments.triples.tolist(), moments.totals, strict=True)}
    return np.array([int(place.get(tuple(t), 0)) for t in triples.tolist()], dtype=np.int64)
