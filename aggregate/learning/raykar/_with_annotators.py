"""A fitted classifier and its annotators: what each says, and both together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted, validate_data

from aggregate.annotations import Annotations
from aggregate.fusion import decide, from_log_joint, log_joint
from aggregate.learning._base import BaseCrowdClassifier
from aggregate.learning._votes import read_votes, refuse_another_order
from aggregate.learning.raykar._joint_likelihood import log_softmax
from aggregate.learning.raykar._rounds import doubted
from aggregate.learning.raykar._ways_to_fit import Fitted
from aggregate.learning.soft_labels._columns import probas_of
from aggregate.learning.soft_labels._fold_fit import as_rows
from aggregate.learning.soft_labels._targets import names_for_estimators
from aggregate.learning.soft_labels._temperature import scale
from aggregate.models._confusions import prior_confusion
from aggregate.models._new_items import align

Float = NDArray[np.float64]

_OF_ONE_WAY = ("coef_", "intercept_", "estimator_", "temperature_", "C_", "C_scores_")


class ClassifierWithAnnotators(BaseCrowdClassifier):
    """A linear classifier or an estimator, beside a confusion matrix per annotator.

    A subclass has the parameters ``estimator``, ``prior_accuracy``, ``annotator_correlation`` and
    ``unknown_annotators``, and fills ``fit``, which ends with `_keep`.
    """

    estimator: Any
    prior_accuracy: float
    annotator_correlation: float
    unknown_annotators: str

    def _keep(
        self, fitted: Fitted, X: Any, votes: Annotations, gold: NDArray[np.int32] | None
    ) -> None:
        for name in _OF_ONE_WAY:
            self.__dict__.pop(name, None)
        self.__dict__.update(fitted.attributes)
        if self.estimator is not None:
            for name in ("n_features_in_", "feature_names_in_"):
                self.__dict__.pop(name, None)
                if hasattr(self.estimator_, name):
                    setattr(self, name, getattr(self.estimator_, name))
        self.confusion_ = fitted.confusion
        self.class_prior_ = fitted.class_prior
        self.annotator_skill_ = np.einsum("jkk,k->j", fitted.confusion, fitted.class_prior)
        self.objective_path_ = fitted.objective_path
        self.n_iter_ = max(fitted.n_iter, 1)
        self.converged_ = fitted.converged
        trained = np.zeros(votes.n_items, dtype=bool)
        trained[fitted.rows] = True
        self.n_unlabelled_ = int((~trained).sum())
        log_probas = self._log_probas(X)
        log_probas[fitted.rows] = fitted.left_out
        self.probas_ = self._combine(votes, log_probas, gold)
        self.labels_ = self.classes_[decide(self.probas_, class_prior=self.class_prior_)]

    def predict_proba(self, X: Any) -> Float:
        """Return what the classifier alone says of rows of X.

        Parameters
        ----------
        X : array-like or sparse table of shape (N, D)
            Features.

        Returns
        -------
        ndarray of shape (N, K)
            Columns in the order of ``classes_``.
        """
        check_is_fitted(self)
        X = self._check_features(X, reset=False)
        if hasattr(self, "estimator_"):
            return self._ask(X)
        return np.exp(self._log_probas(X))

    def posterior(self, X: Any, y: Any, *, items: Any = None) -> Float:
        """Return soft labels of new rows by the classifier and their votes together.

        Of training rows it would hear the classifier confirm what it learned from the same
        votes: take ``probas_``.

        Parameters
        ----------
        X : array-like or sparse table of shape (N, D)
            Features.
        y : Annotations or array-like of shape (N, M)
            Votes by the fitted annotators (and others, in Annotations). Rows may have none.
        items : array-like of shape (N,), optional
            Names of the rows, as in `fit`.

        Returns
        -------
        ndarray of shape (N, K)
        """
        check_is_fitted(self)
        refuse_another_order(X, y, items)
        X = self._check_features(X, reset=False)
        log_probas = self._log_probas(X)
        votes = read_votes(y, len(log_probas), items)
        votes = align(votes, self.annotators_, self.classes_, self.unknown_annotators)
        return self._combine(votes, log_probas, None)

    def _ask(self, X: Any) -> Float:
        return probas_of(self.estimator_, as_rows(X), names_for_estimators(self.classes_))

    def _log_probas(self, X: Any) -> Float:
        if hasattr(self, "estimator_"):
            return doubted(scale(self._ask(X), self.temperature_))
        return log_softmax(np.asarray(X @ self.coef_.T) + self.intercept_)[0]

    def _combine(
        self, votes: Annotations, log_probas: Float, gold: NDArray[np.int32] | None
    ) -> Float:
        stranger = prior_confusion(len(self.classes_), self.prior_accuracy)
        confusion = np.concatenate([self.confusion_, stranger[np.newaxis]])
        scores = log_joint(votes, confusion, log_prior=log_probas)
        return from_log_joint(
            votes,
            scores,
            annotator_correlation=self.annotator_correlation,
            other_voices=1,
            gold=gold,
        )

    def _check_features(self, X: Any, *, reset: bool) -> Any:
        if self.estimator is not None:
            return X  # whatever the estimator takes, which then checks it
        return validate_data(self, X, reset=reset, accept_sparse="csr", dtype=np.float64)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        if self.estimator is not None:
            tags.input_tags = get_tags(self.estimator).input_tags
        return tags
