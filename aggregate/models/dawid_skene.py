"""Dawid–Skene: learn who confuses what with what, and the truth, from votes alone."""

from __future__ import annotations

import os
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.models._abstention import complete, with_abstention
from aggregate.models._best_start import best_fit
from aggregate.models._checkpoint import checkpoint_of
from aggregate.models._class_prior import ClassPrior
from aggregate.models._confusions import (
    Confusions,
    FixedConfusions,
    prior_confusion,
    read_history,
)
from aggregate.models._em import Fit, Run, Save, warn_unless_converged
from aggregate.models._problem import Problem, Structure
from aggregate.models._start import Previous, Start, remember
from aggregate.models._streaming import StreamingModel

Float = NDArray[np.float64]


class DawidSkene(StreamingModel):
    r"""Soft labels from votes by a confusion matrix per annotator, fitted by EM.

    Each item has an unknown true class, drawn with probabilities :math:`\pi`; annotator j,
    looking at an item of class k, says y with probability :math:`A_j[k, y]`, independently
    of the other annotators. The fit maximises

    .. math::

        \sum_i \log \sum_k \pi_k \prod_{e \in i} A_{j_e}[k, y_e]
        + s \sum_{j,k,y} B[k, y] \log A_j[k, y] + \frac{s}{K} \sum_k \log \pi_k

    over :math:`\pi` and all :math:`A_j`, where the product runs over the labels e of item i.
    The last two terms are a Dirichlet prior of ``prior_strength`` s pseudo-labels per row,
    shared out as in B, which has ``prior_accuracy`` on its diagonal. EM alternates between
    the posterior of every item and the confusion counts it implies; the two are one pass
    over the votes.

    It fails where annotators have few labels per class and the prior is off (the estimate
    overfits: 0 is for crowds with hundreds of labels each), where annotators share their
    mistakes (no method can tell a shared mistake from the truth), and where most of them
    are worse than chance (the classes swap). Rare classes may be emptied.

    Parameters
    ----------
    prior_strength : float, default=4
        Pseudo-labels per row of each confusion matrix; 0 is maximum likelihood.
    prior_accuracy : float, default=0.7
        Share of the pseudo-labels on the diagonal.
    class_prior : "learned", "uniform", array of shape (K,) or mapping class -> probability
        How often each class is true.
    abstention : label, optional
        A label that is no class ("unsure"), used more for some truths than for others: j says
        it with probability :math:`s_{jk}`, and else answers by :math:`A_j`. By default every
        label is a class; abstentions that tell nothing are better read as missing.
    init : str, array of shape (N, K), array of shape (M, K, K) or mapping
        Where EM starts: "votes", the shares of the votes; "spectral", "multispa",
        "coupled-nmf", "symmetric-nmf" or "tensor", what `SpectralDawidSkene`, `MultiSPA`,
        `CoupledNMF`, `SymmetricNMF` or `TensorMoments` finds; given soft labels; or given
        confusions (a mapping goes from annotator to a (K, K) matrix; others get the prior's
        mean).
    fix_confusion : bool, default=False
        Keep the confusions of ``init`` and learn the class prior alone.
    max_iter : int, default=500
        Most passes over the votes, per start. A few (10, say) stop early on purpose.
    tol : float, default=1e-8
        Stop when the objective rises by less than this share of itself.
    accelerate : bool, default=True
        SQUAREM: the same optimum in several times fewer passes.
    n_init : int, default=1
        Starts; all but the first draw soft labels around the votes. The best objective wins.
    warm_start : bool, default=False
        Start from the previous fit's confusions (matched by annotator) and class prior.
    checkpoint : str or path-like, optional
        A file that keeps where a long fit stands. If the fit is killed, the same call goes on
        from the file and ends with the same parameters to the last bit. Once the fit is done,
        the file stays, so that the same call has hardly anything left to do, or, with a larger
        ``max_iter``, goes on. The file of a fit to other votes or with other parameters is
        refused, never overwritten.
    checkpoint_every : int, default=10
        Passes between two writes of the checkpoint.
    forget : float, optional
        In `partial_fit`: an annotator's label fades to 1/e after so many further labels of
        theirs, so that confusions may drift. By default, no label fades.
    annotator_correlation : float, default=0.4
        ρ of `aggregate.fusion.posterior`: how far annotators err together. It makes the
        confidence honest and changes no label; 0 is the textbook posterior.
    unknown_annotators : {"prior", "ignore", "error"}
        In `predict_proba`: labels by annotators who were not in the fit count with the
        prior's mean confusion, do not count, or are refused.
    ties : {"prior", "first", "random"}
        See `aggregate.fusion.decide`.
    n_jobs : int, optional
        Threads; -1 for all processors. Results are the same to the last bit.
    random_state : int or Generator, optional
        Seed of the further starts and of random ties.
    verbose : bool, default=False
        Show a progress bar.

    Attributes
    ----------
    classes_, annotators_, items_ : ndarray
        What the axes stand for.
    confusion_ : ndarray of shape (M, K, K)
        ``confusion_[j, k, y]`` = P(annotator j says y | truth k), given an answer.
    abstention_ : ndarray of shape (M, K)
        The :math:`s_{jk}` = P(annotator j abstains | truth k), zero without ``abstention``.
    class_prior_ : ndarray of shape (K,)
    annotator_skill_ : ndarray of shape (M,)
        Probability that an annotator is right on a random item.
    probas_ : ndarray of shape (N, K)
        Soft labels of the fitted items.
    labels_ : ndarray of shape (N,)
    objective_path_ : ndarray
        The objective after each pass that was kept; it never falls.
    log_likelihood_ : float
        Of the votes, without the prior.
    n_iter_ : int
        Passes of the winning start.
    converged_ : bool
    gold_given_, gold_correct_ : ndarray of shape (M,)
        Labels on gold items, and how many of them were right.

    References
    ----------
    A. P. Dawid and A. M. Skene, Maximum likelihood estimation of observer error-rates using
    the EM algorithm, Journal of the Royal Statistical Society C 28(1):20-28, 1979.

    R. Varadhan and C. Roland, Simple and globally convergent methods for accelerating the
    convergence of any EM algorithm, Scandinavian Journal of Statistics 35(2):335-353, 2008.

    Examples
    --------
    >>> from aggregate import DawidSkene
    >>> votes = [[0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 1, 0], [0, 0, -1]]
    >>> model = DawidSkene().fit(votes)
    >>> model.labels_
    array([0, 1, 0, 1, 0])
    >>> model.predict([[1, 0, 0]])
    array([0])
    """

    def __init__(
        self,
        *,
        prior_strength: float = 4.0,
        prior_accuracy: float = 0.7,
        class_prior: Any = "learned",
        abstention: Any = None,
        init: Any = "votes",
        fix_confusion: bool = False,
        max_iter: int = 500,
        tol: float = 1e-8,
        accelerate: bool = True,
        n_init: int = 1,
        warm_start: bool = False,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: int = 10,
        forget: float | None = None,
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
        self.abstention = abstention
        self.init = init
        self.fix_confusion = fix_confusion
        self.max_iter = max_iter
        self.tol = tol
        self.accelerate = accelerate
        self.n_init = n_init
        self.warm_start = warm_start
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.forget = forget
        self.annotator_correlation = annotator_correlation
        self.unknown_annotators = unknown_annotators
        self.ties = ties
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None, *, gold: Any = None, history: Any = None) -> DawidSkene:
        """Learn confusions, class prior and soft labels from votes.

        Parameters
        ----------
        X : Annotations or array-like of shape (N, M)
            Votes: a container, or a table with one row per item and one column per
            annotator, in which NaN, None and -1 are missing.
        y : None
            Ignored. (In a grid search it is the truth, and reading it would leak.)
        gold : mapping item -> class or array-like of shape (N,), optional
            Known truth of some items; they are held to it and annotators are judged by it.
        history : mapping annotator -> (K, K) counts or array of shape (M, K, K), optional
            Labels counted in earlier work, truth in the rows. They stay in every M-step.

        Returns
        -------
        self
        """
        self._check_parameters()
        previous = remember(self) if self.warm_start else None
        self._fit_votes(X, gold, history=history, previous=previous)
        return self

    _heeds_gold: ClassVar[bool] = True
    _one_for_all: ClassVar[bool] = False  # whether annotators share their chances to abstain

    def _check_parameters(self) -> None:
        check_number("prior_strength", self.prior_strength, low=0)
        check_number("prior_accuracy", self.prior_accuracy, low=0, high=1)
        check_number("max_iter", self.max_iter, low=1, integer=True)
        check_number("n_init", self.n_init, low=1, integer=True)
        check_number("tol", self.tol, low=0)
        check_number("annotator_correlation", self.annotator_correlation, low=0, high=1)

    def _fit(self, annotations: Annotations, gold: NDArray[np.int32] | None, **data: Any) -> None:
        start, answers = self._start(annotations, gold, data["previous"], data["history"])
        start.gold_alone = data.pop("gold_alone", False)
        structure = with_abstention(
            answers, annotations, self.prior_strength, shared=self._one_for_all
        )
        class_prior = ClassPrior(self.class_prior, annotations.classes, self.prior_strength)
        problem = Problem(annotations, gold, structure, class_prior, self.n_jobs)
        best = best_fit(
            lambda turn, random: complete(start.state(problem, turn, random), structure),
            lambda run, save: self._climb(problem, run, save),
            shape=problem.passes.shape,
            n_init=1 if start.gold_alone else self.n_init,
            max_iter=self.max_iter,
            random_state=self.random_state,
            checkpoint=None if start.gold_alone else checkpoint_of(self, annotations, gold, **data),
        )
        self._keep(best, problem)

    def _climb(self, problem: Problem, run: Run, save: Save | None) -> Fit:
        """Run EM from one start."""
        return problem.climb(
            run,
            max_iter=self.max_iter,
            tol=self.tol,
            accelerate=self.accelerate,
            progress=type(self).__name__ if self.verbose else None,
            save=save,
        )

    def _start(
        self,
        annotations: Annotations,
        gold: NDArray[np.int32] | None,
        previous: Previous | None,
        history: Any,
    ) -> tuple[Start, Structure]:
        """Return where EM starts and which confusions it may choose."""
        start = Start(self.init, annotations, gold, self._stranger(), previous, self.n_jobs)
        if self.fix_confusion:
            if history is not None:
                raise ValueError(
                    "history has no effect on fixed confusions: leave out one of history and "
                    "fix_confusion=True."
                )
            return start, FixedConfusions(start.given_table())
        counts = read_history(history, annotations.annotators, annotations.n_classes)
        return start, self._structure(counts)

    def _structure(self, history: Float | None) -> Structure:
        """Return which confusions a subclass allows, given counts of earlier labels."""
        return Confusions(self._stranger(), self.prior_strength, history)

    def _keep(self, fit: Fit, problem: Problem) -> None:
        self._keep_table(fit.state.table, fit.state.prior)
        self.objective_path_ = fit.objective_path
        counts = problem.passes.expect(fit.state)
        self.log_likelihood_ = counts.log_likelihood
        self._remember_counts(counts)
        self.n_iter_ = fit.n_iter
        self.converged_ = fit.converged
        warn_unless_converged(fit, self.max_iter, self.tol)

    def _stranger(self) -> Float:
        return prior_confusion(len(self.classes_), self.prior_accuracy)
