"""The model to take when nobody knows which: a few of different kinds, averaged."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.fusion import CorrelationBelief, average_posterior
from aggregate.fusion.posterior import clamp
from aggregate.models._confusion_model import ConfusionModel
from aggregate.models._gold import as_given
from aggregate.models._gold_start import is_contradicted
from aggregate.models.bayesian import CBCC, EBCC, MACE
from aggregate.models.ensembles._explanation import explain, tell_changes
from aggregate.models.ensembles._residuals import Residuals
from aggregate.models.ensembles._scores import log_scores
from aggregate.models.ensembles._surprise import surprise_per_item, weights_of
from aggregate.models.ensembles.correlation import belief_of, cross_examine
from aggregate.models.structures import (
    HierarchicalDawidSkene,
    OneCoinDawidSkene,
    PooledDawidSkene,
)
from aggregate.models.structures.one_coin import lost_classes

Float = NDArray[np.float64]

_SHARES = {  # a third for each answer to how annotators differ
    "hierarchical": 1 / 9,
    "cbcc": 1 / 9,
    "ebcc": 1 / 9,
    "mace": 1 / 6,
    "one-coin": 1 / 6,
    "pooled": 1 / 3,
}
_SUBTYPES = 10
_CRAWL = 1e-5  # tolerance at which subtypes that die out for hundreds of passes are given up
_LARGEST = 50_000_000  # cells of the table that EBCC begins with
_CONTRADICTED = "Gold contradicts what the votes suggest; annotators are judged by gold first."


class _QuietOneCoin(OneCoinDawidSkene):
    """The same without the warning: `Auto` looks for lost classes itself."""

    def _fit(self, annotations: Annotations, gold: NDArray[np.int32] | None, **data: Any) -> None:
        super(OneCoinDawidSkene, self)._fit(annotations, gold, **data)

    def publish(self) -> OneCoinDawidSkene:
        """Return the fitted model as what users know."""
        model = OneCoinDawidSkene()
        model.__dict__.update(vars(self))
        return model


class Auto(ConfusionModel):
    r"""Soft labels from votes by the mean of six models that fail in different ways.

    No criterion that sees votes alone picks the best model: likelihood, held-out labels
    included, prefers full confusion matrices even where annotators share their mistakes and
    one number per annotator finds more of the truth. So nothing is picked. How annotators
    differ has three answers, with a third of the weight each:

    - by a confusion matrix each, shrunk to what is usual in the crowd
      (`HierarchicalDawidSkene`), in a community (`CBCC`), or not at all, with subtypes of items
      that fool many alike (`EBCC`);
    - by one number each (`OneCoinDawidSkene`, and `MACE` with a habit for the rest);
    - not at all (`PooledDawidSkene`).

    Every weight is multiplied by the probability that the model gives to the labels of one
    item it has not seen (geometric mean over items, each label foretold from the others of
    its item): evidence enough to discount what is plainly wrong of a crowd, and not enough to
    pick. The posteriors are averaged, each made as sure as the votes allow
    (`estimate_correlation`). A model that all but removes a class which many votes name is
    left out; so is `EBCC` where annotators and classes are so many that it would need
    gigabytes. Gold, if any, sharpens the correlation by a fit that has not seen it, and then
    joins the fits.

    What was done stands in ``explanation_``. It fails where every model does: a crowd that
    is wrong together, or mostly adversarial.

    Parameters
    ----------
    max_iter : int, default=1000
        Most passes over the votes, per model.
    tol : float, default=1e-6
        Of each model; `EBCC` stops at 1e-5 if that is sooner.
    unknown_annotators : {"prior", "ignore", "error"}
        In `predict_proba`: annotators who were not in the fit count as each model expects,
        do not count, or are refused.
    ties : {"prior", "first", "random"}
        See `aggregate.fusion.decide`.
    n_jobs : int, optional
        Threads; -1 for all processors. Results are the same to the last bit.
    random_state : int or Generator, default=0
        Seed of the splits of the items on which models are judged, of the start of `EBCC`, and
        of random ties.
    verbose : bool, default=False
        Show a progress bar over the models.

    Attributes
    ----------
    members_ : dict of str to aggregator
        The fitted models that take part.
    member_weights_ : ndarray
        Their weights, in the same order; they sum to one.
    explanation_ : list of str
        What was done and why, in sentences.
    annotator_correlation_ : float
        The correlation of the annotators' errors that votes and gold suggest.
    correlations_, correlation_weights_ : ndarray of shape (S,)
        What is believed of it, value by value; ``belief_`` is both as a `CorrelationBelief`.
    confusion_ : ndarray of shape (M, K, K)
        The weighted mean of the members', without the one that knows no differences between
        annotators where the votes clearly tell of some.
    annotator_skill_ : ndarray of shape (M,)
        That of the mean.
    class_prior_ : ndarray of shape (K,)
        The weighted mean of the members'.
    classes_, annotators_, items_ : ndarray
        What the axes stand for.
    probas_ : ndarray of shape (N, K)
        Soft labels of the fitted items.
    labels_ : ndarray of shape (N,)
    n_iter_ : int
        Most passes that a member took.
    converged_ : bool
        Whether all did.
    objective_path_ : ndarray
        Of the first member.
    gold_given_, gold_correct_ : ndarray of shape (M,)
        Labels on gold items, and how many of them were right.

    References
    ----------
    J. A. Hoeting, D. Madigan, A. E. Raftery and C. T. Volinsky, Bayesian model averaging: a
    tutorial, Statistical Science 14(4):382-417, 1999 (why to average; the weights there are
    those of all items' evidence).

    Y. Yao, A. Vehtari, D. Simpson and A. Gelman, Using stacking to average Bayesian predictive
    distributions, Bayesian Analysis 13(3):917-1007, 2018, section 3.4 (weights by the
    held-out probability of all items).

    Examples
    --------
    >>> from aggregate import Auto
    >>> votes = [[0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 1, 0], [0, 0, -1]]
    >>> model = Auto().fit(votes)
    >>> model.labels_
    array([0, 1, 0, 1, 0])
    >>> list(model.members_)
    ['hierarchical', 'cbcc', 'ebcc', 'mace', 'one-coin', 'pooled']
    """

    def __init__(
        self,
        *,
        max_iter: int = 1000,
        tol: float = 1e-6,
        unknown_annotators: str = "prior",
        ties: str = "prior",
        n_jobs: int | None = None,
        random_state: int | np.random.Generator | None = 0,
        verbose: bool = False,
    ) -> None:
        self.max_iter = max_iter
        self.tol = tol
        self.unknown_annotators = unknown_annotators
        self.ties = ties
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _fit(self, annotations: Annotations, gold: NDArray[np.int32] | None, **data: Any) -> None:
        check_number("max_iter", self.max_iter, low=1, integer=True)
        check_number("tol", self.tol, low=0)
        random = np.random.default_rng(self.random_state)
        residuals = cross_examine(annotations, random)
        belief = belief_of(residuals)
        members = self._members(annotations, int(random.integers(2**31)))
        surprise = surprise_per_item(annotations, members, random)
        contradicted = False
        if gold is not None:
            judged = self._fitted(members, annotations, None)[0]
            contradicted = is_contradicted(judged["hierarchical"], annotations, gold)
            if contradicted:  # what is wrong with those, no correlation explains
                judged = self._fitted(members, annotations, gold)[0]
            scores = [log_scores(model, annotations) for model in judged.values()]
            weights = list(_weights(judged, surprise).values())
            mean = np.average(scores, axis=0, weights=weights)
            belief = belief.observe_gold(mean, annotations.labels_per_item, gold)
        self.correlations_, self.correlation_weights_ = belief.values, belief.weights
        self.members_, left_out = self._fitted(members, annotations, gold)
        self.member_weights_ = np.array(list(_weights(self.members_, surprise).values()))
        self.annotator_correlation_ = belief.mean
        fitted = list(self.members_.values())
        telling = [
            name != "pooled" or not residuals.annotators_differ or len(fitted) == 1
            for name in self.members_
        ]
        shares = telling * self.member_weights_
        confusion = np.average([model.confusion_ for model in fitted], axis=0, weights=shares)
        self._keep_confusions(confusion, self._mean([model.class_prior_ for model in fitted]))
        self.n_iter_ = max(model.n_iter_ for model in fitted)
        self.converged_ = all(model.converged_ for model in fitted)
        self.objective_path_ = fitted[0].objective_path_
        self.explanation_ = self._explain(annotations, residuals, left_out, gold)
        if "ebcc" not in members:
            self.explanation_.insert(1, "Ebcc is left out: it would need gigabytes.")
        if contradicted:
            self.explanation_.insert(1, _CONTRADICTED)

    def _members(self, annotations: Annotations, seed: int) -> dict[str, ConfusionModel]:
        """Return the models to fit."""
        how: dict[str, Any] = {
            "max_iter": self.max_iter,
            "tol": self.tol,
            "annotator_correlation": 0.0,
            "unknown_annotators": self.unknown_annotators,
            "n_jobs": self.n_jobs,
        }
        members: dict[str, ConfusionModel] = {
            "hierarchical": HierarchicalDawidSkene(**how),
            "cbcc": CBCC(**how),
        }
        cells = annotations.n_annotators * annotations.n_classes**2 * _SUBTYPES
        if cells <= _LARGEST:
            sooner = how | {"tol": max(self.tol, _CRAWL)}
            members["ebcc"] = EBCC(n_subtypes=_SUBTYPES, n_init=1, random_state=seed, **sooner)
        members["mace"] = MACE(n_init=1, **how)  # from the vote: other starts are drawn
        members["one-coin"] = _QuietOneCoin(**how)
        members["pooled"] = PooledDawidSkene(**how)
        return members

    def _fitted(
        self,
        members: dict[str, ConfusionModel],
        annotations: Annotations,
        gold: NDArray[np.int32] | None,
    ) -> tuple[dict[str, ConfusionModel], list[str]]:
        """Return the fitted models that keep all classes, and the names of the others."""
        kept: dict[str, ConfusionModel] = {}
        left_out = []
        known = None if gold is None else as_given(gold, annotations)
        bar = tqdm(members.items(), "Auto", disable=not self.verbose, unit="model")
        for name, model in bar:
            model.fit(annotations, gold=known)
            if name != "hierarchical" and lost_classes(annotations, model.class_prior_).any():
                left_out.append(name)
            else:
                kept[name] = model.publish() if isinstance(model, _QuietOneCoin) else model
        return kept, left_out

    def _explain(
        self,
        annotations: Annotations,
        residuals: Residuals,
        left_out: list[str],
        gold: NDArray[np.int32] | None,
    ) -> list[str]:
        weights = dict(zip(self.members_, self.member_weights_.tolist(), strict=True))
        probas = self._soft_labels(annotations, None)
        return [
            *explain(weights, left_out, residuals, self.belief_, gold),
            tell_changes(annotations, probas, self.class_prior_),
        ]

    @property
    def belief_(self) -> CorrelationBelief:
        """What is believed of the annotators' correlation."""
        return CorrelationBelief(self.correlations_, self.correlation_weights_)

    def _soft_labels(self, annotations: Annotations, gold: NDArray[np.int32] | None) -> Float:
        total = np.zeros((annotations.n_items, len(self.classes_)))
        for model, weight in zip(self.members_.values(), self.member_weights_, strict=True):
            scores = log_scores(model, annotations)
            soft = average_posterior(annotations, scores, self.belief_, n_jobs=self.n_jobs)
            total += weight * soft
        return clamp(total / total.sum(axis=1, keepdims=True), gold)

    def _stranger(self) -> Float:
        return self._mean([model._stranger() for model in self.members_.values()])

    def _mean(self, of_members: list[Float]) -> Float:
        return np.asarray(np.average(of_members, axis=0, weights=self.member_weights_))


def _weights(members: dict[str, ConfusionModel], surprise: dict[str, float]) -> dict[str, float]:
    return weights_of({name: _SHARES[name] for name in members}, surprise)
