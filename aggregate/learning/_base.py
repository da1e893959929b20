"""What every classifier trained on votes shares: reading them, deciding, scoring."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.validation import _num_samples, check_is_fitted

from aggregate._encoding import match
from aggregate.annotations import Annotations
from aggregate.fusion import decide
from aggregate.learning._votes import is_vector, read_votes, refuse_another_order

Float = NDArray[np.float64]


class BaseCrowdClassifier(ClassifierMixin, BaseEstimator, ABC):
    """Base of the classifiers that learn from features and many annotators' votes.

    A subclass fills `fit(X, y, *, gold=None, items=None)` and `predict_proba(X)`, and sets in
    `fit`, besides what `_read_votes` sets, ``probas_`` (soft labels of the training rows),
    ``labels_`` and ``class_prior_``.
    """

    @abstractmethod
    def predict_proba(self, X: Any) -> Float:
        """Return the probability of each class for each row of X, shape (N, K)."""

    def _read_votes(self, X: Any, y: Any, items: Any = None) -> Annotations:
        """Return the votes, item i for row i of X; set ``classes_``, ``annotators_``, ``items_``.

        See `aggregate.learning._votes.read_votes` for the forms that ``y`` takes. The
        parameters of a fit that fails later must not stay: call it after checking X.
        """
        refuse_another_order(X, y, items)
        votes = read_votes(y, _num_samples(X), items)
        self.classes_ = votes.classes
        self.annotators_ = votes.annotators
        self.items_ = votes.items
        return votes

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the likeliest class of each row of X.

        Parameters
        ----------
        X : array-like of shape (N, D)
            Features.

        Returns
        -------
        ndarray of shape (N,)
        """
        check_is_fitted(self)
        probas = self.predict_proba(X)
        return self.classes_[decide(probas, class_prior=getattr(self, "class_prior_", None))]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of rows, or of labels, that the predictions agree with.

        Parameters
        ----------
        X : array-like of shape (N, D)
            Features.
        y : array-like of shape (N,), (N, M), or Annotations
            The truth, for the accuracy; or votes, for the share of all labels given that
            the predictions repeat (which noise lowers, for every classifier alike as long
            as it does not depend on the features).
        sample_weight : array-like of shape (N,), optional
            Weights of the rows.

        Returns
        -------
        float
        """
        predicted = self.predict(X)
        if is_vector(y):
            return float(accuracy_score(y, predicted, sample_weight=sample_weight))
        refuse_another_order(X, y, None)
        votes = read_votes(y, len(predicted))
        code = match(votes.classes, self.classes_)
        agrees = self.classes_[code[votes.label]] == predicted[votes.item]
        agrees &= code[votes.label] >= 0
        weight = None if sample_weight is None else np.asarray(sample_weight)[votes.item]
        return float(np.average(agrees, weights=weight))
