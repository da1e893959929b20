"""Which annotators may share their mistakes: the score matrix and its spectral clusters."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import SpectralClustering

from aggregate._blocks import fill_blocks
from aggregate.annotations import Annotations
from aggregate.kernels.groups import pair_scores
from aggregate.moments import pair_moments

Float = NDArray[np.float64]
Groups = NDArray[np.int32]

_ROWS_AT_ONCE = 8


def score_matrix(annotations: Annotations, *, min_shared: int, n_jobs: int | None = None) -> Float:
    r"""Return how far each pair of annotators breaks independence given the truth, (M, M).

    With two classes, independent annotators have label correlations
    :math:`r_{ij} = v_i v_j`, so :math:`r_{ij} r_{kl} = r_{il} r_{kj}` for any four; if i and j
    share a source of mistakes, that fails for nearly all k and l. The score of (i, j) is the
    mean of :math:`|r_{ij} r_{kl} - r_{il} r_{kj}|`. With more classes, the scores of "this
    class or another" are added over the classes: exact where a wrong label is as likely for
    each of the other classes, an approximation else.

    Parameters
    ----------
    annotations : Annotations
    min_shared : int
        Common items that a pair must have to count.
    n_jobs : int, optional
        Threads.
    """
    n_annotators = annotations.n_annotators
    moments = pair_moments(annotations, n_jobs=n_jobs)
    moments = moments.select(moments.totals >= min_shared)
    first, second = moments.pairs.T
    edges = np.arange(0, n_annotators + _ROWS_AT_ONCE, _ROWS_AT_ONCE).clip(max=n_annotators)
    total = np.zeros((n_annotators, n_annotators))
    n_classes = annotations.n_classes
    for k in range(1 if n_classes == 2 else 0, n_classes):
        correlation = np.full_like(total, np.nan)
        correlation[first, second] = correlation[second, first] = _correlations(moments.blocks, k)
        scores = np.empty_like(total)

        def rows(start: int, stop: int, known: Float = correlation, out: Float = scores) -> None:
            pair_scores(known, start, stop, out)

        fill_blocks(rows, np.unique(edges), n_jobs)
        total += scores
    return (total + total.T) / 2


def _correlations(blocks: Float, k: int) -> Float:
    """Return each pair's correlation of saying class k; 0 where one of them never varies."""
    both = blocks[:, k, k]
    one, other = blocks[:, k].sum(axis=1), blocks[:, :, k].sum(axis=1)
    spread = np.sqrt(one * (1 - one) * other * (1 - other))
    return np.divide(both - one * other, spread, out=np.zeros(len(both)), where=spread > 1e-12)


def partitions(scores: Float, most: int) -> Iterator[Groups]:
    """Yield partitions of the annotators into 2, 3, … groups, by spectral clustering.

    A group of one is no group: its annotator is marked -1. Annotators without any score
    are left out of the clustering.
    """
    known = np.flatnonzero(scores.any(axis=1))
    affinity = scores[np.ix_(known, known)]
    affinity = affinity / max(affinity.max(initial=0.0), 1e-300)
    seen = set()
    for n_groups in range(2, min(most, len(known) - 1) + 1):
        clustering = SpectralClustering(
            n_groups, affinity="precomputed", assign_labels="cluster_qr", random_state=0
        )
        with warnings.catch_warnings():  # a graph in pieces is no trouble: pieces are groups
            warnings.simplefilter("ignore", UserWarning)
            found = clustering.fit_predict(affinity)
        groups = np.full(len(scores), -1, dtype=np.int32)
        groups[known] = found
        groups = drop_single(groups)
        if groups.tobytes() not in seen:
            seen.add(groups.tobytes())
            yield groups


def drop_single(groups: Groups) -> Groups:
    """Return the groups numbered by their first member, -1 in place of groups of one.

    Examples
    --------
    >>> drop_single(np.array([5, 2, 5, 1, 2, -1], dtype=np.int32)).tolist()
    [0, 1, 0, -1, 1, -1]
    """
    numbered = np.full(len(groups), -1, dtype=np.int32)
    names, starts, sizes = np.unique(groups, return_index=True, return_counts=True)
    order = np.argsort(starts)
    kept = [g for g in order if names[g] >= 0 and sizes[g] > 1]
    for number, g in enumerate(kept):
        numbered[groups == names[g]] = number
    return numbered
