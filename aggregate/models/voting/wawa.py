"""Wawa: worker agreement with the aggregate, one vote to judge, a second one weighted by it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggregate.annotations import Annotations
from aggregate.models.voting._voting import BaseVote, Weights, accuracies


class Wawa(BaseVote):
    """Soft labels from votes weighted by each annotator's agreement with the majority.

    Take a majority vote; give every annotator the share of their labels that agree with it as
    a weight; vote again. Where classes tie in the first vote, each gets its part of the
    agreement, so that the outcome depends on no order (with ``ties="first"``, the first class
    takes it all). A step up from `MajorityVote` where some
    annotators are careless. It fails where one kind of mistake is likelier than
    another, which one weight cannot say, and where the majority is wrong, which it trusts.

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
    annotator_weight_ : ndarray of shape (M,)
        Agreement with the first vote.
    annotator_skill_ : ndarray of shape (M,)
        Mean share of the weighted votes that an annotator's labels received.
    class_prior_ : ndarray of shape (K,)
    probas_ : ndarray of shape (N, K)
    labels_ : ndarray of shape (N,)

    References
    ----------
    Appen, Worker agreement with aggregate (Wawa), platform documentation; as implemented in
    D. Ustalov, N. Pavlichenko and B. Tseitlin, Learning from crowds with Crowd-Kit, Journal
    of Open Source Software 9(96):6227, 2024.

    Examples
    --------
    >>> from aggregate import Wawa
    >>> votes = [[0, 0, 1], [1, 1, 0], [0, 0, 0], [1, -1, 0]]
    >>> Wawa().fit(votes).annotator_weight_.round(2)
    array([0.88, 1.  , 0.38])
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

    def _learn_weights(self, annotations: Annotations, gold: NDArray[np.int32] | None) -> Weights:
        return Weights(accuracies(annotations, self._consensus(annotations, None, gold)))
