"""Iterative weighted majority vote: judge annotators by the vote, vote again, until it stays."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.models.voting._voting import BaseVote, Weights, accuracies

Float = NDArray[np.float64]


class IterativeWeightedVote(BaseVote):
    r"""Soft labels from a weighted vote whose weights follow from its own outcome.

    Starting from equal weights, repeat: vote; take each annotator's agreement :math:`a_j`
    with the winners as an estimate of their accuracy; weigh them by

    .. math:: w_j = \max(0, (K a_j - 1) / (K - 1)),

    which is 1 for the perfect and 0 for those no better than chance among K classes. (The
    first-order form of the optimal log-odds weight: it has no pole at an accuracy of 1.) It
    stops when no winner changes. Tied winners share the agreement, unless ``ties="first"``
    gives it to the first. Fast and hard to beat where annotators differ in one number only. It
    fails where mistakes are systematic: it gives such annotators no weight, although they tell
    much.

    Parameters
    ----------
    max_iter : int, default=100
        Most rounds.
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
        Weights of the last vote.
    annotator_skill_ : ndarray of shape (M,)
        Mean share of the weighted votes that an annotator's labels received.
    class_prior_ : ndarray of shape (K,)
    probas_ : ndarray of shape (N, K)
    labels_ : ndarray of shape (N,)
    n_iter_ : int
        Rounds.
    converged_ : bool

    References
    ----------
    H. Li and B. Yu, Error rate bounds and iterative weighted majority voting for
    crowdsourcing, arXiv:1411.4086, 2014, algorithm 1.

    Examples
    --------
    >>> from aggregate import IterativeWeightedVote
    >>> votes = [[0, 0, 1, 1], [1, 1, 0, 1], [0, 0, 0, 1], [1, 1, 0, 0]]
    >>> model = IterativeWeightedVote().fit(votes)
    >>> model.labels_
    array([0, 1, 0, 1])
    """

    def __init__(
        self,
        *,
        max_iter: int = 100,
        unknown_annotators: str = "prior",
        ties: str = "prior",
        n_jobs: int | None = None,
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        self.max_iter = max_iter
        self.unknown_annotators = unknown_annotators
        self.ties = ties
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _learn_weights(self, annotations: Annotations, gold: NDArray[np.int32] | None) -> Weights:
        check_number("max_iter", self.max_iter, low=1, integer=True)
        weight = np.ones(annotations.n_annotators)
        consensus = self._consensus(annotations, weight, gold)
        for n_iter in range(1, self.max_iter + 1):
            weight = _weight(accuracies(annotations, consensus), annotations.n_classes)
            following = self._consensus(annotations, weight, gold)
            if np.array_equal(following, consensus):
                return Weights(weight, n_iter, True)
            consensus = following
        warnings.warn(
            f"the winners of the vote still changed after max_iter={self.max_iter} rounds; raise "
            "max_iter, or use DawidSkene if they go round in circles.",
            ConvergenceWarning,
            stacklevel=5,
        )
        return Weights(weight, self.max_iter, False)


def _weight(accuracy: Float, n_classes: int) -> Float:
    """Return the vote's weight; equal weights where nobody is better than chance."""
    if n_classes == 1:
        return np.ones_like(accuracy)
    weight = np.maximum((n_classes * accuracy - 1) / (n_classes - 1), 0.0)
    return weight if weight.any() else np.ones_like(accuracy)
