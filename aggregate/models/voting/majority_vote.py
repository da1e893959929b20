"""Majority vote: the share of the votes, with no assumption about who cast them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggregate.annotations import Annotations
from aggregate.models.voting._voting import BaseVote, Weights


class MajorityVote(BaseVote):
    """Soft labels that are the shares of the votes.

    Every vote counts the same. The baseline that any other model has to beat, and the best
    choice where annotators are equally good or have given a handful of labels each. The
    shares are no calibrated probabilities: three votes out of three are a share of one. It
    fails where annotators differ (a few experts among many who guess are outvoted) and where
    more of them are wrong than right.

    Parameters
    ----------
    unknown_annotators : {"prior", "ignore", "error"}
        In `predict_proba`: votes by annotators who were not in the fit count like any other,
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
    class_prior_ : ndarray of shape (K,)
        Mean of the items' shares; the soft label of items without a vote.
    annotator_skill_ : ndarray of shape (M,)
        Mean share of the votes that agreed with an annotator's labels, the own one included.
    probas_ : ndarray of shape (N, K)
        Shares of the votes.
    labels_ : ndarray of shape (N,)

    References
    ----------
    N. de Condorcet, Essai sur l'application de l'analyse a la probabilite des decisions
    rendues a la pluralite des voix, Imprimerie Royale, Paris, 1785 (when a majority of equally
    good judges is right).

    Examples
    --------
    >>> from aggregate import MajorityVote
    >>> model = MajorityVote().fit([["a", "a", "b"], ["b", "b", None]])
    >>> model.probas_.round(2)
    array([[0.67, 0.33],
           [0.  , 1.  ]])
    >>> model.labels_
    array(['a', 'b'], dtype=object)
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
        return Weights(np.ones(annotations.n_annotators))
