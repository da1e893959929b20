"""Soft labels as targets: a regressor fitted to their columns is a classifier.

Least squares on a row's soft label has the same minimum as on weighted copies of the row (they
differ by a constant), without copies: ridge regression, multi-output trees and forests (their
squared error is the Gini impurity of soft labels), nearest neighbours (the mean of the neighbours'
soft labels), networks with squared error.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.multioutput import MultiOutputRegressor
from sklearn.utils import get_tags

from aggregate.fusion import decide
from aggregate.kernels.simplex import project_rows

Float = NDArray[np.float64]


def for_tables(regressor: Any) -> Any:
    """Return a regressor that takes a table of targets: itself, or one per column."""
    if get_tags(regressor).target_tags.multi_output:
        return regressor
    return MultiOutputRegressor(regressor)


class ProbabilityRegressor(ClassifierMixin, BaseEstimator):
    """A fitted regressor of soft labels, as a classifier.

    What it predicts is moved to the nearest distribution (Euclidean projection), which changes
    nothing where the predictions are distributions already.

    Parameters
    ----------
    regressor : fitted regressor
    classes : ndarray of shape (K,)
    """

    def __init__(self, regressor: Any, classes: NDArray[Any]) -> None:
        self.regressor = regressor
        self.classes = classes

    @property
    def regressor_(self) -> Any:
        """The fitted regressor."""
        return self.regressor

    @property
    def classes_(self) -> NDArray[Any]:
        """The classes, in the order of the columns."""
        return self.classes

    @property
    def n_features_in_(self) -> int:
        """Number of columns of X."""
        return int(self.regressor.n_features_in_)

    @property
    def feature_names_in_(self) -> NDArray[Any]:
        """Names of the columns of X."""
        return np.asarray(self.regressor.feature_names_in_)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, X: Any, y: Any) -> ProbabilityRegressor:
        """Refuse: the regressor comes fitted."""
        raise NotImplementedError("a ProbabilityRegressor is made of a fitted regressor.")

    def predict_proba(self, X: Any) -> Float:
        """Return the distributions nearest to the regressor's predictions."""
        said = np.array(self.regressor.predict(X), dtype=np.float64, order="C")
        said = said.reshape(len(said), len(self.classes))
        project_rows(said)
        return said

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the likeliest class."""
        return self.classes[decide(self.predict_proba(X), ties="first")]
