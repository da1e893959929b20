"""The classifier of rows that are all of one class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import _check_feature_names, _check_n_features

from aggregate.learning.soft_labels._expansion import count_rows

Float = NDArray[np.float64]


class ConstantClassifier(ClassifierMixin, BaseEstimator):
    """What is fitted when all training rows are of one class: it says that class.

    Half of scikit-learn's classifiers refuse such rows, but a fold, a draw or one annotator's
    labels may well hold no other.
    """

    def __init__(self, name: Any) -> None:
        self.name = name
        self.classes_ = np.array([name])

    def fit(self, X: Any, y: Any = None) -> ConstantClassifier:
        """Learn how many columns there are, if the rows have any."""
        _check_feature_names(self, X, reset=True)
        _check_n_features(self, X, reset=True)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class for every row."""
        self._check(X)
        return np.repeat(self.classes_, count_rows(X))

    def predict_proba(self, X: Any) -> Float:
        """Return ones."""
        self._check(X)
        return np.ones((count_rows(X), 1))

    def _check(self, X: Any) -> None:
        _check_feature_names(self, X, reset=False)
        _check_n_features(self, X, reset=False)
