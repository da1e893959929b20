"""What a classifier trained on votes leaves to its estimator: predictions, scores of rows, tags."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import MetaEstimatorMixin, is_regressor
from sklearn.linear_model import LogisticRegression
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from aggregate._encoding import match
from aggregate.learning._base import BaseCrowdClassifier
from aggregate.learning.soft_labels._columns import in_columns, match_rows, probas_of
from aggregate.learning.soft_labels._estimator_kinds import check_estimator_kind
from aggregate.learning.soft_labels._targets import names_for_estimators
from aggregate.models._base import BaseAggregator

Float = NDArray[np.float64]


def _gives_probabilities(classifier: Delegating) -> bool:
    inner = classifier._inner()
    if is_regressor(inner) or hasattr(inner, "predict_proba"):
        return True
    raise AttributeError(
        f"{type(inner).__name__} gives no probabilities; CalibratedClassifierCV around it does."
    )


def _gives_scores(classifier: Delegating) -> bool:
    return hasattr(classifier._inner(), "decision_function")


class Delegating(MetaEstimatorMixin, BaseCrowdClassifier):
    """Predictions by way of ``estimator_``, whose classes may be fewer and called otherwise."""

    estimator: Any

    def _estimator(self) -> Any:
        return LogisticRegression(max_iter=1000) if self.estimator is None else self.estimator

    def _check_estimators(self) -> None:
        """Refuse what cannot be trained, and what does not aggregate."""
        check_estimator_kind(self._estimator())
        aggregator = getattr(self, "aggregator", None)
        if aggregator is not None and not isinstance(aggregator, BaseAggregator):
            raise TypeError(
                "aggregator must be one of the package's models (an instance: DawidSkene(), "
                f"MajorityVote(), Auto() …); got {aggregator!r}."
            )

    def _inner(self) -> Any:
        """Return the fitted estimator, or before that the one that will be fitted."""
        return getattr(self, "estimator_", None) or self._estimator()

    def _predict_codes(self, X: Any) -> NDArray[np.int64]:
        return match_rows(self.estimator_.predict(X), names_for_estimators(self.classes_))

    @available_if(_gives_probabilities)
    def predict_proba(self, X: Any) -> Float:
        """Return the probability of each class.

        Parameters
        ----------
        X : array-like, data frame, sparse table or list of shape (N, …)
            Features.

        Returns
        -------
        ndarray of shape (N, K)
            Columns in the order of ``classes_``; 0 for a class that no soft label named.
        """
        check_is_fitted(self)
        return probas_of(self.estimator_, X, names_for_estimators(self.classes_))

    @available_if(_gives_scores)
    def decision_function(self, X: Any) -> Float:
        """Return the estimator's scores of the classes.

        Parameters
        ----------
        X : array-like, data frame, sparse table or list of shape (N, …)
            Features.

        Returns
        -------
        ndarray of shape (N, K) or, with two classes, (N,)
            As the estimator gives them; minus infinity for a class that no soft label named.
        """
        check_is_fitted(self)
        told, known = names_for_estimators(self.classes_), self.estimator_.classes_
        said = np.asarray(self.estimator_.decision_function(X))
        place = match(np.asarray(known), told)
        if said.ndim == 1:
            if len(told) == 2:
                return said if place[1] > place[0] else -said
            said = np.stack([-said, said], axis=1)
        elif said.shape[1] != len(known):  # one against one: nothing that could be put in order
            return said
        return in_columns(said, known, told, empty=-np.inf)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        inner = get_tags(self._estimator()).input_tags
        for name in ("sparse", "allow_nan", "string", "categorical", "positive_only", "pairwise"):
            setattr(tags.input_tags, name, getattr(inner, name))
        return tags
