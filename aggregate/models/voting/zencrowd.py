"""ZenCrowd: one reliability per annotator, learned together with the labels by EM."""

from __future__ import annotations

import os
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.models._best_start import best_fit
from aggregate.models._checkpoint import checkpoint_of
from aggregate.models._class_prior import ClassPrior
from aggregate.models._confusion_model import ConfusionModel
from aggregate.models._em import warn_unless_converged
from aggregate.models._problem import Problem
from aggregate.models._start import Start
from aggregate.models.voting._coins import coin_confusions

Float = NDArray[np.float64]


class ZenCrowd(ConfusionModel):
    r"""Soft labels from one reliability per annotator, fitted by EM.

    Annotator j says the true class with probability :math:`p_j` and each of the other K - 1
    classes with probability :math:`(1 - p_j) / (K - 1)`, independently of the others. The fit
    maximises

    .. math::

        \sum_i \log \sum_k \pi_k \prod_{e \in i} A_{j_e}[k, y_e]
        + s \sum_j \bigl( a \log p_j + (1 - a) \log (1 - p_j) \bigr),

    where :math:`A_j` is the confusion matrix just described, the product runs over the labels
    e of item i, and the last term is a Beta prior of s pseudo-labels of which the share a is
    right. The classes are equally likely (:math:`\pi_k = 1/K`) unless told otherwise.

    One number per annotator is learned from few labels, where `DawidSkene` would overfit. It
    fails where annotators have habits (a class that many mistake for another), where most are
    worse than chance, and, with ``class_prior="learned"``, where classes are rare: the prior
    then may run away with an empty class.

    Parameters
    ----------
    prior_strength : float, default=4
        s, pseudo-labels per annotator; 0 is maximum likelihood.
    prior_accuracy : float, default=0.7
        a, the share of the pseudo-labels that is right.
    class_prior : "uniform", "learned", array of shape (K,) or mapping class -> probability
        How often each class is true.
    max_iter : int, default=500
        Most passes over the votes.
    tol : float, default=1e-8
        Stop when the objective rises by less than this share of itself.
    checkpoint : str or path-like, optional
    checkpoint_every : int, default=10
        As in `DawidSkene`: a file from which a fit that was killed goes on.
    annotator_correlation : float, default=0.4
        ρ of `aggregate.fusion.posterior`; it changes no label.
    unknown_annotators : {"prior", "ignore", "error"}
        In `predict_proba`: labels by annotators who were not in the fit count with the
        prior's mean accuracy, do not count, or are refused.
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
    confusion_ : ndarray of shape (M, K, K)
        ``confusion_[j, k, y]`` = P(annotator j says y | truth k).
    class_prior_ : ndarray of shape (K,)
    annotator_skill_ : ndarray of shape (M,)
        The reliabilities.
    probas_ : ndarray of shape (N, K)
    labels_ : ndarray of shape (N,)
    objective_path_ : ndarray
        The objective after each pass that was kept; it never falls.
    n_iter_ : int
    converged_ : bool

    References
    ----------
    G. Demartini, D. E. Difallah and P. Cudré-Mauroux, ZenCrowd: leveraging probabilistic
    reasoning and crowdsourcing techniques for large-scale entity linking, WWW 2012,
    section 5; as EM in Y. Zheng, G. Li, Y. Li, C. Shan and R. Cheng, Truth inference in
    crowdsourcing: is the problem solved?, Proceedings of the VLDB Endowment 10(5):541-552,
    2017.

    Examples
    --------
    >>> from aggregate import ZenCrowd
    >>> votes = [[0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 1, 0], [0, 0, -1]]
    >>> model = ZenCrowd().fit(votes)
    >>> model.labels_
    array([0, 1, 0, 1, 0])
    >>> model.annotator_skill_.round(2)
    array([0.85, 0.85, 0.61])
    """

    def __init__(
        self,
        *,
        prior_strength: float = 4.0,
        prior_accuracy: float = 0.7,
        class_prior: Any = "uniform",
        max_iter: int = 500,
        tol: float = 1e-8,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: int = 10,
        annotator_correlation: float = 0.4,
        unknown_annotators: str = "prior",
        ties: str = "prior",
        n_jobs: int | None = None,
        random_state: int | np.random.Generator | None = None,
        verbose: bool = False,
    ) -> None:
        self.prior_strength = prior_strength
        self.prior_accuracy = prior_accuracy
        self.class_prior = class_prior
        self.max_iter = max_iter
        self.tol = tol
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.annotator_correlation = annotator_correlation
        self.unknown_annotators = unknown_annotators
        self.ties = ties
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _check_parameters(self) -> None:
        check_number("prior_strength", self.prior_strength, low=0)
        check_number("prior_accuracy", self.prior_accuracy, low=0, high=1)
        check_number("max_iter", self.max_iter, low=1, integer=True)
        check_number("tol", self.tol, low=0)
        check_number("annotator_correlation", self.annotator_correlation, low=0, high=1)

    _heeds_gold: ClassVar[bool] = True

    def _fit(self, annotations: Annotations, gold: NDArray[np.int32] | None, **data: Any) -> None:
        self._check_parameters()
        n_annotators, n_classes = annotations.n_annotators, annotations.n_classes
        structure = _Reliabilities(n_classes, self.prior_strength, self.prior_accuracy)
        class_prior = ClassPrior(self.class_prior, annotations.classes, self.prior_strength)
        problem = Problem(annotations, gold, structure, class_prior, self.n_jobs)
        start = Start("votes", annotations, gold, self._stranger(), None, self.n_jobs)
        start.gold_alone = data.get("gold_alone", False)
        fit = best_fit(
            lambda turn, random: start.state(problem, turn, random),
            lambda run, save: problem.climb(
                run,
                max_iter=self.max_iter,
                tol=self.tol,
                progress="ZenCrowd" if self.verbose else None,
                save=save,
            ),
            shape=problem.passes.shape,
            n_init=1,
            max_iter=self.max_iter,
            random_state=None,
            checkpoint=None if start.gold_alone else checkpoint_of(self, annotations, gold),
        )
        reliability = fit.state.table.reshape(n_annotators, n_classes, n_classes)[:, 0, 0]
        self._keep_confusions(coin_confusions(reliability, n_classes), fit.state.prior)
        self.objective_path_ = fit.objective_path
        self.n_iter_, self.converged_ = fit.n_iter, fit.converged
        warn_unless_converged(fit, self.max_iter, self.tol)

    def _stranger(self) -> Float:
        return coin_confusions(np.array([self.prior_accuracy]), len(self.classes_))[0]


