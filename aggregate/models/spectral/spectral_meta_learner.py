"""Spectral meta-learner: both error rates and the class balance from moments of answers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import check_number
from aggregate.models.spectral._two_coins import (
    MOST_SKEWED,
    Effects,
    Question,
    TwoCoinModel,
    covariances,
    fill_unknown,
)
from aggregate.models.voting._agreement import fit_rank_one

Float = NDArray[np.float64]


class SpectralMetaLearner(TwoCoinModel):
    r"""Soft labels from the rank-one covariance of annotators' answers, without any EM.

    Two classes first: answers :math:`u_{ij} = \pm 1`, truth :math:`t_i = \pm 1` with mean b,
    annotators independent given the truth, sensitivity :math:`\psi_j` and specificity
    :math:`\eta_j`. With :math:`\delta_j = \psi_j + \eta_j - 1`,

    .. math::

        \operatorname{cov}(u_j, u_l) = (1 - b^2)\, \delta_j \delta_l, \qquad
        E[(u_j - \mu_j)(u_l - \mu_l)(u_m - \mu_m)] = -2 b (1 - b^2)\, \delta_j \delta_l \delta_m .

    The first gives :math:`v_j = \delta_j \sqrt{1 - b^2}`: the rank-one table that fits the
    covariances off the diagonal best, each pair weighted by its labels in common (with all
    pairs equally known, the leading eigenvector once the diagonal is completed). The second
    then gives b as one least-squares number over all triples of annotators of all items,
    summed without listing them. The means :math:`\mu_j` complete the rates,

    .. math::

        \psi_j = \tfrac12 (1 + \mu_j + (1 - b) \delta_j), \qquad
        \eta_j = \tfrac12 (1 - \mu_j + (1 + b) \delta_j),

    and Bayes' rule the soft labels. With more than two classes each is asked for against
    the rest (independence given "class k or not" is then an approximation), the hit rates
    fill the diagonals and the false alarms share out the rest of each row. An annotator who
    abstains is missing.

    It fails where annotators share mistakes, where most are worse than chance (the classes
    swap), and on items with fewer than three labels as far as b is concerned. An annotator
    who labels an item twice counts as two who agree too well: take duplicates out first.

    Parameters
    ----------
    class_prior : "moments", "uniform", array of shape (K,) or mapping class -> probability
        How often each class is true: from third moments, or given.
    ridge : float, default=1.0
        Labels in common by which pairs are made to look less alike; it keeps annotators with
        few partners from extremes.
    annotator_correlation : float, default=0.4
        ρ of `aggregate.fusion.posterior`; it changes no label.
    unknown_annotators : {"prior", "ignore", "error"}
        In `predict_proba`: labels by annotators who were not in the fit count with the mean
        confusion, do not count, or are refused.
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
        ``confusion_[j, k, y]`` = P(annotator j says y | truth k); with two classes the
        diagonal holds specificity and sensitivity.
    class_prior_ : ndarray of shape (K,)
    annotator_skill_ : ndarray of shape (M,)
        Probability that an annotator is right on a random item.
    probas_ : ndarray of shape (N, K)
    labels_ : ndarray of shape (N,)
    n_iter_ : int
        Sweeps of the least-squares fit.
    converged_ : bool

    References
    ----------
    F. Parisi, F. Strino, B. Nadler and Y. Kluger, Ranking and combining multiple predictors
    without labeled data, PNAS 111(4):1253-1258, 2014, equations 3 to 6.

    A. Jaffe, B. Nadler and Y. Kluger, Estimating the accuracies of multiple classifiers
    without labeled data, AISTATS 2015, sections 3 and 4.

    Examples
    --------
    >>> from aggregate import SpectralMetaLearner, simulate_annotations
    >>> crowd = simulate_annotations(
    ...     5000, 10, 2, labels_per_item=8, class_prior=[0.7, 0.3], random_state=0
    ... )
    >>> model = SpectralMetaLearner().fit(crowd.annotations)
    >>> model.class_prior_.round(1)
    array([0.7, 0.3])
    """

    _rules = ("moments", "uniform")

    def __init__(
        self,
        *,
        class_prior: Any = "moments",
        ridge: float = 1.0,
        annotator_correlation: float = 0.4,
        unknown_annotators: str = "prior",
        ties: str = "prior",
        n_jobs: int | None = None,
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        self.class_prior = class_prior
        self.ridge = ridge
        self.annotator_correlation = annotator_correlation
        self.unknown_annotators = unknown_annotators
        self.ties = ties
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _effects(self, question: Question) -> Effects:
        check_number("ridge", self.ridge, low=0)
        pairs = covariances(question)
        fit = fit_rank_one(pairs, ridge=self.ridge)
        balance = question.balance
        if balance is None:
            balance = balance_from_triples(question, fit.skill)
        effect = np.clip(fit.skill / np.sqrt(1 - balance**2), -1.0, 1.0)
        given = np.bincount(question.annotator, minlength=len(effect))
        effect = fill_unknown(effect, np.diff(pairs.pointers) > 0, given)
        return Effects(effect, balance, fit.n_iter, fit.converged)


def balance_from_triples(question: Question, v: Float) -> float:
    r"""Return the mean b of the truth that third moments imply.

    With :math:`x_e = (u_e - \mu_{j_e}) v_{j_e}`, the slope of the third moments over
    :math:`v_j v_l v_m` is the sum over items of the third elementary symmetric polynomial of
    the item's x over that of the :math:`v^2`; it equals :math:`-2b / \sqrt{1 - b^2}`.
    """
    n_items = len(question.item_ptr) - 1
    item = np.repeat(np.arange(n_items), np.diff(question.item_ptr))
    own = v[question.annotator]
    centred = (question.answer - question.mean[question.annotator]) * own
    size = _triple_sum(item, own * own, n_items)
    if size <= 0:
        return 0.0
    slope = _triple_sum(item, centred, n_items) / size
    return float(np.clip(-slope / np.sqrt(4 + slope**2), -MOST_SKEWED, MOST_SKEWED))


def _triple_sum(item: NDArray[np.int64], x: Float, n_items: int) -> float:
    """Sum x over all triples within an item by Newton's identity."""
    one, two, three = (np.bincount(item, x**power, minlength=n_items) for power in (1, 2, 3))
    triples = np.bincount(item, minlength=n_items) > 2
    total = (one**3 - 3 * one * two + 2 * three) / 6
    return float(total[triples].sum())
