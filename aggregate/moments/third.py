"""Third moments: how three annotators label the items that all of them share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._blocks import fill_blocks
from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.kernels.triples import add_triples
from aggregate.moments.second import _weights

Float = NDArray[np.float64]

_TRIPLES_PER_BLOCK = 64
_MOST_BATCHES = 20


@dataclass(frozen=True)
class TripleMoments:
    r"""Co-occurrence of labels over triples of annotators.

    If annotators err independently given the truth, block t of the triple (j, l, m) estimates
    :math:`\sum_k \pi_k A_j[k, a] A_l[k, b] A_m[k, c]`, a tensor of rank K whose factors are
    unique where pairs alone leave a choice.

    Attributes
    ----------
    triples : ndarray of int64, shape (T, 3)
        Annotator codes, rising within a triple.
    counts : ndarray of shape (T, K, K, K)
        Weight of the items labelled a, b and c by the three. They add up.
    """

    triples: NDArray[np.int64]
    counts: Float

    @cached_property
    def totals(self) -> Float:
        """Items shared by each triple, shape (T,)."""
        return np.asarray(self.counts.sum(axis=(1, 2, 3)))

    @cached_property
    def blocks(self) -> Float:
        """Joint frequencies, shape (T, K, K, K), each summing to one."""
        return self.counts / self.totals[:, np.newaxis, np.newaxis, np.newaxis]

    def __add__(self, other: TripleMoments) -> TripleMoments:
        """Add the counts of another block of items over the same triples."""
        if not np.array_equal(self.triples, other.triples):
            raise ValueError("triple moments add up only over the same triples.")
        return TripleMoments(self.triples, self.counts + other.counts)


def triple_moments(
    annotations: Annotations,
    triples: ArrayLike,
    *,
    item_weights: ArrayLike | None = None,
    n_jobs: int | None = None,
) -> TripleMoments:
    """Count the label triples of chosen annotators; triples that share no item are left out.

    Parameters
    ----------
    annotations : Annotations
    triples : array-like of int, shape (T, 3)
        Codes of three different annotators each (see `choose_triples`).
    item_weights : array-like of shape (N,), optional
        How much each item counts.
    n_jobs : int, optional
        Threads; the result is the same to the last bit.

    Returns
    -------
    TripleMoments

    Raises
    ------
    ValueError
        If a triple names an unknown annotator or one twice.

    References
    ----------
    P. A. Traganitis, A. Pagès-Zamora and G. B. Giannakis, Blind multiclass ensemble
    classification, IEEE Transactions on Signal Processing 66(18):4737-4752, 2018, equation 12.

    Examples
    --------
    >>> from aggregate import Annotations
    >>> from aggregate.moments import triple_moments
    >>> votes = Annotations.from_matrix([[0, 0, 1], [0, 1, 1], [1, 1, -1]])
    >>> moments = triple_moments(votes, [[0, 1, 2]])
    >>> moments.totals
    array([2.])
    >>> moments.blocks[0, 0, :, 1]
    array([0.5, 0.5])
    """
    chosen = np.asarray(triples, dtype=np.int64).reshape(-1, 3)
    chosen = np.sort(chosen, axis=1)
    wrong = (chosen < 0).any(axis=1) | (chosen >= annotations.n_annotators).any(axis=1)
    wrong |= (np.diff(chosen, axis=1) == 0).any(axis=1)
    if wrong.any():
        raise ValueError(
            "each triple must name three different annotators by codes from 0 to "
            f"{annotations.n_annotators - 1}; wrong is {chosen[wrong][0].tolist()}."
        )
    weight = _weights(annotations, item_weights)
    counts = np.zeros((len(chosen),) + 3 * (annotations.n_classes,))
    edges = np.append(np.arange(0, len(chosen), _TRIPLES_PER_BLOCK), len(chosen))
    by_annotator = annotations.by_annotator

    def fill(first: int, last: int) -> None:
        add_triples(*by_annotator, chosen, weight, first, last, counts)

    fill_blocks(fill, np.unique(edges), n_jobs)
    used = counts.any(axis=(1, 2, 3))
    return TripleMoments(chosen[used], counts[used])


def choose_triples(
    annotations: Annotations,
    n_triples: int,
    *,
    random_state: int | np.random.Generator | None = None,
) -> NDArray[np.int64]:
    """Return all triples of annotators if few enough, else a sample of those that share items.

    The sample takes an item at random among those with three annotators or more and three of
    its annotators, so triples that share many items come first; every annotator who has such
    an item is then given at least one triple.

    Parameters
    ----------
    annotations : Annotations
    n_triples : int
        How many at most (a few more where annotators would be left out).
    random_state : int or Generator, optional
        Seed.

    Returns
    -------
    ndarray of int64, shape (T, 3)
        Sorted, distinct.

    Examples
    --------
    >>> from aggregate import Annotations
    >>> from aggregate.moments import choose_triples
    >>> choose_triples(Annotations.from_matrix([[0, 1, 1, 0]]), 10).tolist()
    [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]]
    """
    check_number("n_triples", n_triples, low=1, integer=True)
    m = annotations.n_annotators
    if m * (m - 1) * (m - 2) // 6 <= n_triples:
        return np.array(list(combinations(range(m), 3)), dtype=np.int64).reshape(-1, 3)
    random = np.random.default_rng(random_state)
    rich = np.flatnonzero(annotations.labels_per_item >= 3)
    found = _draw(annotations, rich, n_triples, random)
    for _ in range(_MOST_BATCHES):  # repeats and items with fewer distinct annotators cost draws
        if len(found) >= n_triples or not len(found):
            break
        before = len(found)
        more = _draw(annotations, rich, n_triples, random)
        found = _distinct(np.concatenate([found, more]))
        if len(found) == before:  # all there are, or nearly
            break
    extra = _for_the_others(annotations, found[:n_triples], random)
    return np.unique(np.concatenate([found[:n_triples], extra]), axis=0)


def _draw(
    annotations: Annotations, items: NDArray[np.int64], n: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Draw ``n`` items and three labels of each; keep those by three different annotators."""
    if not len(items):
        return np.empty((0, 3), dtype=np.int64)
    drawn = random.choice(items, size=n)[:, np.newaxis]
    place = (random.random((n, 3)) * annotations.labels_per_item[drawn]).astype(np.int64)
    chosen = np.sort(annotations.annotator[annotations.item_ptr[drawn] + place], axis=1)
    different = (np.diff(chosen, axis=1) > 0).all(axis=1)
    return _distinct(chosen[different].astype(np.int64))


def _distinct(triples: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the distinct triples in the order of their first draw."""
    _, first = np.unique(triples, axis=0, return_index=True)
    return triples[np.sort(first)]


def _for_the_others(
    annotations: Annotations, found: NDArray[np.int64], random: np.random.Generator
) -> NDArray[np.int64]:
    """Return a triple for each annotator who is in none and shares an item with two others."""
    pointers, item_of, _ = annotations.by_annotator
    triples = []
    for j in np.setdiff1d(np.arange(annotations.n_annotators), found).tolist():
        own = item_of[pointers[j] : pointers[j + 1]].copy()  # a permutation needs to write
        for i in random.permutation(own).tolist():
            start, stop = annotations.item_ptr[i], annotations.item_ptr[i + 1]
            others = np.setdiff1d(annotations.annotator[start:stop], [j])
            if len(others) >= 2:
                triples.append(np.sort([j, *random.choice(others, size=2, replace=False)]))
                break
    return np.array(triples, dtype=np.int64).reshape(-1, 3)