class _Reliabilities:
    """Maximise over one reliability per annotator, each with a Beta prior."""

    def __init__(self, n_classes: int, strength: float, accuracy: float) -> None:
        self.n_classes, self.strength, self.accuracy = n_classes, strength, accuracy

    def maximise(self, counts: Float) -> Float:
        """Return the table of coins that the counts make likeliest."""
        blocks = counts.reshape(-1, self.n_classes, self.n_classes)
        right = np.einsum("jkk->j", blocks) + self.strength * self.accuracy
        total = blocks.sum(axis=(1, 2)) + self.strength
        share = np.divide(right, total, out=np.full(len(total), self.accuracy), where=total > 0)
        if self.n_classes > 1:
            share = np.clip(share, _LEAST, 1 - _LEAST)
        return coin_confusions(share, self.n_classes).reshape(counts.shape)

    def log_prior(self, table: Float) -> float:
        """Return the log density of the reliabilities, up to a constant."""
        if self.n_classes == 1:
            return 0.0
        share = table.reshape(-1, self.n_classes, self.n_classes)[:, 0, 0]
        logs = self.accuracy * np.log(share) + (1 - self.accuracy) * np.log1p(-share)
        return self.strength * float(logs.sum())


_LEAST = 1e-12
"""Keeps the logarithms of both sides finite."""
