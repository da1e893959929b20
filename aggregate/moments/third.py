"""Third moments: how three annotators label the items that all of them share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._blocks import count_threads, fill_blocks
from aggregate.annotations import Annotations
from aggregate.kernels.triples import add_triples
from aggregate.moments.second import _weights

Float = NDArray[np.float64]


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

    @cached_property
    def singular_values(self) -> Float:
        """Singular values of the three unfoldings of each block, shape (T, 3, K).

        Unfolding m has a row for each label of the triple's annotator m and a column for each
        pair of labels of the other two; with K classes all told apart, all three have rank K.
        """
        n_classes = self.counts.shape[1]
        unfolded = [
            np.moveaxis(self.blocks, mode, 1).reshape(-1, n_classes, n_classes**2)
            for mode in (1, 2, 3)
        ]
        values = [np.linalg.svd(table, compute_uv=False) for table in unfolded]
        return np.stack(values, axis=1)

    @cached_property
    def noise(self) -> Float:
        """Expected Frobenius norm of each block's sampling error, shape (T,).

        The error of N shared items is multinomial: its mean square is (1 - sum T²) / N.
        """
        spread = 1 - np.square(self.blocks).sum(axis=(1, 2, 3))
        return np.sqrt(np.maximum(spread, 0) / self.totals)

    def ranks(self, tol: float | None = None) -> NDArray[np.int64]:
        """Return the least numerical rank of the three unfoldings of each block, shape (T,).

        Parameters
        ----------
        tol : float, optional
            Singular values at most this count as zero; by default the rounding error of the
            largest (which makes noise count as rank; compare with `noise` for more).
        """
        values = self.singular_values
        largest = values.max(axis=(1, 2), initial=0.0)[:, np.newaxis, np.newaxis]
        limit = largest * values.shape[2] * np.finfo(float).eps if tol is None else tol
        return np.asarray((values > limit).sum(axis=2).min(axis=1, initial=values.shape[2]))

    def conditions(self) -> Float:
        """Return the worst ratio of largest to smallest singular value (inf if singular)."""
        values = self.singular_values
        least = values[:, :, -1]
        ratio = np.divide(values[:, :, 0], least, out=np.full(least.shape, np.inf), where=least > 0)
        return np.asarray(ratio.max(axis=1, initial=1.0))

    def __add__(self, other: TripleMoments) -> TripleMoments:
        """Add the counts of another block of items, for which the same triples were chosen.

        A triple that only one of the two has shares no item in the other.
        """
        if self.counts.shape[1] != other.counts.shape[1]:
            raise ValueError(
                "triple moments add up only over the same classes: "
                f"{self.counts.shape[1]} against {other.counts.shape[1]}."
            )
        both = np.concatenate([self.triples, other.triples])
        union, place = np.unique(both, axis=0, return_inverse=True)
        counts = np.zeros((len(union), *self.counts.shape[1:]))
        place = place.ravel()
        np.add.at(counts, place, np.concatenate([self.counts, other.counts]))
        return TripleMoments(union, counts)


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
    if annotations.on_disk:  # in the order of annotators, only a block of them fits in memory
        for first, last, part in annotations.blocks():
            _add(part, chosen, weight[first:last], counts, n_jobs)
    else:
        _add(annotations, chosen, weight, counts, n_jobs)
    used = counts.any(axis=(1, 2, 3))
    return TripleMoments(chosen[used], counts[used])


def _add(
    annotations: Annotations,
    chosen: NDArray[np.int64],
    weight: Float,
    counts: Float,
    n_jobs: int | None,
) -> None:
    """Add what these items say of the chosen triples to their counts."""
    by_annotator = annotations.by_annotator
    order = np.lexsort(chosen.T[::-1])
    most = int(annotations.labels_per_annotator.max(initial=0))
    bounds = np.linspace(0, len(chosen), count_threads(n_jobs) + 1).astype(np.int64)

    def fill(first: int, last: int) -> None:
        place = np.full(annotations.n_items, -1, dtype=np.int64)
        shared = np.empty((most, 2), dtype=np.int64)
        add_triples(*by_annotator, chosen, order, weight, first, last, place, shared, counts)

    fill_blocks(fill, np.unique(bounds), n_jobs)
