"""Dawid–Skene: learn who confuses what with what, and the truth, from votes alone."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from tqdm import tqdm

from aggregate._tables import row_codes, to_confusion
from aggregate._validation import check_choice, check_distribution, check_number
from aggregate.annotations import Annotations
from aggregate.fusion import log_joint, posterior
from aggregate.kernels.em import FLOOR
from aggregate.models._base import BaseAggregator
from aggregate.models._confusions import Confusions, prior_confusion, read_history
from aggregate.models._em import Counts, Fit, Passes, State, run_em
from aggregate.models._start import remember, starting_states

Float = NDArray[np.float64]


class DawidSkene(BaseAggregator):
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
    init : "votes", array of shape (N, K), array of shape (M, K, K) or mapping
        Where EM starts: the shares of the votes, given soft labels, or given confusions
        (a mapping goes from annotator to a (K, K) matrix; others get the prior's mean).
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
        ``confusion_[j, k, y]`` = P(annotator j says y | truth k).
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
        init: Any = "votes",
        fix_confusion: bool = False,
        max_iter: int = 500,
        tol: float = 1e-8,
        accelerate: bool = True,
        n_init: int = 1,
        warm_start: bool = False,
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
        self.init = init
        self.fix_confusion = fix_confusion
        self.max_iter = max_iter
        self.tol = tol
        self.accelerate = accelerate
        self.n_init = n_init
        self.warm_start = warm_start
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

    def _check_parameters(self) -> None:
        check_number("prior_strength", self.prior_strength, low=0)
        check_number("prior_accuracy", self.prior_accuracy, low=0, high=1)
        check_number("max_iter", self.max_iter, low=1, integer=True)
        check_number("n_init", self.n_init, low=1, integer=True)
        check_number("tol", self.tol, low=0)
        check_number("annotator_correlation", self.annotator_correlation, low=0, high=1)
        if isinstance(self.class_prior, str):
            check_choice("class_prior", self.class_prior, ("learned", "uniform"))

    def _fit(self, annotations: Annotations, gold: NDArray[np.int32] | None, **data: Any) -> None:
        n_classes = annotations.n_classes
        code = row_codes(
            annotations.annotator, annotations.label, annotations.n_annotators, n_classes
        )
        passes = Passes(annotations, code, gold, self.n_jobs)
        history = read_history(data["history"], annotations.annotators, n_classes)
        expected = prior_confusion(n_classes, self.prior_accuracy)
        confusions = Confusions(expected, self.prior_strength, history)
        starts = starting_states(self, annotations, gold, passes, confusions, data["previous"])
        fits = [self._run(passes, confusions, start) for start in starts]
        best = max(fits, key=lambda fit: fit.objective_path[-1])
        self._keep(best, passes, n_classes)

    def _run(self, passes: Passes, confusions: Confusions, start: State) -> Fit:
        """Run EM from one start."""
        bar = tqdm(disable=not self.verbose, desc="DawidSkene", unit="pass")

        def step(state: State) -> tuple[float, State]:
            counts = passes.expect(state)
            objective = counts.log_likelihood + self._log_prior(state, confusions)
            bar.set_postfix(objective=f"{objective:.6g}", refresh=False)
            bar.update()
            return objective, self._maximise(state, counts, confusions)

        with bar:
            return run_em(
                step, start, max_iter=self.max_iter, tol=self.tol, accelerate=self.accelerate
            )

    def _maximise(self, state: State, counts: Counts, confusions: Confusions) -> State:
        table = state.table if self.fix_confusion else confusions.maximise(counts.table)
        return State(self._next_prior(counts.mass), table)

    def _next_prior(self, mass: Float) -> Float:
        """Return the class prior: learned from the expected items per class, or as given."""
        n_classes = len(mass)
        if isinstance(self.class_prior, str) and self.class_prior == "learned":
            weights = mass + self.prior_strength / n_classes
            return np.maximum(weights / weights.sum(), FLOOR)
        if isinstance(self.class_prior, str):
            return np.full(n_classes, 1 / n_classes)
        given = check_distribution(
            "class_prior", self.class_prior, n_classes, classes=self.classes_
        )
        return np.maximum(given, FLOOR)

    def _log_prior(self, state: State, confusions: Confusions) -> float:
        value = 0.0 if self.fix_confusion else confusions.log_prior(state.table)
        if isinstance(self.class_prior, str) and self.class_prior == "learned":
            value += self.prior_strength / len(state.prior) * float(np.log(state.prior).sum())
        return value

    def _keep(self, fit: Fit, passes: Passes, n_classes: int) -> None:
        self.confusion_ = to_confusion(fit.state.table)
        self.class_prior_ = fit.state.prior / fit.state.prior.sum()
        self.annotator_skill_ = np.einsum("jkk,k->j", self.confusion_, self.class_prior_)
        self.objective_path_ = fit.objective_path
        self.log_likelihood_ = passes.expect(fit.state).log_likelihood
        self.n_iter_ = fit.n_iter
        self.converged_ = fit.converged
        if not fit.converged and self.tol > 0:
            warnings.warn(
                f"EM had not converged after max_iter={self.max_iter} passes (the objective still "
                f"rose by more than tol={self.tol:g} of itself). Raise max_iter or tol; tol=0 "
                "says that stopping early is meant.",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _soft_labels(self, annotations: Annotations, gold: NDArray[np.int32] | None) -> Float:
        return posterior(
            annotations,
            self._confusions_with_stranger(),
            self.class_prior_,
            annotator_correlation=self.annotator_correlation,
            gold=gold,
            n_jobs=self.n_jobs,
        )

    def _log_likelihood(self, annotations: Annotations) -> Float:
        joint = log_joint(
            annotations, self._confusions_with_stranger(), self.class_prior_, n_jobs=self.n_jobs
        )
        return np.logaddexp.reduce(joint, axis=1)

    def _confusions_with_stranger(self) -> Float:
        """Append the confusion of an annotator never seen, code M."""
        stranger = prior_confusion(len(self.classes_), self.prior_accuracy)
        return np.concatenate([self.confusion_, stranger[np.newaxis]])
