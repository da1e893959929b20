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
_TRIES = 20


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
    found: set[tuple[int, ...]] = set()
    for _ in range(_TRIES):  # repeats and items with fewer distinct annotators cost a draw
        if len(found) >= n_triples or not len(rich):
            break
        for i in random.choice(rich, size=n_triples):
            found.update(_draw(annotations, int(i), None, random))
            if len(found) >= n_triples:
                break
    covered = {j for triple in found for j in triple}
    pointers, item_of, _ = annotations.by_annotator
    for j in sorted(set(range(m)) - covered):
        own = item_of[pointers[j] : pointers[j + 1]]
        own = own[annotations.labels_per_item[own] >= 3]
        if len(own):
            found.update(_draw(annotations, int(random.choice(own)), j, random))
    return np.array(sorted(found), dtype=np.int64).reshape(-1, 3)


def _draw(
    annotations: Annotations, item: int, member: int | None, random: np.random.Generator
) -> list[tuple[int, ...]]:
    """Draw three different annotators of an item, one of them given; none if there are fewer."""
    start, stop = annotations.item_ptr[item], annotations.item_ptr[item + 1]
    present = np.unique(annotations.annotator[start:stop])
    if len(present) < 3:
        return []
    if member is None:
        drawn = random.choice(present, size=3, replace=False)
    else:
        others = random.choice(present[present != member], size=2, replace=False)
        drawn = np.append(others, member)
    return [tuple(sorted(drawn.tolist()))]
