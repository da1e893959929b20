"""Fit any estimator to soft labels in the most faithful way that it allows.

====================================  =========================================================
there is one class                     a constant ("labels")
every row has one class               an ordinary fit ("labels")
a pipeline                            transformers see each row once, the last step goes on
a regressor                           soft labels are its targets ("targets")
a grid or random search               rows are split, copies never ("weights" within)
takes ``sample_weight``               weighted copies of rows ("weights")
anything else; one that sets rows     labels are drawn, several fits averaged ("draws")
aside by itself; a kernel machine
that many copies would slow down
====================================  =========================================================
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone, is_regressor
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.parallel import Parallel, delayed

from aggregate.fusion import decide
from aggregate.learning.soft_labels._constant_classifier import ConstantClassifier
from aggregate.learning.soft_labels._copies import (
    fit_boosting,
    fit_copies,
    fit_in_folds,
    keeps_folds,
    takes_judges,
)
from aggregate.learning.soft_labels._draws import DrawnEnsemble, draw_labels
from aggregate.learning.soft_labels._estimator_kinds import (
    dear_with_copies,
    splits_rows,
    takes_weights,
)
from aggregate.learning.soft_labels._expansion import take_rows
from aggregate.learning.soft_labels._inner_search import fit_search
from aggregate.learning.soft_labels._probability_regressor import ProbabilityRegressor, for_tables
from aggregate.learning.soft_labels._seeds import seeded

Float = NDArray[np.float64]


class Trained(NamedTuple):
    """A fitted estimator, and how it was told the labels."""

    model: Any
    way: str


@dataclass(frozen=True)
class Training:
    """How to fit: what classes are called, and how labels are drawn.

    Parameters
    ----------
    classes : ndarray of shape (K,)
        What the estimator is told instead of class k.
    seed : int
        Of the draws, and of every ``random_state`` that is None.
    always_draw : bool
        Draw labels even where weights are taken.
    n_draws : int
    n_jobs : int or None
    groups : ndarray of shape (N,) or None
        For searches within.
    """

    classes: NDArray[Any]
    seed: int
    always_draw: bool = False
    n_draws: int = 10
    n_jobs: int | None = None
    groups: NDArray[Any] | None = None

    def fit(self, estimator: Any, X: Any, weights: Float) -> Trained:
        """Return a fitted clone of the estimator.

        Parameters
        ----------
        estimator : classifier or regressor
        X : array-like of shape (N, D)
        weights : ndarray of shape (N, K)
            Soft labels times the rows' weights; every row has a positive entry.
        """
        random = np.random.default_rng(self.seed)
        estimator = clone(estimator)
        occurring = np.flatnonzero(weights.any(axis=0))
        if len(occurring) == 1:
            return Trained(ConstantClassifier(self.classes[occurring[0]]).fit(X), "labels")
        if is_regressor(estimator) and not isinstance(estimator, Pipeline):
            return Trained(self._fit_targets(seeded(estimator, random), X, weights), "targets")
        row_weight = weights.sum(axis=1)
        even = _are_one(row_weight)
        settled = bool(((weights > 0).sum(axis=1) == 1).all())
        if settled and even and not is_regressor(estimator):
            return Trained(seeded(estimator, random).fit(X, self._hard(weights)), "labels")
        if isinstance(estimator, Pipeline):
            return self._fit_pipeline(estimator, X, weights)
        if isinstance(estimator, GridSearchCV | RandomizedSearchCV) and not self.always_draw:
            inner = replace(self, groups=None)
            search = seeded(estimator, random)
            return Trained(*fit_search(search, X, weights, inner, self.groups))
        if settled:
            _needs_weights(estimator)
            labels = self._hard(weights)
            model = seeded(estimator, random).fit(X, labels, sample_weight=row_weight)
            return Trained(model, "labels")
        return self._fit_unsettled(estimator, X, weights, random)

    def _fit_unsettled(
        self, estimator: Any, X: Any, weights: Float, random: np.random.Generator
    ) -> Trained:
        """Fit where some rows have several classes: to copies, or to draws."""
        if not self.always_draw and takes_weights(estimator):
            model = seeded(clone(estimator), random)
            if takes_judges(model):
                boosting = fit_boosting(model, X, weights, self.classes, self.seed)
                return Trained(boosting, "weights")
            if keeps_folds(model):
                folded = fit_in_folds(model, X, weights, self.classes, self.groups)
                return Trained(folded, "weights")
            n_copies = int((weights > 0).sum())
            dear = dear_with_copies(model, n_copies / len(weights), self.n_draws)
            if not dear and splits_rows(model, n_copies) is None:
                return Trained(fit_copies(model, X, weights, self.classes), "weights")
        return Trained(self._fit_draws(estimator, X, weights, random), "draws")

    def _fit_draws(
        self, estimator: Any, X: Any, weights: Float, random: np.random.Generator
    ) -> DrawnEnsemble:
        row_weight = weights.sum(axis=1)
        options = {}
        if not _are_one(row_weight):
            _needs_weights(estimator)
            options = {"sample_weight": row_weight}
        drawn = draw_labels(X, weights / row_weight[:, np.newaxis], self.n_draws, random)
        fits = [
            delayed(_fit_one)(seeded(clone(estimator), random), X, self.classes[codes], options)
            for codes in drawn
        ]
        return DrawnEnsemble(Parallel(n_jobs=self.n_jobs)(fits), self.classes)

    def _fit_pipeline(self, pipeline: Pipeline, X: Any, weights: Float) -> Trained:
        """Fit the transformers to the rows as they are, then the last step to soft labels."""
        if len(pipeline.steps) > 1:
            transformers = seeded(pipeline[:-1], np.random.default_rng(self.seed))
            X = transformers.fit_transform(X, self._hard(weights))
            pipeline.steps[:-1] = transformers.steps
        name, last = pipeline.steps[-1]
        trained = self.fit(last, X, weights)
        pipeline.steps[-1] = (name, trained.model)
        return Trained(pipeline, trained.way)

    def _fit_targets(self, regressor: Any, X: Any, weights: Float) -> ProbabilityRegressor:
        row_weight = weights.sum(axis=1)
        options = {}
        if not _are_one(row_weight):
            _needs_weights(regressor)
            options = {"sample_weight": row_weight}
        table = for_tables(regressor)
        table.fit(X, weights / row_weight[:, np.newaxis], **options)
        return ProbabilityRegressor(table, self.classes)

    def _hard(self, weights: Float) -> NDArray[Any]:
        return self.classes[decide(weights, class_prior=weights.sum(axis=0))]


def all_rows(X: Any, weights: Float) -> tuple[Any, Float, NDArray[np.int64]]:
    """Return the rows that have a positive weight, their weights and where they stood."""
    rows = np.flatnonzero(weights.any(axis=1))
    return take_rows(X, rows), weights[rows], rows


def _fit_one(estimator: Any, X: Any, labels: NDArray[Any], options: dict[str, Any]) -> Any:
    return estimator.fit(X, labels, **options)


def _are_one(row_weight: Float) -> bool:
    """Say whether the weights are 1, up to the rounding of a sum of probabilities."""
    return bool((abs(row_weight - 1.0) < 1e-9).all())


def _needs_weights(estimator: Any) -> None:
    if not takes_weights(estimator):
        raise ValueError(
            f"{type(estimator).__name__} takes no sample_weight, so rows cannot differ in weight: "
            "leave out class_weight, weight_by_confidence and sample_weight, or take an estimator "
            "that has it."
        )
