"""Train on soft labels where an estimator takes no weights: labels drawn, several fits, their mean.

Draws of one row are spread evenly: of S draws, class k appears :math:`S p_{ik}` times, rounded up
or down, and on average over the seeds exactly as often. The mean of the fits then varies less
than with independent draws. There are no copies of rows, so an estimator may split them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from aggregate.fusion import decide
from aggregate.learning._folds import row_keys
from aggregate.learning.soft_labels._columns import match_rows, probas_of

Float = NDArray[np.float64]


def draw_labels(
    X: Any, soft: Float, n_draws: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Return drawn class codes, shape (n_draws, N).

    Parameters
    ----------
    X : array-like of shape (N, D)
        The rows; what is drawn for a row depends on what it holds, not on where it stands.
    soft : ndarray of shape (N, K)
        Non-negative, rows sum to one.
    n_draws : int
    random : Generator
    """
    order = np.lexsort((*soft.T[::-1], row_keys(X, random)))
    classes = np.argsort(-soft[order].sum(axis=0), kind="stable")  # so that names mean nothing
    return np.asarray(classes[spread_draws(soft[:, classes], n_draws, random, order)])


def spread_draws(
    soft: Float, n_draws: int, random: np.random.Generator, order: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return drawn class codes, shape (n_draws, N), random numbers given out in an order of rows.

    A row's draws sit at equal distances on its distribution, from a random start, in random order.
    """
    start = np.empty(len(soft))
    start[order] = random.random(len(soft))
    turn = np.empty((len(soft), n_draws))
    turn[order] = random.permuted(np.tile(np.arange(n_draws), (len(soft), 1)), axis=1)
    places = (start[:, np.newaxis] + turn) / n_draws
    codes = np.zeros(places.shape, dtype=np.int64)
    below = np.cumsum(soft, axis=1)
    for k in range(soft.shape[1] - 1):
        codes += places >= below[:, k, np.newaxis]
    last = soft.shape[1] - 1 - np.argmax(soft[:, ::-1] > 0, axis=1)  # where rounding falls short
    return np.asarray(np.minimum(codes, last[:, np.newaxis]).T)


def _have_probabilities(ensemble: DrawnEnsemble) -> bool:
    return all(hasattr(model, "predict_proba") for model in ensemble.estimators_)


def _have_scores(ensemble: DrawnEnsemble) -> bool:
    return all(
        hasattr(model, "decision_function") and len(model.classes_) == len(ensemble.classes)
        for model in ensemble.estimators_
    )


class DrawnEnsemble(ClassifierMixin, BaseEstimator):
    """The mean of classifiers that were fitted to different draws of the labels.

    Parameters
    ----------
    estimators : list of fitted classifiers
    classes : ndarray of shape (K,)
        All classes; a draw may have missed some.
    """

    def __init__(self, estimators: Sequence[Any], classes: NDArray[Any]) -> None:
        self.estimators = estimators
        self.classes = classes

    @property
    def estimators_(self) -> Sequence[Any]:
        """The fitted classifiers."""
        return self.estimators

    @property
    def classes_(self) -> NDArray[Any]:
        """The classes, in the order of the columns."""
        return self.classes

    @property
    def n_features_in_(self) -> int:
        """Number of columns of X."""
        return int(self.estimators_[0].n_features_in_)

    @property
    def feature_names_in_(self) -> NDArray[Any]:
        """Names of the columns of X."""
        return np.asarray(self.estimators_[0].feature_names_in_)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, X: Any, y: Any) -> DrawnEnsemble:
        """Refuse: the classifiers come fitted."""
        raise NotImplementedError("a DrawnEnsemble is made of fitted classifiers.")

    @available_if(_have_probabilities)
    def predict_proba(self, X: Any) -> Float:
        """Return the mean of the classifiers' probabilities."""
        total = sum(probas_of(model, X, self.classes) for model in self.estimators_)
        return np.asarray(total / len(self.estimators_))

    @available_if(_have_scores)
    def decision_function(self, X: Any) -> Float:
        """Return the mean of the classifiers' scores."""
        return np.mean([model.decision_function(X) for model in self.estimators_], axis=0)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class of highest mean probability, or that most classifiers name."""
        check_is_fitted(self)
        if _have_probabilities(self):
            return self.classes[decide(self.predict_proba(X), ties="first")]
        votes = np.stack([match_rows(model.predict(X), self.classes) for model in self.estimators_])
        counts = (votes[:, :, np.newaxis] == np.arange(len(self.classes))).sum(axis=0)
        return self.classes[counts.argmax(axis=1)]
