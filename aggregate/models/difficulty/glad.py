"""GLAD: abilities of annotators and difficulties of items, learned together."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from aggregate._blocks import fill_blocks, item_blocks
from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.fusion import from_log_joint
from aggregate.kernels.glad import glad_best_ease, glad_log_joint
from aggregate.models._base import BaseAggregator
from aggregate.models._class_prior import ClassPrior
from aggregate.models.difficulty._ascent import LogPrior, ascend, warn_unless_converged
from aggregate.models.difficulty._glad_objective import GladObjective

Float = NDArray[np.float64]
Gold = NDArray[np.int32] | None

_NO_GOLD = np.empty(0, dtype=np.int32)
_NODES = 21  # of the quadrature over the ease of an item


class GLAD(BaseAggregator):
    r"""Soft labels from one ability per annotator and one difficulty per item.

    Annotator j labels item i correctly with probability

    .. math:: P(y_{ij} = t_i) = s(\alpha_j \beta_i), \qquad s(x) = 1 / (1 + e^{-x}),

    where :math:`t_i` is the true class, :math:`\alpha_j` the ability (negative for
    an adversary, 0 for a coin) and :math:`\beta_i = e^{b_i} > 0` the ease of the item; the
    K - 1 wrong classes are equally likely. The fit maximises

    .. math::

        \sum_i \log \sum_k \pi_k \prod_{e \in i} P(y_e \mid t_i = k)
        - \sum_j \frac{(\alpha_j - \mu_\alpha)^2}{2 \sigma_\alpha^2}
        - \sum_i \frac{(b_i - \mu_b)^2}{2 \sigma_b^2},

    over all :math:`\alpha` and b, by L-BFGS on the whole (the gradient is the one of the EM
    algorithm of the paper, whose fixed points are the same) and a last search of every item's
    highest peak. The normal priors also fix the scale, which the product leaves open.

    New items are treated as the fitted ones: their ease is found from their own labels under
    the prior, the abilities held; an item without labels has the prior's. So `predict_proba`
    of the fitted votes is `probas_`. (`score` without a truth averages over the prior instead.)

    It fails where mistakes have a direction (one ability cannot say that an annotator takes
    dogs for wolves but never wolves for dogs): a learned class prior then runs away with one
    class, which is why it is uniform by default. With more than two classes an item of no ease
    is still right half of the time, as published. Few labels per item say little of its
    difficulty beyond the prior.

    Parameters
    ----------
    ability_mean, ability_deviation : float, default=1
        Of the normal prior of the ability.
    log_ease_mean, log_ease_deviation : float, default=1
        Of the normal prior of the logarithm of the ease.
    class_prior : "uniform", "learned", array of shape (K,) or mapping class -> probability
        How often each class is true.
    prior_strength : float, default=4
        Pseudo-items, spread over the classes, behind a learned class prior.
    max_iter : int, default=1000
        Most passes over the votes.
    tol : float, default=1e-8
        Stop when a step raises the objective by less than this share of itself.
    annotator_correlation : float, default=0.4
        ρ of `aggregate.fusion.posterior`: makes the confidence honest, changes no label.
    unknown_annotators : {"prior", "ignore", "error"}
        In `predict_proba`: labels by annotators who were not in the fit count with the
        prior's mean ability, do not count, or are refused.
    ties : {"prior", "first", "random"}
        See `aggregate.fusion.decide`.
    n_jobs : int, optional
        Threads; -1 for all processors. Results are the same to the last bit.
    random_state : int or Generator, optional
        Seed of random ties.
    verbose : bool, default=False
        Show a progress bar.

    Attributes
    ----------
    classes_, annotators_, items_ : ndarray
        What the axes stand for.
    annotator_ability_ : ndarray of shape (M,)
        :math:`\alpha`.
    item_difficulty_ : ndarray of shape (N,)
        :math:`1 / \beta`, from near 0 (plain) upwards.
    annotator_skill_ : ndarray of shape (M,)
        Probability that an annotator is right on items like those they had: the mean of the
        textbook probability that a label is right, over their labels and one label more, which
        is judged by the ability alone. (The likeliest eases exaggerate: the mean of s over the
        fitted items would be some three points too high.)
    class_prior_ : ndarray of shape (K,)
    probas_ : ndarray of shape (N, K)
        Soft labels of the fitted items.
    labels_ : ndarray of shape (N,)
    objective_path_ : ndarray
        The objective after each step; it never falls.
    n_iter_ : int
        Passes over the votes.
    converged_ : bool
    gold_given_, gold_correct_ : ndarray of shape (M,)
        Labels on gold items, and how many of them were right.

    References
    ----------
    J. Whitehill, P. Ruvolo, T. Wu, J. Bergsma and J. Movellan, Whose vote should count more:
    optimal integration of labels from labelers of unknown expertise, NIPS 2009, equation 1
    and section 3.

    Examples
    --------
    >>> from aggregate import GLAD
    >>> votes = [[0, 0, 0, 1], [1, 1, 1, 1], [0, 0, 0, 0], [1, 1, 1, 0], [0, 0, 1, 1]]
    >>> model = GLAD().fit(votes)
    >>> model.labels_
    array([0, 1, 0, 1, 0])
    >>> int(model.item_difficulty_.argmax())
    4
    """

    def __init__(
        self,
        *,
        ability_mean: float = 1.0,
        ability_deviation: float = 1.0,
        log_ease_mean: float = 1.0,
        log_ease_deviation: float = 1.0,
        class_prior: Any = "uniform",
        prior_strength: float = 4.0,
        max_iter: int = 1000,
        tol: float = 1e-8,
        annotator_correlation: float = 0.4,
        unknown_annotators: str = "prior",
        ties: str = "prior",
        n_jobs: int | None = None,
        random_state: int | np.random.Generator | None = None,
        verbose: bool = False,
    ) -> None:
        self.ability_mean = ability_mean
        self.ability_deviation = ability_deviation
        self.log_ease_mean = log_ease_mean
        self.log_ease_deviation = log_ease_deviation
        self.class_prior = class_prior
        self.prior_strength = prior_strength
        self.max_iter = max_iter
        self.tol = tol
        self.annotator_correlation = annotator_correlation
        self.unknown_annotators = unknown_annotators
        self.ties = ties
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _check_parameters(self) -> None:
        check_number("ability_mean", self.ability_mean)
        check_number("ability_deviation", self.ability_deviation, low=0, low_open=True)
        check_number("log_ease_mean", self.log_ease_mean, low=-10, high=10)
        check_number("log_ease_deviation", self.log_ease_deviation, low=0, low_open=True)
        check_number("prior_strength", self.prior_strength, low=0)
        check_number("max_iter", self.max_iter, low=1, integer=True)
        check_number("tol", self.tol, low=0)
        check_number("annotator_correlation", self.annotator_correlation, low=0, high=1)

    _heeds_gold: ClassVar[bool] = True

    def _fit(self, annotations: Annotations, gold: Gold, **data: Any) -> None:
        self._check_parameters()
        rule = ClassPrior(self.class_prior, annotations.classes, self.prior_strength)
        climb = GladObjective(
            annotations,
            gold,
            LogPrior(rule),
            means=(float(self.ability_mean), float(self.log_ease_mean)),
            deviations=(float(self.ability_deviation), float(self.log_ease_deviation)),
            n_jobs=self.n_jobs,
        )
        told = (self.gold_given_, self.gold_correct_) if data.get("gold_alone", False) else None
        found = ascend(
            climb.objective,
            climb.start(told),
            climb.scale(),
            max_iter=self.max_iter,
            tol=self.tol,
            progress="GLAD" if self.verbose else None,
        )
        ability, _, free = climb.split(found.point)
        self.annotator_ability_ = ability.copy()
        self.class_prior_ = np.exp(climb.log_prior.log_prior(free))
        log_ease = self._best_ease(annotations, gold)
        last, _ = climb.objective(np.concatenate([ability, log_ease, free]))
        # The search of the peaks may, by rounding, end a hair below the climb.
        self.objective_path_ = np.append(found.objective_path, max(last, found.objective_path[-1]))
        self.item_difficulty_ = np.exp(-log_ease)
        joint = self._log_joint(annotations, log_ease)
        soft = from_log_joint(annotations, joint, annotator_correlation=0, gold=gold)
        self.annotator_skill_ = self._skill(annotations, soft)
        self.n_iter_, self.converged_ = found.n_iter, found.converged
        warn_unless_converged(found.converged, self.max_iter, self.tol)

    def _skill(self, annotations: Annotations, soft: Float) -> Float:
        """Return the share of right labels (M,), given the probability of each class (N, K)."""
        ease, weights = self._ease_nodes()
        expected = logistic(np.outer(self.annotator_ability_, ease)) @ weights
        right = np.bincount(
            annotations.annotator,
            weights=soft[annotations.item, annotations.label],
            minlength=annotations.n_annotators,
        )
        return np.asarray((right + expected) / (annotations.labels_per_annotator + 1))

    def _ease_nodes(self) -> tuple[Float, Float]:
        """Return the eases and the weights of a quadrature over their prior."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
        ease = np.exp(float(self.log_ease_mean) + float(self.log_ease_deviation) * nodes)
        return ease, weights / weights.sum()

    def _abilities_with_stranger(self) -> Float:
        """Append the unknown annotator, whose code is M."""
        return np.append(self.annotator_ability_, float(self.ability_mean))

    def _best_ease(self, annotations: Annotations, gold: Gold) -> Float:
        """Return the likeliest log ease of every item, the abilities held."""
        log_ease = np.empty(annotations.n_items)
        known = _NO_GOLD if gold is None else gold
        log_prior, ability = np.log(self.class_prior_), self._abilities_with_stranger()
        mean, deviation = float(self.log_ease_mean), float(self.log_ease_deviation)
        fill_blocks(
            lambda first, last: glad_best_ease(
                annotations.item_ptr, annotations.annotator, annotations.label, known,
                log_prior, ability, mean, deviation, first, last, log_ease,
            ),
            item_blocks(annotations.item_ptr),
            self.n_jobs,
        )  # fmt: skip
        return log_ease

    def _log_joint(self, annotations: Annotations, log_ease: Float) -> Float:
        joint = np.empty((annotations.n_items, len(self.classes_)))
        log_prior, ability = np.log(self.class_prior_), self._abilities_with_stranger()
        fill_blocks(
            lambda first, last: glad_log_joint(
                annotations.item_ptr, annotations.annotator, annotations.label,
                log_prior, ability, log_ease, first, last, joint,
            ),
            item_blocks(annotations.item_ptr),
            self.n_jobs,
        )  # fmt: skip
        return joint

    def _soft_labels(self, annotations: Annotations, gold: Gold) -> Float:
        return from_log_joint(
            annotations,
            self._log_joint(annotations, self._best_ease(annotations, gold)),
            annotator_correlation=self.annotator_correlation,
            gold=gold,
            n_jobs=self.n_jobs,
        )

    def _log_likelihood(self, annotations: Annotations) -> Float:
        """Average over the prior of the ease, by Gauss-Hermite quadrature."""
        total = np.full(annotations.n_items, -np.inf)
        for ease, weight in zip(*self._ease_nodes(), strict=True):
            joint = self._log_joint(annotations, np.full(annotations.n_items, np.log(ease)))
            total = np.logaddexp(total, np.logaddexp.reduce(joint, axis=1) + np.log(weight))
        return np.asarray(total)


def logistic(x: Float) -> Float:
    """Return 1 / (1 + exp(-x)) without overflow.

    Examples
    --------
    >>> logistic(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    return np.asarray(np.exp(-np.logaddexp(0, -x)))
