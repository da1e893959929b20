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
from aggregate.learning._scoring import known_truth, share
from aggregate.learning._votes import is_vector, read_votes, refuse_another_order
from aggregate.learning.soft_labels._expansion import check_weights

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
        return self.classes_[self._predict_codes(X)]

    def _predict_codes(self, X: Any) -> NDArray[np.int64]:
        return decide(self.predict_proba(X), class_prior=getattr(self, "class_prior_", None))

    def score(
        self, X: Any, y: Any, sample_weight: Any = None, *, gold: Any = None, items: Any = None
    ) -> float:
        """Return the share of rows, or of labels, that the predictions agree with.

        Parameters
        ----------
        X : array-like of shape (N, D)
            Features, in any form that `predict` takes.
        y : array-like of shape (N,), (N, M), or Annotations
            The truth, for the accuracy; or votes, for the share of all labels given that
            the predictions repeat (which noise lowers, for every classifier alike as long
            as it does not depend on the features).
        sample_weight : array-like of shape (N,), optional
            Weights of the rows.
        gold : mapping item -> class or array-like of shape (N,), optional
            The truth, where ``y`` are votes, as in a cross-validation over votes that is
            judged by a truth (`set_score_request`). Rows where it is missing (-1, NaN, None)
            do not count, and ``y`` is not read. A mapping and a pandas series go by name.
        items : array-like of shape (N,), optional
            Names of the rows, by which the items of Annotations are then found. Rows without
            votes do not count.

        Returns
        -------
        float
        """
        check_is_fitted(self)
        codes = self._predict_codes(X)
        weight = check_weights(sample_weight, len(codes))
        if not weight.any():
            raise ValueError("sample_weight is zero everywhere; there is nothing to score.")
        if gold is not None:
            truth, counted = known_truth(gold, X, items, len(codes), self.classes_)
            return share(codes == truth, weight * counted)
        refuse_another_order(X, y, items, "truth" if is_vector(y) else "votes")
        if is_vector(y):
            return float(accuracy_score(y, self.classes_[codes], sample_weight=sample_weight))
        votes = read_votes(y, len(codes), items)
        said = match(votes.classes, self.classes_)[votes.label]
        return share(said == codes[votes.item], weight[votes.item])
