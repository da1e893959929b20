"""Abstentions as evidence: a response beside the classes, more likely for some truths than others.

An abstaining annotator j says nothing about an item of class k with probability s[j, k], and
otherwise answers by the confusion matrix. Both are one distribution over K + 1 responses,

    P(abstains | k) = s[j, k],    P(says y | k) = (1 - s[j, k]) · A_j[k, y],

so the passes over the votes need nothing but a table with K + 1 rows per annotator, the
abstention last; and whoever reads ``confusion_`` still finds K classes, given an answer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from aggregate._tables import to_confusion
from aggregate.annotations import Annotations
from aggregate.kernels.em import FLOOR
from aggregate.models._confusion_model import ConfusionModel
from aggregate.models._em import State
from aggregate.models._new_items import align
from aggregate.models._problem import Problem, Structure
from aggregate.models._responses import (
    answers_only,
    response_table,
    responses_of,
    set_aside,
)

Float = NDArray[np.float64]

_MOST = 1 - 2.0**-26  # of a chance to abstain: an answer is never quite impossible


def abstention_rate(annotations: Annotations, *, shared: bool = False) -> Float:
    """Return how often each annotator abstains, drawn to the crowd's rate by one response.

    Parameters
    ----------
    annotations : Annotations
        Responses are taken from it.
    shared : bool
        The crowd's rate for everybody.

    Returns
    -------
    ndarray of shape (M,)
    """
    votes = responses_of(annotations)
    declined = votes.label == annotations.n_classes
    overall = declined.mean() if len(declined) else 0.0
    if shared:
        return np.full(votes.n_annotators, overall)
    silent = np.bincount(votes.annotator[declined], minlength=votes.n_annotators)
    return np.asarray((silent + overall) / (votes.labels_per_annotator + 1))


class WithAbstention:
    """Maximise over confusions of some family and, freely, over the chances of abstaining.

    Parameters
    ----------
    answers : Structure
        What the confusions given an answer may be.
    rate : ndarray of shape (M,)
        Mean of the Beta prior of an annotator's chances, whatever the truth: with few
        abstentions, they say nothing about it.
    strength : float
        Pseudo-responses of the prior, per annotator and class.
    shared : bool
        One chance per class for the whole crowd.
    """

    def __init__(
        self, answers: Structure, rate: Float, strength: float, *, shared: bool = False
    ) -> None:
        self.answers, self.shared = answers, shared
        self.rate = rate[:, np.newaxis]
        self.silent = strength * self.rate
        self.spoken = strength * (1 - self.rate)

    def maximise(self, counts: Float) -> Float:
        """Return the table of probabilities that the counts make likeliest."""
        n_classes = counts.shape[1]
        blocks = counts.reshape(-1, n_classes + 1, n_classes)
        said = np.ascontiguousarray(blocks[:, :-1])
        silent, spoken = blocks[:, -1], said.sum(axis=1)
        if self.shared:
            silent = np.broadcast_to(silent.sum(axis=0), silent.shape)
            spoken = np.broadcast_to(spoken.sum(axis=0), spoken.shape)
        total = silent + self.silent + spoken + self.spoken
        share = np.broadcast_to(self.rate, total.shape).copy()
        np.divide(silent + self.silent, total, out=share, where=total > 0)
        return self._join(self.answers.maximise(said.reshape(-1, n_classes)), share)

    def admit(self, table: Float) -> Float:
        """Return a table of answers alone with the prior's chances of abstaining."""
        share = np.broadcast_to(self.rate, (len(self.rate), table.shape[1]))
        return self._join(table, share)

    def log_prior(self, table: Float) -> float:
        """Return the log density of the table, up to a constant."""
        n_classes = table.shape[1]
        said, share = split_responses(table)
        value = self.answers.log_prior(said.reshape(-1, n_classes))
        some = slice(0, 1) if self.shared else slice(None)
        value += (self.silent[some] * np.log(np.maximum(share[some], FLOOR))).sum()
        return float(value + (self.spoken[some] * np.log1p(-share[some])).sum())

    def _join(self, answers: Float, share: Float) -> Float:
        n_classes = answers.shape[1]
        share = np.minimum(share, _MOST)
        table = np.empty((len(share), n_classes + 1, n_classes))
        table[:, :-1] = answers.reshape(-1, n_classes, n_classes)
        table[:, :-1] *= 1 - share[:, np.newaxis]
        table[:, -1] = share
        return np.maximum(table.reshape(-1, n_classes), FLOOR)


