"""The weighted vote with log-odds weights: optimal once the annotators' accuracies are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._encoding import match
from aggregate._validation import check_choice, first_few
from aggregate.annotations import Annotations
from aggregate.fusion import vote_shares
from aggregate.fusion.posterior import clamp
from aggregate.models.voting._agreement import agreement_table, fit_rank_one
from aggregate.models.voting._coins import Coins, OneCoinModel
from aggregate.models.voting._voting import accuracies, winners

Float = NDArray[np.float64]


class LogOddsVote(OneCoinModel):
    r"""Soft labels from one vote weighted by the log odds of each annotator's accuracy.

    If annotator j is right with probability :math:`p_j`, independently of the others, and
    wrong labels are spread evenly over the K - 1 other classes, the class that is least often
    wrong wins the vote with the weights

    .. math:: w_j = \log \frac{(K - 1) \, p_j}{1 - p_j},

    negative for those worse than chance. The accuracies come from one of

    - agreement of pairs (``accuracies="agreement"``): the chance-corrected agreement
      :math:`c_{jl} = (K P(y_j = y_l) - 1) / (K - 1)` equals :math:`s_j s_l` with
      :math:`s_j = (K p_j - 1) / (K - 1)`; the :math:`s_j` minimise the squared error over all
      pairs weighted by their labels in common. One vote from such a start already has the
      best possible exponent of the error rate;
    - agreement with the majority vote (``"votes"``), which flatters careless crowds;
    - the user (an array or a mapping).

    It fails where annotators have habits rather than one accuracy (then `DawidSkene`), where
    they copy each other, and, without given accuracies, where most are worse than chance.

    Parameters
    ----------
    accuracies : {"agreement", "votes"}, array of shape (M,) or mapping annotator -> accuracy
        Where accuracies come from. Annotators that a mapping does not name get the mean.
    class_prior : "uniform", "learned", array of shape (K,) or mapping class -> probability
        How often each class is true; "uniform" is the plain weighted vote.
    annotator_correlation : float, default=0.4
        ρ of `aggregate.fusion.posterior`; it changes no label.
    unknown_annotators : {"prior", "ignore", "error"}
        In `predict_proba`: labels by annotators who were not in the fit count with the mean
        accuracy, do not count, or are refused.
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
    confusion_ : ndarray of shape (M, K, K)
        ``confusion_[j, k, y]`` = P(annotator j says y | truth k).
    class_prior_ : ndarray of shape (K,)
    annotator_skill_ : ndarray of shape (M,)
        The accuracies, kept half a label away from 0 and 1.
    probas_ : ndarray of shape (N, K)
    labels_ : ndarray of shape (N,)
    n_iter_ : int
        Sweeps of the least-squares fit; 1 for the others.
    converged_ : bool

    References
    ----------
    N. Littlestone and M. K. Warmuth, The weighted majority algorithm, Information and
    Computation 108(2):212-261, 1994.

    C. Gao, Y. Lu and D. Zhou, Exact exponent in optimal rates for crowdsourcing, ICML 2016,
    section 4.

    Examples
    --------
    >>> from aggregate import LogOddsVote
    >>> votes = [[0, 1, 1], [1, 0, 0], [1, 1, 1]]
    >>> LogOddsVote(accuracies=[0.9, 0.6, 0.6]).fit(votes).labels_
    array([0, 1, 1])
    """

    def __init__(
        self,
        *,
        accuracies: Any = "agreement",
        class_prior: Any = "uniform",
        annotator_correlation: float = 0.4,
        unknown_annotators: str = "prior",
        ties: str = "prior",
        n_jobs: int | None = None,
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        self.accuracies = accuracies
        self.class_prior = class_prior
        self.annotator_correlation = annotator_correlation
        self.unknown_annotators = unknown_annotators
        self.ties = ties
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _learn_accuracies(self, annotations: Annotations, gold: NDArray[np.int32] | None) -> Coins:
        if not isinstance(self.accuracies, str):
            return Coins(_read(self.accuracies, annotations))
        check_choice("accuracies", self.accuracies, ("agreement", "votes"))
        shares = vote_shares(annotations, n_jobs=self.n_jobs)
        by_vote = accuracies(annotations, clamp(winners(shares), gold))
        n_classes = annotations.n_classes
        if self.accuracies == "votes" or n_classes == 1:
            return Coins(by_vote)
        pairs = agreement_table(annotations)
        fit = fit_rank_one(pairs, low=-1 / (n_classes - 1))
        accuracy = ((n_classes - 1) * fit.skill + 1) / n_classes
        alone = np.diff(pairs.pointers) == 0
        accuracy[alone] = by_vote[alone]  # nobody to compare with
        return Coins(accuracy, fit.n_iter, fit.converged)


def _read(given: Any, annotations: Annotations) -> Float:
    """Return the user's accuracies in the annotators' order."""
    n_annotators = annotations.n_annotators
    if isinstance(given, Mapping):
        names = np.empty(len(given), dtype=object)
        names[:] = list(given)
        place = match(names, annotations.annotators)
        values = np.array(list(given.values()), dtype=np.float64)
        if (place < 0).all():
            raise ValueError(
                f"accuracies names no annotator of the votes: {first_few(names)} against "
                f"{first_few(annotations.annotators)}."
            )
        accuracy = np.full(n_annotators, values[place >= 0].mean())
        accuracy[place[place >= 0]] = values[place >= 0]
    else:
        accuracy = np.array(given, dtype=np.float64)
    if accuracy.shape != (n_annotators,):
        raise ValueError(
            f"accuracies must hold one number for each of the {n_annotators} annotators; got "
            f"shape {accuracy.shape}."
        )
    wrong = ~((accuracy >= 0) & (accuracy <= 1))
    if wrong.any():
        raise ValueError(
            "accuracies must lie between 0 and 1; wrong for the annotators "
            f"{first_few(annotations.annotators[wrong])}."
        )
    return accuracy
