"""Variational Bayes for confusions: Dirichlet posteriors in place of point estimates.

A state holds the parameters of the Dirichlet posteriors, of the class prior (K,) and of every
confusion row ``[j·K + y, k]``. One round takes their expected log probabilities, makes the
items' posteriors from them by the pass that EM uses, and adds the expected counts to the
prior's pseudo-counts. The objective, a lower bound on the log evidence, never falls.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.fusion.posterior import clamp
from aggregate.kernels.dirichlet import expect_log
from aggregate.kernels.em import FLOOR
from aggregate.models._best_start import best_fit
from aggregate.models._checkpoint import checkpoint_of
from aggregate.models._confusion_model import ConfusionModel
from aggregate.models._em import Fit, Run, Save, State, run_em, warn_unless_converged
from aggregate.models._problem import passes_over
from aggregate.models._start import _around_votes, shares_to_start_from

Float = NDArray[np.float64]


def soft_starts(
    annotations: Annotations,
    gold: NDArray[np.int32] | None,
    n_init: int,
    random_state: int | np.random.Generator | None,
    n_jobs: int | None,
    *,
    gold_alone: bool = False,
) -> Iterator[Float]:
    """Yield soft labels to start from: the shares of the votes, then draws around them.

    With ``gold_alone``, yield once, and only gold items have shares.
    """
    random = np.random.default_rng(random_state)
    for turn in range(1 if gold_alone else n_init):
        yield soft_start(annotations, gold, turn, random, n_jobs, gold_alone=gold_alone)


def soft_start(
    annotations: Annotations,
    gold: NDArray[np.int32] | None,
    turn: int,
    random: np.random.Generator,
    n_jobs: int | None,
    *,
    gold_alone: bool = False,
) -> Float:
    """Return the first soft labels to start from, or later ones, drawn around the votes."""
    if turn == 0:
        return shares_to_start_from(annotations, gold, n_jobs, gold_alone=gold_alone)
    return clamp(_around_votes(annotations, random), gold)


class Variational:
    """Independent Dirichlet priors on the class prior and the confusions of a data set.

    Parameters
    ----------
    annotations : Annotations
    gold : ndarray of int32, shape (N,), or None
    prior_pseudo : ndarray of shape (K,)
        Parameters of the class prior's Dirichlet distribution.
    pseudo : ndarray of shape (K, K) or (R, K)
        Parameters ``[y, k]`` of those of the confusions, of more than K responses where
        annotators may abstain.
    n_jobs : int or None
    """

    def __init__(
        self,
        annotations: Annotations,
        gold: NDArray[np.int32] | None,
        prior_pseudo: Float,
        pseudo: Float,
        n_jobs: int | None = None,
    ) -> None:
        self.n_classes, self.n_responses = annotations.n_classes, len(pseudo)
        self.passes = passes_over(annotations, gold, n_jobs)
        self.prior_pseudo, self.pseudo = prior_pseudo, pseudo

    def from_soft_labels(self, soft_labels: Float) -> State:
        """Return the state that the counts under soft labels make."""
        counts = self.passes.count(soft_labels)
        return self.learn(counts.mass, counts.table)

    def learn(self, mass: Float, counts: Float) -> State:
        """Return the posteriors that expected counts make of the priors."""
        table = counts.reshape(-1, *self.pseudo.shape) + self.pseudo
        return State(mass + self.prior_pseudo, table.reshape(counts.shape))

    def expected(self, state: State) -> tuple[State, float]:
        """Return exp E log of the parameters, and the divergence of posterior from prior."""
        prior, divergence = geometric(state.prior[:, np.newaxis], self.prior_pseudo[:, np.newaxis])
        table, more = geometric(state.table, self.pseudo)
        return State(prior[:, 0], table), divergence + more

    def step(self, state: State) -> tuple[float, State]:
        """Return the lower bound at a state and the state after one round."""
        expected, divergence = self.expected(state)
        counts = self.passes.expect(expected)
        return counts.log_likelihood - divergence, self.learn(counts.mass, counts.table)

    def climb(
        self, run: Run, *, max_iter: int, tol: float, progress: str | None, save: Save | None
    ) -> Fit:
        """Go round from a start until the bound hardly rises."""
        disable = progress is None
        with tqdm(disable=disable, desc=progress, unit="pass", initial=run.n_iter) as bar:

            def step(state: State) -> tuple[float, State]:
                objective, following = self.step(state)
                bar.set_postfix(objective=f"{objective:.6g}", refresh=False)
                bar.update()
                return objective, following

            return run_em(step, run, max_iter=max_iter, tol=tol, accelerate=False, save=save)


def geometric(weights: Float, pseudo: Float) -> tuple[Float, float]:
    """Return exp E log p for p ~ Dir(weights), and the sum of the KL divergences to the prior.

    The distributions are as long as ``pseudo`` has rows.
    """
    log_table = np.empty_like(weights)
    divergence = expect_log(weights, pseudo, len(pseudo), log_table)
    return np.maximum(np.exp(log_table, out=log_table), FLOOR), float(divergence)


class VariationalModel(ConfusionModel):
    """A confusion model fitted by variational Bayes.

    A subclass has the parameters ``max_iter``, ``tol``, ``n_init``, ``checkpoint``,
    ``checkpoint_every`` and ``verbose`` besides those of the base and says by ``_problem``
    which priors it puts.
    """

    _heeds_gold: ClassVar[bool] = True

    @abstractmethod
    def _problem(self, annotations: Annotations, gold: NDArray[np.int32] | None) -> Variational:
        """Return the data set with the priors."""

    def _fit(self, annotations: Annotations, gold: NDArray[np.int32] | None, **data: Any) -> None:
        self._check_parameters()
        gold_alone = data.get("gold_alone", False)
        problem = self._problem(annotations, gold)
        best = best_fit(
            lambda turn, random: problem.from_soft_labels(
                soft_start(annotations, gold, turn, random, self.n_jobs, gold_alone=gold_alone)
            ),
            lambda run, save: problem.climb(
                run,
                max_iter=self.max_iter,
                tol=self.tol,
                progress=type(self).__name__ if self.verbose else None,
                save=save,
            ),
            shape=problem.passes.shape,
            n_init=1 if gold_alone else self.n_init,
            max_iter=self.max_iter,
            random_state=self.random_state,
            checkpoint=None if gold_alone else checkpoint_of(self, annotations, gold),
        )
        self._keep(best, problem)

    def _check_parameters(self) -> None:
        check_number("max_iter", self.max_iter, low=1, integer=True)
        check_number("n_init", self.n_init, low=1, integer=True)
        check_number("tol", self.tol, low=0)
        check_number("annotator_correlation", self.annotator_correlation, low=0, high=1)

    def _keep(self, fit: Fit, problem: Variational) -> None:
        self.confusion_counts_ = in_rows(fit.state.table, problem.n_responses)
        self._keep_table(fit.state.table, fit.state.prior)
        self.objective_path_ = fit.objective_path
        self.n_iter_, self.converged_ = fit.n_iter, fit.converged
        warn_unless_converged(fit, self.max_iter, self.tol)


def in_rows(table: Float, n_responses: int) -> Float:
    """Return a kernels' table with the truth in the rows, shape (M, K, R)."""
    blocks = table.reshape(-1, n_responses, table.shape[1])
    return np.ascontiguousarray(blocks.transpose(0, 2, 1))
