"""A grid or random search within: candidates are judged by whole rows, on their soft labels.

Copies of rows in a search's folds would be learned and judged at once. So the search is given the
rows, each once, and its estimator and scorers are wrapped: the table of soft labels goes through
it as the target, is turned into copies where a candidate is fitted, and into weighted copies
again where it is judged. A score is then the expectation over the soft labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.metrics import get_scorer
from sklearn.utils.metaestimators import available_if

from aggregate.learning.soft_labels._columns import in_columns
from aggregate.learning.soft_labels._copies import row_folds
from aggregate.learning.soft_labels._expansion import copies_of, take_rows

Float = NDArray[np.float64]


class HowToFit(Protocol):
    """What a search asks of the training that it is a part of: how candidates are fitted."""

    @property
    def classes(self) -> NDArray[Any]:
        """What class k is called."""

    def fit(self, estimator: Any, X: Any, weights: Float) -> tuple[Any, str]:
        """Return the estimator, fitted to soft labels, and how it was told them."""


def fit_search(
    search: Any, X: Any, weights: Float, training: HowToFit, groups: Any
) -> tuple[Any, str]:
    """Return the search, fitted to soft labels, and how its best estimator was told them."""
    if search.refit is False:
        raise ValueError(
            f"{type(search).__name__}(refit=False) leaves no fitted estimator: set refit=True."
        )
    given = {"estimator": search.estimator, "cv": search.cv, "scoring": search.scoring}
    folds = row_folds(search.cv, X, weights, groups)
    wrapped = SoftTarget(clone(search.estimator), training)
    search.set_params(estimator=wrapped, cv=folds, scoring=_wrapped(search.scoring))
    try:
        search.fit(X, weights)
    finally:
        search.set_params(**given)
    way = search.best_estimator_.way_
    search.best_estimator_ = search.best_estimator_.estimator_
    return search, way


def _probabilities_within(wrapped: SoftTarget) -> bool:
    return hasattr(wrapped.estimator_, "predict_proba")


def _decision_within(wrapped: SoftTarget) -> bool:
    return hasattr(wrapped.estimator_, "decision_function")


class SoftTarget(ClassifierMixin, BaseEstimator):
    """An estimator whose target is a table of weights, with the parameters of the one within."""

    def __init__(self, estimator: Any, training: HowToFit) -> None:
        self.estimator = estimator
        self.training = training

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of the estimator within."""
        return dict(self.estimator.get_params(deep=deep))

    def set_params(self, **params: Any) -> SoftTarget:
        """Set parameters of the estimator within."""
        self.estimator.set_params(**params)
        return self

    def __sklearn_clone__(self) -> SoftTarget:
        return SoftTarget(clone(self.estimator), self.training)

    @property
    def classes_(self) -> NDArray[Any]:
        """All classes, also those that a fold has not."""
        return self.training.classes

    def fit(self, X: Any, y: Float) -> SoftTarget:
        """Fit the estimator within to soft labels, y."""
        self.estimator_, self.way_ = self.training.fit(self.estimator, X, np.asarray(y))
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class of each row."""
        return np.asarray(self.estimator_.predict(X))

    @available_if(_probabilities_within)
    def predict_proba(self, X: Any) -> Float:
        """Return the probability of each class."""
        return in_columns(self.estimator_.predict_proba(X), self.estimator_.classes_, self.classes_)

    @available_if(_decision_within)
    def decision_function(self, X: Any) -> Float:
        """Return the scores of the estimator within."""
        return np.asarray(self.estimator_.decision_function(X))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the expected accuracy."""
        copies = copies_of(np.asarray(y))
        right = self.predict(X)[copies.rows] == self.classes_[copies.classes]
        return float(np.average(right, weights=copies.weights))


class SoftScorer:
    """A scorer that takes a table of weights, or, after the search, labels."""

    def __init__(self, scorer: Any) -> None:
        self.scorer = scorer
        self.takes_weights = "sample_weight" in signature(scorer).parameters

    def __call__(self, estimator: Any, X: Any, y: Any) -> Any:
        """Return the expectation of the score, or that of the likeliest classes."""
        if np.ndim(y) == 1:
            return self.scorer(estimator, X, y)
        table = np.asarray(y)
        if not self.takes_weights:
            return self.scorer(estimator, X, estimator.classes_[table.argmax(axis=1)])
        try:
            return self._expected(estimator, X, table)
        except ValueError:
            absent = np.flatnonzero(~table.any(axis=0))
            if len(absent) == 0:
                raise
            # Scores of probabilities want every class among the labels; one that these rows do
            # not have is there with next to no weight.
            table = table.copy()
            table[0, absent] = np.finfo(np.float64).tiny
            return self._expected(estimator, X, table)

    def _expected(self, estimator: Any, X: Any, table: Float) -> Any:
        copies = copies_of(table)
        rows, labels = take_rows(X, copies.rows), estimator.classes_[copies.classes]
        return self.scorer(estimator, rows, labels, sample_weight=copies.weights)


def _wrapped(scoring: Any) -> Any:
    if scoring is None:
        return None
    if isinstance(scoring, str):
        return SoftScorer(get_scorer(scoring))
    if callable(scoring):
        return SoftScorer(scoring)
    if isinstance(scoring, Mapping):
        return {name: _wrapped(scorer) for name, scorer in scoring.items()}
    return {name: SoftScorer(get_scorer(name)) for name in scoring}
