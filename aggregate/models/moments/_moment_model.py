"""What every estimator from moments shares: order of classes, fallbacks, prior, EM afterwards."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from sklearn.exceptions import ConvergenceWarning

from aggregate._tables import to_confusion
from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.factorization import FactorizationResult, match_to_diagonal
from aggregate.fusion import vote_shares
from aggregate.fusion.posterior import clamp
from aggregate.models._class_prior import ClassPrior
from aggregate.models._confusion_model import ConfusionModel
from aggregate.models._confusions import Confusions, prior_confusion
from aggregate.models._em import Fit, State, warn_unless_converged
from aggregate.models._problem import Problem
from aggregate.moments import PairMoments, content_ranks, label_shares, pair_moments

Float = NDArray[np.float64]

_RAREST = 1e-6  # least class prior of an estimate
_EM_PASSES, _EM_TOL = 500, 1e-8  # the defaults of DawidSkene


class Estimate(NamedTuple):
    """What a method found: ``factors[j, y, k]`` with columns that sum to one, in any order of k.

    ``weights`` (K,) estimates the class prior, if the method says anything about it, and
    ``estimated`` (M,) tells whose factors the moments determined.
    """

    factors: Float
    estimated: NDArray[np.bool_]
    weights: Float | None
    objective_path: Float
    n_iter: int
    converged: bool


class Solution(NamedTuple):
    """The state of EM that an estimate amounts to, and how it was found."""

    state: State
    estimated: NDArray[np.bool_]
    objective_path: Float
    n_iter: int
    converged: bool


@dataclass(frozen=True)
class Crowd:
    """What a method may look at.

    Attributes
    ----------
    annotations : Annotations
    vote : ndarray of shape (M, K, K)
        Factors under which the shares of the votes would be the truth: a start, a fallback.
    random : Generator
    n_jobs : int or None
    known_prior : ndarray of shape (K,), or None
        The class prior, where it is not to be learned.
    """

    annotations: Annotations
    vote: Float
    random: np.random.Generator
    n_jobs: int | None = None
    known_prior: Float | None = None

    @cached_property
    def pairs(self) -> PairMoments:
        """Pair moments of all annotators who share an item."""
        return pair_moments(self.annotations, n_jobs=self.n_jobs)

    @cached_property
    def places(self) -> NDArray[np.int64]:
        """Place of each annotator in an order that the votes determine, for random choices."""
        return content_ranks(self.annotations, n_jobs=self.n_jobs).annotators

    def pairs_with(self, min_shared: int | None) -> PairMoments:
        """Return the pairs that share so many items, K by default: fewer have a lower rank."""
        least = self.annotations.n_classes if min_shared is None else min_shared
        return self.pairs.select(self.pairs.totals >= least)


class MomentModel(ConfusionModel):
    """An estimator of confusions from moments; a subclass says by ``_candidates`` how.

    A candidate is an `Estimate`. Of several, the one under which the votes are likeliest is
    kept. Where there is none, or a single confusion matrix shared by all annotators explains
    the votes clearly better, the vote takes its place, with a warning.
    """

    _must_beat_pooling = True  # False where noisy estimates are the nature of the method
    _least: float = 1e-6  # smallest probability in an estimate, as in the published codes

    @abstractmethod
    def _candidates(self, crowd: Crowd) -> Iterable[Estimate]:
        """Yield estimates of the confusions."""

    def _check_parameters(self) -> None:
        check_number("prior_strength", self.prior_strength, low=0)
        check_number("prior_accuracy", self.prior_accuracy, low=0, high=1)
        check_number("annotator_correlation", self.annotator_correlation, low=0, high=1)
        if self.refine is not None and not (
            isinstance(self.refine, str) and self.refine == "converge"
        ):
            if isinstance(self.refine, str):
                raise ValueError(
                    "refine must be None, a number of EM iterations or 'converge'; got "
                    f"{self.refine!r}."
                )
            check_number("refine", self.refine, low=1, integer=True)

    def _fit(self, annotations: Annotations, gold: NDArray[np.int32] | None, **data: Any) -> None:
        self._check_parameters()
        structure = Confusions(self._stranger(), self.prior_strength)
        class_prior = ClassPrior(self.class_prior, annotations.classes, self.prior_strength)
        problem = Problem(annotations, gold, structure, class_prior, self.n_jobs)
        random = np.random.default_rng(self.random_state)
        solution = self.solve(annotations, gold, problem, random)
        self.estimated_ = solution.estimated
        if self.refine is None:
            fit = Fit(solution.state, solution.objective_path, solution.n_iter, solution.converged)
            self._warn_unless_converged(solution)
        else:
            fit = self._climb(problem, solution.state)
        self._keep_confusions(to_confusion(fit.state.table), fit.state.prior)
        self.log_likelihood_ = problem.log_likelihood(fit.state)
        self.objective_path_, self.n_iter_ = fit.objective_path, fit.n_iter
        self.converged_ = fit.converged

    def _climb(self, problem: Problem, start: State) -> Fit:
        """Run EM from the estimate: to its optimum, or so many plain iterations."""
        progress = type(self).__name__ if self.verbose else None
        if self.refine != "converge":
            return problem.climb(
                start, max_iter=int(self.refine), tol=0, accelerate=False, progress=progress
            )
        fit = problem.climb(start, max_iter=_EM_PASSES, tol=_EM_TOL, progress=progress)
        warn_unless_converged(fit, _EM_PASSES, _EM_TOL)
        return fit

    def _warn_unless_converged(self, solution: Solution) -> None:
        if not solution.converged and getattr(self, "tol", 0) > 0:
            warnings.warn(
                f"{type(self).__name__} had not converged after {solution.n_iter} iterations. "
                "Raise max_iter or tol; tol=0 says that stopping early is meant.",
                ConvergenceWarning,
                stacklevel=6,
            )

    def solve(
        self,
        annotations: Annotations,
        gold: NDArray[np.int32] | None,
        problem: Problem,
        random: np.random.Generator,
    ) -> Solution:
        """Return the likeliest candidate as a state of EM, or the vote where there is none.

        Parameters
        ----------
        annotations : Annotations
        gold : ndarray of int32, shape (N,), or None
        problem : Problem
            Its structure and class prior turn the estimate into a state.
        random : Generator

        Returns
        -------
        Solution
        """
        shares = clamp(vote_shares(annotations, n_jobs=self.n_jobs), gold)
        scorer = _Scorer(annotations, problem, shares)
        known = None if problem.class_prior.learned else problem.class_prior.fixed
        crowd = Crowd(annotations, scorer.vote, random, self.n_jobs, known)
        best, best_score = None, scorer.least_score if self._must_beat_pooling else -np.inf
        found = list(self._candidates(crowd)) if annotations.n_classes > 1 else []
        for estimate in found:
            if not estimate.estimated.any():
                continue
            counts = _expected_counts(annotations, estimate, problem.class_prior, self._least)
            score = scorer.score(*counts)
            if score > best_score:
                best, best_score = (estimate, counts), score
        if best is None:
            self._warn_of_fallback(annotations, bool(found))
            nobody = np.zeros(annotations.n_annotators, dtype=np.bool_)
            return Solution(problem.from_soft_labels(shares), nobody, np.zeros(1), 1, True)
        estimate, (prior, table) = best
        state = State(prior, problem.structure.maximise(table))
        return Solution(
            state,
            estimate.estimated,
            estimate.objective_path,
            estimate.n_iter,
            estimate.converged,
        )

    def _warn_of_fallback(self, annotations: Annotations, found: bool) -> None:
        why = (
            "what it estimated explains the votes worse than one confusion matrix for everybody"
            if found
            else f"{annotations.n_classes} classes and {annotations.n_annotators} annotators on "
            f"{annotations.n_items} items give it no moments to estimate from"
        )
        warnings.warn(
            f"{type(self).__name__} fell back to the majority vote: {why}. More items shared by "
            "the same annotators would help; with so few, use DawidSkene or MajorityVote.",
            UserWarning,
            stacklevel=6,
        )

    def _stranger(self) -> Float:
        return prior_confusion(len(self.classes_), self.prior_accuracy)


class _Scorer:
    """Log likelihood of the votes under an estimate that a little prior has made safe."""

    def __init__(self, annotations: Annotations, problem: Problem, shares: Float) -> None:
        self.problem = problem
        n_classes = annotations.n_classes
        self.safe = Confusions(prior_confusion(n_classes, 0.7), 1.0)
        shape = (annotations.n_annotators, n_classes, n_classes)
        counts = problem.passes.count(shares)
        vote = self.safe.maximise(counts.table).reshape(shape)
        self.vote = vote / vote.sum(axis=1, keepdims=True)
        pooled = np.tile(counts.table.reshape(shape).sum(axis=0), (shape[0], 1))
        # The little prior costs an annotator's own matrix up to about one nat per parameter.
        slack = shape[0] * n_classes * (n_classes - 1)
        self.least_score = self.score(problem.class_prior.maximise(counts.mass), pooled) - slack

    def score(self, prior: Float, table: Float) -> float:
        """Return the log likelihood, whatever the prior of the model itself."""
        return self.problem.log_likelihood(State(prior, self.safe.maximise(table)))


def _expected_counts(
    annotations: Annotations, estimate: Estimate, class_prior: ClassPrior, least: float
) -> tuple[Float, Float]:
    """Return the class prior and the label counts (M·K, K) that an estimate would expect.

    Classes are put in the one order that gives all annotators together most right labels;
    annotators without an estimate get the mean of the others, weighted by their labels.
    """
    n_labels = annotations.labels_per_annotator.astype(np.float64)
    known = estimate.estimated & (n_labels > 0)
    known = known if known.any() else estimate.estimated
    support = np.maximum(n_labels[known], 1)
    order = match_to_diagonal(estimate.factors[known], support)
    factors = np.maximum(estimate.factors[:, :, order], least)
    factors[~estimate.estimated] = np.tensordot(support, factors[known], axes=1) / support.sum()
    factors /= factors.sum(axis=1, keepdims=True)
    if estimate.weights is None:
        weights = _prior_of_shares(annotations, factors)
    else:
        weights = np.maximum(estimate.weights[order], _RAREST)
    n_items = float((annotations.labels_per_item > 0).sum())
    prior = class_prior.maximise(n_items * weights / weights.sum())
    counts = n_labels[:, np.newaxis, np.newaxis] * factors * prior
    return prior, counts.reshape(-1, annotations.n_classes)


def _prior_of_shares(annotations: Annotations, factors: Float) -> Float:
    """Return the class prior under which the factors explain how often each label is used."""
    moments = label_shares(annotations)
    root = np.sqrt(moments.totals)[:, np.newaxis]
    n_classes = annotations.n_classes
    stack = (root[:, :, np.newaxis] * factors).reshape(-1, n_classes)
    solution, _ = nnls(stack, (root * moments.shares).ravel())
    return np.maximum(solution, _RAREST)


def as_estimate(result: FactorizationResult, weights: Float | None = None) -> Estimate:
    """Return a solver's result as an estimate; the weights of the result unless given."""
    return Estimate(
        result.factors,
        result.estimated,
        result.weights if weights is None else weights,
        result.objective_path,
        result.n_iter,
        result.converged,
    )