def split_responses(table: Float) -> tuple[Float, Float]:
    """Return the confusions given an answer, (M, K, K) as kernels see them, and s, (M, K).

    The table holds probabilities or the parameters of Dirichlet distributions.
    """
    n_classes = table.shape[1]
    blocks = table.reshape(-1, n_classes + 1, n_classes)
    said = np.ascontiguousarray(blocks[:, :-1])
    share = blocks[:, -1] / blocks.sum(axis=1)
    said /= said.sum(axis=1, keepdims=True)
    return said, np.minimum(share, _MOST)


def with_abstention(
    structure: Structure, annotations: Annotations, strength: float, *, shared: bool = False
) -> Structure:
    """Return the structure with chances of abstaining, where some do abstain."""
    if responses_of(annotations) is annotations:
        return structure
    return WithAbstention(
        structure, abstention_rate(annotations, shared=shared), strength, shared=shared
    )


def complete(state: State, structure: Structure) -> State:
    """Return a state of answers alone with the prior's chances of abstaining, if there are any."""
    n_classes = state.table.shape[1]
    if (
        isinstance(structure, WithAbstention)
        and len(state.table) == len(structure.rate) * n_classes
    ):
        return state._replace(table=structure.admit(state.table))
    return state


def without_abstention(
    problem: Problem, annotations: Annotations, gold: NDArray[np.int32] | None, n_jobs: int | None
) -> Problem:
    """Return the problem of the answers alone, for those who know nothing of abstentions."""
    if not isinstance(problem.structure, WithAbstention):
        return problem
    structure, plain = problem.structure.answers, answers_only(annotations)
    return Problem(plain, gold, structure, problem.class_prior, n_jobs)


class AbstentionModel(ConfusionModel):
    """A confusion model that may take abstentions for evidence.

    A subclass has the parameter ``abstention`` and sets ``abstention_``, shape (M, K), beside
    the confusions, by `_keep_table`.
    """

    abstention: Any

    def _read(self, X: Any, *, reset: bool) -> Annotations:
        annotations = super()._read(X, reset=reset)
        if reset and self.abstention is not None:
            return set_aside(annotations, self.abstention)
        return annotations

    def _missing_mark(self, reset: bool) -> Any:
        if isinstance(self.abstention, int | float) and self.abstention == -1:
            return None
        return super()._missing_mark(reset)

    def _known(self, X: Any) -> Annotations:
        if self.abstention is None:
            return super()._known(X)
        check_is_fitted(self)
        return align(
            self._read(X, reset=False),
            self.annotators_,
            response_table(self.classes_, self.abstention),
            self.unknown_annotators,
        )

    def _keep_table(self, table: Float, class_prior: Float) -> None:
        """Set confusions, chances of abstaining and class prior from a fitted table."""
        n_classes = table.shape[1]
        if len(table) == len(self.annotators_) * n_classes:
            confusion = to_confusion(table)
            self.abstention_ = np.zeros(confusion.shape[:2])
        else:
            said, self.abstention_ = split_responses(table)
            confusion = to_confusion(said.reshape(-1, n_classes))
        self._keep_confusions(confusion, class_prior)

    def _confusions_with_stranger(self) -> Float:
        """Append the unknown annotator, whose code is M, and the abstention, of code K."""
        confusion = super()._confusions_with_stranger()
        if self.abstention is None:
            return confusion
        share = np.concatenate([self.abstention_, self._silent_stranger()[np.newaxis]])
        return np.concatenate(
            [confusion * (1 - share)[:, :, np.newaxis], share[:, :, np.newaxis]], axis=2
        )

    def _silent_stranger(self) -> Float:
        """Return an unknown annotator's chances of abstaining (K,): the same for all truths."""
        mean = self.abstention_.mean() if self.abstention_.size else 0.0
        return np.full(len(self.classes_), mean)
