"""Second moments: how pairs of annotators label the items they share, and in which numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate.annotations import Annotations
from aggregate.moments._pair_counts import count_pairs

Float = NDArray[np.float64]

_NONE_FLOAT = np.empty(0)
_NONE_INT = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class PairMoments:
    r"""Co-occurrence of labels over pairs of annotators, only the pairs that share an item.

    If annotators err independently given the truth, block p of the pair (j, l) estimates

    .. math:: R_{jl}[a, b] = \sum_k \pi_k A_j[k, a] A_l[k, b],

    where :math:`\pi` is the class prior and :math:`A_j[k, a]` the probability that annotator
    j says a when the truth is k. An annotator paired with themselves says nothing of the
    kind (the block would be diagonal), so there is no such pair.

    Attributes
    ----------
    pairs : ndarray of int32, shape (P, 2)
        Annotator codes, sorted.
    counts : ndarray of shape (P, K, K)
        Weight of the items on which the first said a and the second b. They add up.
    n_annotators : int
        M.
    """

    pairs: NDArray[np.int32]
    counts: Float
    n_annotators: int

    @property
    def n_classes(self) -> int:
        """Number of classes, K."""
        return self.counts.shape[1]

    @cached_property
    def totals(self) -> Float:
        """Co-labels of each pair, N_jl, shape (P,)."""
        return np.asarray(self.counts.sum(axis=(1, 2)))

    @cached_property
    def blocks(self) -> Float:
        """Joint frequencies R_jl, shape (P, K, K), each summing to one."""
        return self.counts / self.totals[:, np.newaxis, np.newaxis]

    @cached_property
    def singular_values(self) -> Float:
        """Singular values of each block, largest first, shape (P, K)."""
        if not len(self.pairs):
            return np.empty((0, self.n_classes))
        return np.asarray(np.linalg.svd(self.blocks, compute_uv=False), dtype=np.float64)

    @cached_property
    def noise(self) -> Float:
        """Expected Frobenius norm of each block's sampling error, shape (P,).

        The error of N co-labels is multinomial: its mean square is (1 - sum R²) / N.
        """
        spread = 1 - np.square(self.blocks).sum(axis=(1, 2))
        return np.sqrt(np.maximum(spread, 0) / self.totals)

    def ranks(self, tol: float | None = None) -> NDArray[np.int64]:
        """Return the numerical rank of each block.

        Parameters
        ----------
        tol : float, optional
            Singular values at most this count as zero. By default the rounding error of the
            largest (which makes noise count as rank; compare with `noise` for more).
        """
        largest = self.singular_values.max(axis=1, initial=0.0, keepdims=True)
        limit = largest * self.n_classes * np.finfo(float).eps if tol is None else tol
        return np.asarray((self.singular_values > limit).sum(axis=1))

    def conditions(self) -> Float:
        """Return the largest over the smallest singular value of each block (inf if singular)."""
        values = self.singular_values
        smallest = values[:, -1]
        return np.divide(
            values[:, 0], smallest, out=np.full(len(values), np.inf), where=smallest > 0
        )

    def select(self, keep: NDArray[np.bool_]) -> PairMoments:
        """Return the pairs under a Boolean mask."""
        return PairMoments(self.pairs[keep], self.counts[keep], self.n_annotators)

    def __add__(self, other: PairMoments) -> PairMoments:
        """Add the counts of another block of items by the same annotators and classes."""
        if (self.n_annotators, self.n_classes) != (other.n_annotators, other.n_classes):
            raise ValueError(
                "pair moments add up only over the same annotators and classes: "
                f"{self.n_annotators} and {self.n_classes} against {other.n_annotators} and "
                f"{other.n_classes}."
            )
        keys = np.concatenate([_key(self), _key(other)])
        union, place = np.unique(keys, return_inverse=True)
        counts = np.zeros((len(union), self.n_classes, self.n_classes))
        counts[place[: len(self.pairs)]] += self.counts
        counts[place[len(self.pairs) :]] += other.counts
        pairs = np.column_stack(np.divmod(union, self.n_annotators)).astype(np.int32)
        return PairMoments(pairs, counts, self.n_annotators)


def _key(moments: PairMoments) -> NDArray[np.int64]:
    return moments.pairs[:, 0].astype(np.int64) * moments.n_annotators + moments.pairs[:, 1]


def pair_moments(
    annotations: Annotations,
    *,
    item_weights: ArrayLike | None = None,
    n_jobs: int | None = None,
) -> PairMoments:
    """Count the label pairs of all annotators who share an item.

    Cost and memory follow the co-labels (the sum of squared labels per item) and the pairs
    that occur, never the square of the number of annotators.

    Parameters
    ----------
    annotations : Annotations
    item_weights : array-like of shape (N,), optional
        How much each item counts; one by default.
    n_jobs : int, optional
        Threads; the result is the same to the last bit.

    Returns
    -------
    PairMoments
        Pairs (j, l) with j < l.

    Raises
    ------
    ValueError
        If the weights are not one finite non-negative number per item.

    References
    ----------
    S. Ibrahim, X. Fu, N. Kargas and K. Huang, Crowdsourcing via pairwise co-occurrences:
    identifiability and algorithms, NeurIPS 2019, equation 3.

    Examples
    --------
    >>> from aggregate import Annotations
    >>> from aggregate.moments import pair_moments
    >>> moments = pair_moments(Annotations.from_matrix([[0, 0, -1], [1, 1, 0], [0, 1, -1]]))
    >>> moments.pairs
    array([[0, 1],
           [0, 2],
           [1, 2]], dtype=int32)
    >>> moments.counts[0]
    array([[1., 1.],
           [0., 1.]])
    """
    return _count(annotations, _NONE_INT, _weights(annotations, item_weights), n_jobs)


def lagged_pair_moments(
    annotations: Annotations,
    follower: ArrayLike,
    *,
    n_jobs: int | None = None,
) -> PairMoments:
    r"""Count what one annotator says of an item and another of the item that follows it.

    With states that follow a Markov chain of transition matrix T, block (j, l) estimates
    :math:`\sum_{k,k'} \pi_k A_j[k, a] T[k, k'] A_l[k', b]`. Pairs are ordered, and an
    annotator pairs with themselves: two items are two answers.

    Parameters
    ----------
    annotations : Annotations
    follower : array-like of int, shape (N,)
        Code of the item that comes next in the sequence, -1 at its end.
    n_jobs : int, optional
        Threads.

    Returns
    -------
    PairMoments
        All ordered pairs (j, l) that occur.

    Raises
    ------
    ValueError
        If ``follower`` is not one item code (or -1) per item.

    Examples
    --------
    >>> from aggregate import Annotations
    >>> from aggregate.moments import lagged_pair_moments
    >>> words = Annotations.from_matrix([[0, 0], [1, 0], [1, 1]])
    >>> lagged_pair_moments(words, [1, 2, -1]).counts[1]  # annotator 0, then annotator 1
    array([[1., 0.],
           [0., 1.]])
    """
    following = np.asarray(follower)
    valid = following.shape == (annotations.n_items,) and following.dtype.kind in "iu"
    if not valid or (
        len(following) and not -1 <= following.min() <= following.max() < len(following)
    ):
        raise ValueError(
            f"follower must hold one item code from 0 to {annotations.n_items - 1}, or -1, for "
            f"each of the {annotations.n_items} items."
        )
    return _count(annotations, following.astype(np.int64), _NONE_FLOAT, n_jobs)


def _weights(annotations: Annotations, weights: ArrayLike | None) -> Float:
    if weights is None:
        return _NONE_FLOAT
    array = np.ascontiguousarray(weights, dtype=np.float64)
    wrong = array.shape != (annotations.n_items,)
    if wrong or not np.isfinite(array).all() or (array < 0).any():
        raise ValueError(
            f"item_weights must be {annotations.n_items} finite numbers of at least 0, one per "
            f"item; got shape {array.shape}."
        )
    return array


def _count(
    annotations: Annotations, follower: NDArray[np.int64], weight: Float, n_jobs: int | None
) -> PairMoments:
    pairs, counts = count_pairs(annotations, follower, weight, n_jobs)
    moments = PairMoments(pairs, counts, annotations.n_annotators)
    if not weight.shape[0]:
        return moments
    used = np.asarray(counts.any(axis=(1, 2)))  # all the shared items may weigh nothing
    return moments.select(used)
