"""Soft labels as sure as they may be: any aggregator, calibrated on votes or on gold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import check_choice
from aggregate.annotations import Annotations
from aggregate.fusion import CorrelationBelief, average_posterior
from aggregate.fusion.gold_calibration import (
    apply_isotonic,
    apply_temperature,
    fit_isotonic,
    fit_temperature,
)
from aggregate.fusion.posterior import clamp
from aggregate.models._base import BaseAggregator
from aggregate.models._gold import as_given
from aggregate.models.ensembles._scores import log_scores, untempered
from aggregate.models.ensembles.correlation import estimate_correlation
from aggregate.models.structures import HierarchicalDawidSkene

Float = NDArray[np.float64]

METHODS = ("correlation", "temperature", "isotonic")


class Calibrated(BaseAggregator):
    r"""Soft labels of another aggregator, made as sure as experience allows.

    The posterior of a model that takes annotators for independent is far too sure. Here its
    log joints :math:`\ell_{ik}` (item i, class k) become probabilities in one of three ways.
    None of them needs to change which class is ahead, and none does.

    ``"correlation"``
        The mean of :math:`\mathrm{softmax}(\ell_i / (1 + (r_i - 1) \rho))`, with
        :math:`r_i` labels, over what is believed of the annotators' correlation ρ: what is
        plausible of any crowd, what the votes tell (`estimate_correlation`), and gold, each
        as far as there is any. The way to go without gold or with little.
    ``"temperature"``
        One power for all items, :math:`\mathrm{softmax}(\beta \ell_i)`, fitted on gold.
    ``"isotonic"``
        A monotone curve from the confidence of "correlation" without gold to the share of
        right items, fitted on gold; for hundreds of gold items.

    Gold calibrates a model that has not seen it; with gold, the soft labels are those of a
    second fit that has (and the gold items are held to it).

    It fails where the crowd as a whole is wrong about a kind of item: only gold shows that.

    Parameters
    ----------
    estimator : aggregator, optional
        By default a `HierarchicalDawidSkene`.
    method : {"correlation", "temperature", "isotonic"}
    use_votes : bool, default=True
        With "correlation", whether to learn ρ from the votes, which takes some refits.
    unknown_annotators, ties, n_jobs
        As of the estimator, on which they are imposed.
    random_state : int or Generator, default=0
        Seed of the split of the items that `estimate_correlation` makes, and of random ties.

    Attributes
    ----------
    estimator_ : aggregator
        The fitted estimator.
    annotator_correlation_ : float
        ρ as votes and gold suggest it.
    correlations_, correlation_weights_ : ndarray of shape (S,)
        What is believed of ρ, value by value; ``belief_`` is both as a `CorrelationBelief`.
    power_ : float
        With "temperature", β.
    curve_ : ndarray of shape (2, S)
        With "isotonic", confidences and the share of right items, in between linear.
    classes_, annotators_, items_, class_prior_, annotator_skill_, probas_, labels_
        As ever; ``confusion_`` where the estimator has it.
    n_iter_, converged_, objective_path_
        Of the estimator.
    gold_given_, gold_correct_ : ndarray of shape (M,)
        Labels on gold items, and how many of them were right.

    References
    ----------
    L. Kish, Survey Sampling, Wiley, 1965, section 8.2 (design effect).

    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, On calibration of modern neural networks,
    International Conference on Machine Learning, 2017, section 4.2 (temperature).

    B. Zadrozny and C. Elkan, Transforming classifier scores into accurate multiclass
    probability estimates, KDD 2002, section 3 (isotonic).

    Examples
    --------
    >>> from aggregate import Calibrated, DawidSkene
    >>> from aggregate import load_dataset
    >>> model = Calibrated(DawidSkene()).fit(load_dataset("anesthesia").annotations)
    >>> model.labels_[:4]
    array([1, 3, 2, 2])
    """

    def __init__(
        self,
        estimator: BaseAggregator | None = None,
        *,
        method: str = "correlation",
        use_votes: bool = True,
        unknown_annotators: str = "prior",
        ties: str = "prior",
        n_jobs: int | None = None,
        random_state: int | np.random.Generator | None = 0,
    ) -> None:
        self.estimator = estimator
        self.method = method
        self.use_votes = use_votes
        self.unknown_annotators = unknown_annotators
        self.ties = ties
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _fit(self, annotations: Annotations, gold: NDArray[np.int32] | None, **data: Any) -> None:
        check_choice("method", self.method, METHODS)
        if self.method != "correlation" and gold is None:
            raise ValueError(
                f"method={self.method!r} is fitted on gold, and there is none: give fit(…, gold=) "
                "or choose method='correlation'."
            )
        model = HierarchicalDawidSkene() if self.estimator is None else self.estimator
        blind = untempered(
            model, unknown_annotators=self.unknown_annotators, ties=self.ties, n_jobs=self.n_jobs
        ).fit(annotations)
        self._learn(annotations, log_scores(blind, annotations), gold)
        self.estimator_ = blind
        if gold is not None:
            known = as_given(gold, annotations)
            self.estimator_ = untempered(blind).fit(annotations, gold=known)
        for name in ("class_prior_", "confusion_", "annotator_skill_", "n_iter_", "converged_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
        self.objective_path_ = self.estimator_.objective_path_

    def _learn(
        self, annotations: Annotations, scores: Float, gold: NDArray[np.int32] | None
    ) -> None:
        """Fit the calibration on the scores of a model that has not seen the gold."""
        belief = CorrelationBelief.plausible()
        if self.use_votes and self.method != "temperature":
            belief = estimate_correlation(annotations, random_state=self.random_state)
        if gold is not None:
            if self.method == "correlation":
                belief = belief.observe_gold(scores, annotations.labels_per_item, gold)
            elif self.method == "temperature":
                self.power_ = fit_temperature(scores, gold)
            else:
                probas = average_posterior(annotations, scores, belief, n_jobs=self.n_jobs)
                self.curve_ = fit_isotonic(probas, gold)
        self.correlations_, self.correlation_weights_ = belief.values, belief.weights
        self.annotator_correlation_ = belief.mean

    @property
    def belief_(self) -> CorrelationBelief:
        """What was believed of the annotators' correlation in the end."""
        return CorrelationBelief(self.correlations_, self.correlation_weights_)

    def _soft_labels(self, annotations: Annotations, gold: NDArray[np.int32] | None) -> Float:
        scores = log_scores(self.estimator_, annotations)
        if self.method == "temperature":
            return clamp(apply_temperature(scores, self.power_), gold)
        probas = average_posterior(annotations, scores, self.belief_, n_jobs=self.n_jobs)
        if self.method == "isotonic":
            probas = apply_isotonic(probas, self.curve_)
        return clamp(probas, gold)

    def _log_likelihood(self, annotations: Annotations) -> Float:
        return self.estimator_._log_likelihood(annotations)
