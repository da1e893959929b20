"""Which annotators may be many voices of one: suspected before anything is tested.

A suspicion costs nobody anything. It only makes the suspects count once, and not for each other,
in what is taken for the truth when pairs are tested; so it may be wrong, but should miss no set
of copies that would pass for the truth.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.exceptions import ConvergenceWarning

from aggregate.annotations import Annotations
from aggregate.inspection._dependence_facts import FEWEST
from aggregate.models import DependentGroups
from aggregate.models.dependent._partition import partitions
from aggregate.moments import PairMoments

Float = NDArray[np.float64]
Groups = NDArray[np.int32]
Mask = NDArray[np.bool_]

_ALIKE = 0.9  # agreement beyond chance, as a share of what is possible, that few reach by skill
_ENOUGH = 30_000  # labels that show a cluster
_CLUSTERS = 4
_PASSES = 50
_NEAR = 1e-5


class Suspicion(NamedTuple):
    """Groups (M,) of suspects, -1 for nobody's, and others in whose place they may be accused."""

    group: Groups
    doubts: list[Groups]


def suspect(
    annotations: Annotations, moments: PairMoments, fitted: Any, min_shared: int, n_jobs: int | None
) -> Suspicion:
    """Return who may be many voices of one.

    Parameters
    ----------
    annotations : Annotations
    moments : PairMoments
    fitted : aggregator
        A `DependentGroups` brings its own groups.
    min_shared : int
    n_jobs : int or None
    """
    alone = np.full(annotations.n_annotators, -1, dtype=np.int32)
    if (annotations.labels_per_annotator > 0).sum() < FEWEST:
        return Suspicion(alone, [])
    moments = moments.select(moments.totals >= min_shared)
    agreement = _beyond_chance(moments)
    clusters = fitted if hasattr(fitted, "group_") else _clusters(annotations, min_shared, n_jobs)
    group = join(np.asarray(clusters.group_, dtype=np.int32), moments.pairs[agreement >= _ALIKE])
    chosen = np.flatnonzero(np.isin(annotations.annotators, clusters.compared_))
    doubts = []
    for found in partitions(clusters.score_, _CLUSTERS) if clusters.score_.any() else ():
        doubt = alone.copy()
        doubt[chosen[_closest(found, chosen, moments.pairs, agreement)]] = 0
        doubts.append(doubt)
    return Suspicion(group, doubts)


def _closest(
    clusters: Groups, chosen: NDArray[np.intp], pairs: NDArray[np.int32], agreement: Float
) -> Mask:
    """Return the members of the cluster that agrees most with itself, of at most half of all."""
    place = np.full(int(max(chosen.max(), pairs.max())) + 1, -1)
    place[chosen] = clusters
    first, second = place[pairs].T
    means = [
        agreement[(first == g) & (second == g)].mean()
        if 2 * (clusters == g).sum() <= len(clusters) and ((first == g) & (second == g)).any()
        else -np.inf
        for g in range(int(clusters.max(initial=-1)) + 1)
    ]
    best = int(np.argmax(means)) if means and max(means) > -np.inf else -2
    return np.asarray(clusters == best)


def join(group: Groups, pairs: NDArray[np.integer[Any]]) -> Groups:
    """Return the groups after those that a pair links have been made one.

    Examples
    --------
    >>> join(np.array([-1, 0, 0, -1, -1], dtype=np.int32), np.array([[2, 3]])).tolist()
    [-1, 0, 0, 0, -1]
    """
    size = len(group)
    members = np.flatnonzero(group >= 0)
    _, first = np.unique(group[members], return_index=True)
    head = members[first][np.unique(group[members], return_inverse=True)[1]]
    links = np.concatenate([np.asarray(pairs).reshape(-1, 2), np.stack([members, head], axis=1)])
    graph = coo_array((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(size, size))
    _, part = connected_components(graph, directed=False)
    number = np.full(size, -1, dtype=np.int32)
    several = np.flatnonzero(np.bincount(part, minlength=1) > 1)
    number[several] = np.arange(len(several))
    return np.asarray(number[part]) if size else np.zeros(0, dtype=np.int32)


def _beyond_chance(moments: PairMoments) -> Float:
    """Return the agreement of each pair beyond chance, as a share of what is possible."""
    seen = np.einsum("pyy->p", moments.blocks)
    chance = np.einsum("py,py->p", moments.blocks.sum(axis=2), moments.blocks.sum(axis=1))
    return np.divide(seen - chance, 1 - chance, out=np.zeros(len(seen)), where=chance < 1 - 1e-12)


def _clusters(annotations: Annotations, min_shared: int, n_jobs: int | None) -> DependentGroups:
    """Return clusters of annotators, found on some of the items where they are many."""
    compared = annotations.labels_per_item > 1
    n_labels = int(annotations.labels_per_item[compared].sum())
    place = np.floor(np.cumsum(compared) * min(_ENOUGH / max(n_labels, 1), 1.0))
    some = annotations.select(items=compared & (np.diff(place, prepend=0) > 0))
    model = DependentGroups(
        max_groups=_CLUSTERS, min_shared=min_shared, max_iter=_PASSES, tol=_NEAR, n_jobs=n_jobs
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(some)
