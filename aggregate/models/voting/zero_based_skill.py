"""Zero-based skill: a weighted vote whose weights move step by step to the agreement with it."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.models.voting._voting import BaseVote, Weights, accuracies


class ZeroBasedSkill(BaseVote):
    r"""Soft labels from a vote weighted by skills that follow the agreement with its winners.

    Everybody starts with the skill of a guess among K classes, :math:`s_j = 1/K`. In round t,
    vote with the skills as weights and move every skill towards the share :math:`a_j(s)` of
    annotator j's labels that agree with the winners:

    .. math:: s_j \leftarrow s_j + \eta_t \, (a_j(s) - s_j), \qquad
              \eta_t = \eta \, \kappa^{\lfloor t / \tau \rfloor},

    with learning rate :math:`\eta`, reduced by the factor :math:`\kappa` every :math:`\tau`
    rounds. It stops at a fixed point, where every skill is the agreement. Where classes tie,
    each gets its part of the agreement, so that the outcome depends on no order (with
    ``ties="first"``, the first class takes it all).

    The first round is `Wawa`. The later ones reinforce whoever leads: it fails where a
    majority is wrong, and cannot use systematic mistakes, as a bad annotator's weight never
    becomes negative.

    Parameters
    ----------
    max_iter : int, default=100
        Most rounds.
    tol : float, default=1e-9
        Stop when no skill is farther than this from its agreement.
    learning_rate : float, default=1.0
        :math:`\eta`, above 0 and at most 1.
    reduce_every : int, default=20
        :math:`\tau`.
    reduce_by : float, default=0.5
        :math:`\kappa`, above 0 and at most 1.
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
        The skills.
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
    D. Ustalov, N. Pavlichenko and B. Tseitlin, Learning from crowds with Crowd-Kit, Journal
    of Open Source Software 9(96):6227, 2024.

    Examples
    --------
    >>> from aggregate import ZeroBasedSkill
    >>> votes = [[0, 0, 1], [1, 1, 0], [0, 0, 0], [1, -1, 0]]
    >>> ZeroBasedSkill().fit(votes).annotator_weight_.round(2)
    array([1.  , 1.  , 0.25])
    """

    def __init__(
        self,
        *,
        max_iter: int = 100,
        tol: float = 1e-9,
        learning_rate: float = 1.0,
        reduce_every: int = 20,
        reduce_by: float = 0.5,
        unknown_annotators: str = "prior",
        ties: str = "prior",
        n_jobs: int | None = None,
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        self.max_iter = max_iter
        self.tol = tol
        self.learning_rate = learning_rate
        self.reduce_every = reduce_every
        self.reduce_by = reduce_by
        self.unknown_annotators = unknown_annotators
        self.ties = ties
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _check_parameters(self) -> None:
        check_number("max_iter", self.max_iter, low=1, integer=True)
        check_number("tol", self.tol, low=0)
        check_number("learning_rate", self.learning_rate, low=0, high=1, low_open=True)
        check_number("reduce_every", self.reduce_every, low=1, integer=True)
        check_number("reduce_by", self.reduce_by, low=0, high=1, low_open=True)

    def _learn_weights(self, annotations: Annotations, gold: NDArray[np.int32] | None) -> Weights:
        self._check_parameters()
        skill = np.full(annotations.n_annotators, 1 / annotations.n_classes)
        for n_iter in range(1, self.max_iter + 1):
            rate = self.learning_rate * self.reduce_by ** (n_iter // self.reduce_every)
            agreed = accuracies(annotations, self._consensus(annotations, skill, gold))
            if abs(agreed - skill).max(initial=0.0) <= self.tol:
                return Weights(skill, n_iter, True)
            skill = skill + rate * (agreed - skill)
        warnings.warn(
            f"the skills were still more than tol={self.tol:g} from the agreement with the vote "
            f"after max_iter={self.max_iter} rounds; raise max_iter or tol, or use ZenCrowd if "
            "they go round in circles.",
            ConvergenceWarning,
            stacklevel=5,
        )
        return Weights(skill, self.max_iter, False)
