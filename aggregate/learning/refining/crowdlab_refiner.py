"""Labels refined by the classifier that is trained on them, which votes as one annotator more."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from aggregate._validation import check_choice, check_number, check_number_or_auto
from aggregate.annotations import Annotations
from aggregate.fusion import decide
from aggregate.learning._crowd_summary import confusions_of
from aggregate.learning.refining._classifier_posterior import classifier_posterior
from aggregate.learning.refining._refiner import Gold, Refiner
from aggregate.learning.soft_labels._targets import one_hot
from aggregate.learning.soft_labels._temperature import best_temperature, scale
from aggregate.learning.soft_labels.out_of_fold import OutOfFold
from aggregate.models import CrowdLab, MajorityVote
from aggregate.models._gold import as_given
from aggregate.models.voting._voting import winners

Float = NDArray[np.float64]


class CrowdLabRefiner(Refiner):
    r"""Any classifier and the annotators label together, and the classifier learns from that.

    Votes on one item are few, and its neighbours' votes say something of it, too. Round by round

    1. the classifier is trained on the soft labels (first the shares of the votes), and says of
       each row what it thinks without having seen it (`out_of_fold_probas`);
    2. its probabilities are softened by a temperature :math:`T \ge 1`, so that it is no surer of
       the majorities than it deserves;
    3. `aggregate.CrowdLab` weighs it and the annotators by how well they agree and averages them
       into new soft labels,

    until next to no label changes. Published (Goh, Tkachenko and Mueller 2022) is one round, with
    the suggestion to repeat it. Ours are the temperature, which they use in ActiveLab, the
    training on soft labels, and the constants of `aggregate.CrowdLab`.

    It fails where the classifier learns the crowd's shared mistakes from the features and then
    confirms them, and where it is weak but few majorities show it. If ``classifier_weight_`` is
    near zero, the classifier was found useless, and the labels are the annotators' alone.

    Parameters
    ----------
    estimator : classifier, optional
        With ``predict_proba``; by default logistic regression on standardised features. It is
        cloned for each fit; a ``random_state`` of its that is None is seeded.
    n_folds : int, default=5
        Folds of the out-of-fold probabilities.
    strategy : {"soft", "hard"}
        Train on soft labels, or on the likeliest classes (those that tie share the row).
    consensus : {"crowdlab", "posterior"}
        What the soft labels are: CROWDLAB's average of likelihoods, as published; or the
        posterior with the classifier for the prior (`posterior_with_classifier`), which is
        surer, better calibrated, and trained the better classifier wherever it was tried
        but on one small set.
    annotator_correlation : float, default=0.4
        ρ of that posterior, by which annotators err together.
    temperature : "auto" or float
        "auto" takes the temperature at which the classifier predicts the majorities best, 1 at
        least; a number is taken as it is.
    max_iter : int, default=10
        Rounds at most; 1 is the published method.
    tol : float, default=0.01
        Stop when at most this share of the labels changes.
    random_state : int, Generator or None, default=0
        Seed of the folds and of the classifiers.

    Attributes
    ----------
    classes_, annotators_, items_ : ndarray
        What the axes stand for.
    probas_ : ndarray of shape (N, K)
        Soft labels of the training rows; of rows without votes, what the classifier says.
    labels_ : ndarray of shape (N,)
    quality_ : ndarray of shape (N,)
        Probability of the label.
    classifier_probas_ : ndarray of shape (N, K)
        Out-of-fold probabilities of the last round, softened.
    temperature_ : float
    classifier_weight_ : float
        What the classifier counts, beside ``annotator_weight_`` (M,).
    annotator_skill_ : ndarray of shape (M,)
        Mean soft label that an annotator's labels received.
    confusion_ : ndarray of shape (M, K, K)
        P(annotator j says y | truth k), counted with the labels for the truth: averages as
        soft as these would blur it.
    class_prior_ : ndarray of shape (K,)
    aggregator_ : CrowdLab
        Of the last round.
    estimator_ : classifier
        Trained on the soft labels of all labelled rows.
    changed_ : list of float
        Share of the labels that each round changed.
    gold_codes_ : ndarray of shape (N,) or None
        Class codes of the rows with gold, -1 of the others.
    n_unlabelled_ : int
        Rows without vote and gold, which did not train.
    n_iter_ : int
    converged_ : bool

    References
    ----------
    H. W. Goh, U. Tkachenko and J. Mueller, CROWDLAB: supervised learning to infer consensus
    labels and quality scores for data with multiple annotators, NeurIPS 2022 workshop on
    human in the loop learning, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate.learning import CrowdLabRefiner
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(2, size=200)
    >>> X = rng.normal(size=(200, 3)) + 2 * truth[:, None]
    >>> votes = np.where(rng.random((200, 3)) < 0.7, truth[:, None], 1 - truth[:, None])
    >>> model = CrowdLabRefiner().fit(X, votes)
    >>> majority = votes.mean(axis=1) > 0.5
    >>> [round(float(np.mean(labels == truth)), 2) for labels in (majority, model.labels_)]
    [0.82, 0.94]
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        n_folds: int = 5,
        strategy: str = "soft",
        consensus: str = "crowdlab",
        annotator_correlation: float = 0.4,
        temperature: str | float = "auto",
        max_iter: int = 10,
        tol: float = 0.01,
        random_state: int | np.random.Generator | None = 0,
    ) -> None:
        self.estimator = estimator
        self.n_folds = n_folds
        self.strategy = strategy
        self.consensus = consensus
        self.annotator_correlation = annotator_correlation
        self.temperature = temperature
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def _refine(self, X: Any, votes: Annotations, gold: Gold, random: np.random.Generator) -> None:
        known = None if gold is None else as_given(gold, votes)
        start = MajorityVote().fit(votes, gold=known)
        self.class_prior_, self.gold_codes_ = start.class_prior_, gold
        trains = votes.labels_per_item > 0
        if gold is not None:
            trains = trains | (gold >= 0)
        self.n_unlabelled_ = int((~trains).sum())
        soft = self._targets(start.probas_ * trains[:, np.newaxis])
        left_out = OutOfFold(X, soft, n_folds=self.n_folds, random_state=random)
        majority = winners(start.probas_) * trains[:, np.newaxis]
        consensus = self._iterate(left_out, votes, known, soft, majority)
        self._train(X, self._targets(consensus * trains[:, np.newaxis]), None, random)
        self._keep(votes, consensus)
        self.quality_ = consensus.max(axis=1)

    def _iterate(
        self,
        left_out: OutOfFold,
        votes: Annotations,
        gold: Any,
        soft: Float,
        majority: Float,
    ) -> Float:
        """Alternate between classifier and consensus; return the last consensus."""
        labelled = np.asarray(soft.any(axis=1))
        codes = decide(soft, class_prior=self.class_prior_)
        self.changed_: list[float] = []
        self.converged_ = False
        while len(self.changed_) < self.max_iter and not self.converged_:
            probas = left_out.probas(self._estimator(), soft)
            self.temperature_ = self._temperature(probas, majority)
            self.classifier_probas_ = scale(probas, self.temperature_)
            model = CrowdLab().fit(votes, gold=gold, classifier_probas=self.classifier_probas_)
            self.class_prior_ = model.class_prior_
            consensus = self._consensus(votes, model)
            new = decide(consensus, class_prior=model.class_prior_)
            self.changed_.append(float((new != codes)[labelled].mean()))
            self.converged_ = self.changed_[-1] <= self.tol
            codes = new
            soft = self._targets(consensus * labelled[:, np.newaxis])
        self.aggregator_ = model
        self.annotator_weight_ = model.annotator_weight_
        self.classifier_weight_ = model.classifier_weight_
        self.annotator_skill_ = model.annotator_skill_
        self.n_iter_ = len(self.changed_)
        if not self.converged_ and self.max_iter > 1:
            warnings.warn(
                f"labels still changed in round {self.n_iter_}: {self.changed_[-1]:.1%} of them, "
                f"more than tol={self.tol:.1%}. Raise tol or max_iter, or take a classifier that "
                "fits less closely.",
                ConvergenceWarning,
                stacklevel=4,
            )
        return consensus

    def _consensus(self, votes: Annotations, model: CrowdLab) -> Float:
        if self.consensus == "crowdlab":
            return model.probas_
        codes = decide(model.probas_, class_prior=model.class_prior_)
        return classifier_posterior(
            votes,
            confusions_of(votes, one_hot(codes, votes.n_classes)),
            self.classifier_probas_,
            self.annotator_correlation,
            self.gold_codes_,
        )

    def _check_parameters(self) -> None:
        check_choice("consensus", self.consensus, ("crowdlab", "posterior"))
        check_number("annotator_correlation", self.annotator_correlation, low=0, high=1)
        check_choice("strategy", self.strategy, ("soft", "hard"))
        check_number("max_iter", self.max_iter, low=1, integer=True)
        check_number("tol", self.tol, low=0, high=1)
        check_number_or_auto("temperature", self.temperature, low=0, low_open=True)

    def _temperature(self, probas: Float, majority: Float) -> float:
        if not isinstance(self.temperature, str):
            return float(self.temperature)
        return max(best_temperature(probas, majority), 1.0)

    def _targets(self, soft: Float) -> Float:
        if self.strategy == "soft":
            return soft
        return winners(soft)
