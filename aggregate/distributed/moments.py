"""Moments of votes on a cluster: counts of each part, added up.

They are those of `aggregate.moments`, exactly: whole numbers have no rounding.
"""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate import moments
from aggregate.distributed._parts import Parts
from aggregate.distributed._passes import annotations_of
from aggregate.distributed._rows import Part
from aggregate.distributed.annotations import DaskAnnotations
from aggregate.moments import LabelShares, PairMoments, TripleMoments

Shape = tuple[int, int]


def label_shares(votes: DaskAnnotations) -> LabelShares:
    """Return each annotator's counts of labels, as `aggregate.moments.label_shares` does.

    Parameters
    ----------
    votes : DaskAnnotations

    Returns
    -------
    LabelShares
    """
    return LabelShares(votes.label_counts.astype(np.float64))


def pair_moments(votes: DaskAnnotations) -> PairMoments:
    """Count the label pairs of all annotators who share an item, on a cluster.

    Every part sends the pairs that occur in it, P·K² numbers; with many annotators these may
    be more than the votes, and then the votes of chosen annotators are what to count.

    Parameters
    ----------
    votes : DaskAnnotations

    Returns
    -------
    PairMoments
        Equal to those of `aggregate.moments.pair_moments`.

    Raises
    ------
    ClusterError
        If workers die or run out of memory.

    Examples
    --------
    >>> import dask.dataframe, pandas
    >>> from aggregate.distributed import DaskAnnotations, pair_moments
    >>> frame = pandas.DataFrame(
    ...     {"task": [1, 1, 2, 2], "worker": list("uvuv"), "label": [0, 0, 1, 0]}
    ... )
    >>> votes = DaskAnnotations.from_dask(dask.dataframe.from_pandas(frame, npartitions=2))
    >>> pair_moments(votes).counts
    array([[[1., 0.],
            [1., 0.]]])
    """
    return _summed(votes, votes._parts.map("pairs", _pairs, _shape(votes)))


def triple_moments(votes: DaskAnnotations, triples: ArrayLike) -> TripleMoments:
    """Count the label triples of chosen annotators; triples that share no item are left out.

    Parameters
    ----------
    votes : DaskAnnotations
    triples : array-like of int, shape (T, 3)
        Codes of three different annotators each.

    Returns
    -------
    TripleMoments
        Equal to those of `aggregate.moments.triple_moments`.

    Raises
    ------
    ValueError
        If a triple names an unknown annotator or one twice.
    ClusterError
        If workers die or run out of memory.

    Examples
    --------
    >>> import dask.dataframe, pandas
    >>> from aggregate.distributed import DaskAnnotations, triple_moments
    >>> frame = pandas.DataFrame({"task": [1, 1, 1], "worker": list("uvw"), "label": [0, 0, 1]})
    >>> votes = DaskAnnotations.from_dask(dask.dataframe.from_pandas(frame, npartitions=1))
    >>> triple_moments(votes, [[0, 1, 2]]).totals
    array([1.])
    """
    chosen = np.sort(np.asarray(triples, dtype=np.int64).reshape(-1, 3), axis=1)
    moments.triple_moments(annotations_of(_NOTHING, _shape(votes)), chosen)  # refuses wrong ones
    distinct, place = np.unique(chosen, axis=0, return_inverse=True)
    found = _summed(votes, votes._parts.map("triples", _triples, distinct, _shape(votes)))
    counts = np.zeros((len(distinct), *(votes.n_classes,) * 3))
    counts[np.isin(_key(distinct, votes), _key(found.triples, votes))] = found.counts
    counts = counts[place.ravel()]
    used = counts.any(axis=(1, 2, 3))
    return TripleMoments(chosen[used], counts[used])


def _key(triples: NDArray[np.int64], votes: DaskAnnotations) -> NDArray[np.int64]:
    """Return a number for each triple, in the triples' order."""
    m = votes.n_annotators
    return (triples[:, 0] * m + triples[:, 1]) * m + triples[:, 2]


_NOTHING = Part(np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.uint32))


def _shape(votes: DaskAnnotations) -> Shape:
    return votes.n_annotators, votes.n_classes


def _summed(votes: DaskAnnotations, counts: Parts) -> Any:
    return counts.reduce("add-moments", _add).compute("count the moments", votes.npartitions)[0]


def _add(counts: list[Any]) -> Any:
    return reduce(add, counts)


def _pairs(part: Part, shape: Shape) -> PairMoments:
    return moments.pair_moments(annotations_of(part, shape))


def _triples(part: Part, chosen: NDArray[np.int64], shape: Shape) -> TripleMoments:
    return moments.triple_moments(annotations_of(part, shape), chosen)
