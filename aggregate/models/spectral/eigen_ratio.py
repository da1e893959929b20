"""Dalvi, Dasgupta, Kumar and Rastogi: skills as the ratio of two leading eigenvectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from aggregate.annotations import Annotations
from aggregate.models.spectral._leading import leading_eigenvector, mostly_positive
from aggregate.models.spectral._thresholds import Direction, ThresholdVote
from aggregate.models.voting._agreement import PairTable, agreement_table

Float = NDArray[np.float64]


class EigenRatio(ThresholdVote):
    r"""Soft labels of two classes from skills that explain who agrees with whom.

    With labels :math:`u_{ij} = \pm 1` and annotators who are right with probability
    :math:`p_j`, the mean product of two annotators' labels over the items they share is

    .. math:: C_{jl} = E[u_{ij} u_{il}] = (2 p_j - 1)(2 p_l - 1),

    known where the pair shares an item, :math:`G_{jl} = 1`, and taken as zero elsewhere. The
    leading eigenvector of that table is about the skill times the leading eigenvector of G,
    so the weights are the ratio of the two, element by element. Annotators who are connected
    by no chain of shared items are compared only among themselves, group by group.

    With more than two classes, the order of the classes matters: K - 1 questions ("is the
    class above c?") are answered one by one, and the first one answered no decides. This
    suits ordinal classes only; renaming classes in another order changes the outcome.

    It fails when classes are unequal and annotators biased, and where pairs share few items:
    all pairs count alike, however little is known of them.

    Parameters
    ----------
    unknown_annotators : {"prior", "ignore", "error"}
        In `predict_proba`: votes by annotators who were not in the fit get the mean weight,
        do not count, or are refused.
    ties : {"prior", "first", "random"}
        See `aggregate.fusion.decide`.
    n_jobs : int, optional
        Threads; -1 for all processors.
    random_state : int or Generator, optional
        Seed of random ties.

    Attributes
    ----------
    classes_, annotators_, items_ : ndarray
        What the axes stand for.
    annotator_weight_ : ndarray of shape (K - 1, M)
        Weight of each annotator on each question.
    offset_ : ndarray of shape (K - 1,)
        Zeros.
    annotator_skill_ : ndarray of shape (M,)
        Mean soft label that an annotator's labels received.
    class_prior_ : ndarray of shape (K,)
        Mean of the soft labels.
    probas_ : ndarray of shape (N, K)
    labels_ : ndarray of shape (N,)

    References
    ----------
    N. Dalvi, A. Dasgupta, R. Kumar and V. Rastogi, Aggregating crowdsourced binary ratings,
    WWW 2013, pages 285-294, algorithm 2.

    Examples
    --------
    >>> from aggregate import EigenRatio
    >>> votes = [[0, 0, 1], [1, 1, 0], [0, 0, 0], [1, 1, 0], [1, 1, 1]]
    >>> EigenRatio().fit(votes).labels_
    array([0, 1, 0, 1, 1])
    """

    def __init__(
        self,
        *,
        unknown_annotators: str = "prior",
        ties: str = "prior",
        n_jobs: int | None = None,
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        self.unknown_annotators = unknown_annotators
        self.ties = ties
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _direction(self, votes: Annotations) -> Direction | None:
        pairs = agreement_table(votes)
        if not len(pairs.value):
            return None
        _, group = connected_components(pairs.matrix(np.ones(len(pairs.value))), directed=False)
        order = np.argsort(group, kind="stable")
        ends = np.cumsum(np.bincount(group))
        weight = np.ones(votes.n_annotators)  # that of an annotator who shares no item
        for first, last in zip(np.append(0, ends[:-1]), ends, strict=True):
            if last - first > 1:
                members = order[first:last]
                weight[members] = _ratio(pairs, members)
        return Direction(weight) if weight.any() else None


def _ratio(pairs: PairTable, members: NDArray[np.int64]) -> Float:
    """Return the ratio of the leading eigenvectors of agreement and graph, for one group."""
    agreed = pairs.matrix(pairs.value)[members][:, members]
    linked = pairs.matrix(np.ones(len(pairs.value)))[members][:, members]
    size = len(members)
    # Annotators agree with themselves and are linked to themselves: a one on each diagonal.
    top = leading_eigenvector(lambda x: agreed @ x + x, size)
    base = leading_eigenvector(lambda x: linked @ x + x, size)
    if top is None or base is None:
        return np.zeros(size)
    ratio = np.divide(top, base, out=np.zeros(size), where=base > 1e-9 * base.max())
    return mostly_positive(ratio)
