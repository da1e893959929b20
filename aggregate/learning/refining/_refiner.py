"""What the refiners share: reading, the classifier at the end, and what it tells of the crowd."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from aggregate._all_or_nothing import all_or_nothing
from aggregate.annotations import Annotations
from aggregate.fusion import decide
from aggregate.learning._crowd_summary import confusions_of
from aggregate.learning.soft_labels._delegation import Delegating
from aggregate.learning.soft_labels._fold_fit import as_rows, fit_soft, take_over_columns
from aggregate.learning.soft_labels._targets import names_for_estimators, one_hot
from aggregate.models._gold import gold_codes

Float = NDArray[np.float64]
Gold = NDArray[np.int32] | None


class Refiner(Delegating):
    """Labels are refined with the help of classifiers, and one is trained on the result.

    A subclass has the parameters ``estimator`` and ``random_state``; it checks its own, and
    refines.
    """

    random_state: int | np.random.Generator | None

    @abstractmethod
    def _check_parameters(self) -> None:
        """Refuse parameters that mean nothing."""

    @abstractmethod
    def _refine(self, X: Any, votes: Annotations, gold: Gold, random: np.random.Generator) -> None:
        """Refine the labels, train with `_train`, and keep what there is with `_keep`."""

    def fit(self, X: Any, y: Any, *, gold: Any = None, items: Any = None) -> Self:
        """Refine the labels and train the classifier.

        Parameters
        ----------
        X : array-like of shape (N, D)
            Features, in any form that the classifier takes.
        y : Annotations, array-like of shape (N, M) or (N,)
            Votes; -1, NaN and None are missing in a table.
        gold : mapping item -> class or array-like of shape (N,), optional
            Known truth of some rows, to which they are held.
        items : array-like of shape (N,), optional
            Names of the rows, by which the items of Annotations are then found.

        Returns
        -------
        self
        """
        self._check_estimators()
        self._check_parameters()
        with all_or_nothing(self):
            votes = self._read_votes(X, y, items)
            truth = gold_codes(gold, votes)
            X = as_rows(X)
            self._sparse = issparse(X)
            self._refine(X, votes, truth, np.random.default_rng(self.random_state))
        return self

    def _train(
        self, X: Any, targets: Float, weight: Float | None, random: np.random.Generator
    ) -> None:
        """Fit ``estimator_`` to soft labels; rows of zeros do not train."""
        names, seed = names_for_estimators(self.classes_), int(random.integers(2**31 - 1))
        self.estimator_ = fit_soft(self._estimator(), X, targets, weight, seed, names)
        take_over_columns(self, self.estimator_)

    def _keep(self, votes: Annotations, soft: Float) -> None:
        """Set the soft labels, and what they say of the annotators."""
        self.probas_ = soft
        codes = decide(soft, class_prior=self.class_prior_)
        self.labels_ = self.classes_[codes]
        self.confusion_ = confusions_of(votes, one_hot(codes, votes.n_classes))

    def _estimator(self) -> Any:
        if self.estimator is not None:
            return self.estimator
        scaler = StandardScaler(with_mean=not getattr(self, "_sparse", False))
        return make_pipeline(scaler, LogisticRegression(max_iter=1000))

    def __sklearn_tags__(self) -> Any:
        """Say that the default classifier takes sparse features."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse |= self.estimator is None
        return tags
