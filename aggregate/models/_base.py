"""What every aggregator shares: reading votes, gold, soft labels, decisions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from aggregate._all_or_nothing import all_or_nothing
from aggregate._constructors import AUTO
from aggregate._encoding import encode, match
from aggregate.annotations import Annotations
from aggregate.fusion import decide
from aggregate.models._by_blocks import ByBlocks
from aggregate.models._gold import gold_codes, score_on_gold
from aggregate.models._gold_start import starts
from aggregate.models._new_items import align
from aggregate.models._remote import RemoteVotes
from aggregate.models._saveable import Saveable

Float = NDArray[np.float64]


class BaseAggregator(
    ByBlocks, Saveable, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator, ABC
):
    """Base of all aggregators: a scikit-learn transformer from votes to soft labels.

    A subclass has at least the parameters ``ties``, ``unknown_annotators``, ``n_jobs`` and
    ``random_state``, and fills three blanks:

    ``_fit(annotations, gold)``
        Learns the parameters and sets the public attributes that carry them
        (``class_prior_``, ``annotator_skill_``, ``confusion_`` …, and ``n_iter_``,
        ``converged_``, ``objective_path_``).
    ``_soft_labels(annotations, gold)``
        Computes posteriors from those parameters, by way of `aggregate.fusion`. Annotator
        codes equal to M (the number of fitted annotators) mean an annotator never seen.

    ``_log_likelihood(annotations)``
        Log probability of each item's labels, for `score` without a truth.
    """

    def fit(self, X: Any, y: Any = None, *, gold: Any = None) -> BaseAggregator:
        """Learn the annotators and the labels from votes.

        Parameters
        ----------
        X : Annotations or array-like of shape (N, M)
            Votes: a container, or a table with one row per item and one column per
            annotator, in which NaN, None and -1 are missing.
        y : None
            Ignored. (In a grid search it is the truth, and reading it would leak.)
        gold : mapping item -> class or array-like of shape (N,), optional
            Known truth of some items; those are held to it.

        Returns
        -------
        self
        """
        return self._fit_votes(X, gold)

    def _fit_votes(self, X: Any, gold: Any, **data: Any) -> BaseAggregator:
        with all_or_nothing(self):
            if isinstance(X, RemoteVotes):
                X.fit_model(self, gold, data)
                return self
            annotations = self._read(X, reset=True)
            truth = gold_codes(gold, annotations)
            self.classes_ = annotations.classes
            self.annotators_ = annotations.annotators
            self.items_ = annotations.items
            self.gold_given_, self.gold_correct_ = score_on_gold(annotations, truth)
            for start in starts(self, annotations, truth, data):
                self._fit(annotations, truth, **start)
            self._keep_soft_labels(annotations, truth)
        return self

    _heeds_gold: ClassVar[bool] = False  # see `_gold_start`

    @abstractmethod
    def _fit(self, annotations: Annotations, gold: NDArray[np.int32] | None, **data: Any) -> None:
        """Learn the parameters and set the attributes that carry them."""

    @abstractmethod
    def _soft_labels(self, annotations: Annotations, gold: NDArray[np.int32] | None) -> Float:
        """Return the (N, K) posterior of annotations in the fitted codes."""

    @abstractmethod
    def _log_likelihood(self, annotations: Annotations) -> Float:
        """Return the log probability of each item's labels, shape (N,)."""

    def _read(self, X: Any, *, reset: bool) -> Annotations:
        """Return X as Annotations, checked the way scikit-learn checks a table."""
        if isinstance(X, Annotations):
            if reset:
                self.n_features_in_ = X.n_annotators
                if hasattr(self, "feature_names_in_"):
                    del self.feature_names_in_
            annotations = X
        else:
            annotations = self._read_table(X, reset=reset)
        if reset and annotations.n_classes == 0:
            raise ValueError(
                f"{type(self).__name__} needs at least one label; the {annotations.n_items} items "
                "have none."
            )
        return annotations

    def _read_table(self, X: Any, *, reset: bool) -> Annotations:
        if isinstance(X, RemoteVotes):
            raise TypeError(
                "this needs votes in memory, and these are elsewhere: compute() brings them here, "
                "if they fit."
            )
        if issparse(X):
            raise TypeError(
                "a sparse table is ambiguous here: is an entry that is not stored a 0 or missing? "
                "Use Annotations.from_sparse(X), which takes the stored entries as labels."
            )
        table = validate_data(self, X, reset=reset, dtype=None, ensure_all_finite="allow-nan")
        if table.dtype == object:
            _refuse_what_is_no_label(table)
        names = getattr(self, "feature_names_in_", None) if reset else self.annotators_
        return Annotations.from_matrix(table, annotators=names, missing=self._missing_mark(reset))

    def _missing_mark(self, reset: bool) -> Any:
        """Return what a missing label is in a table, besides None and NaN."""
        return AUTO if reset else None if -1 in self.classes_.tolist() else -1

    # Soft labels and decisions -------------------------------------------------------------

    def predict_proba(self, X: Any) -> Float:
        """Return the soft label of each item: the probability of each class.

        Parameters
        ----------
        X : Annotations or array-like of shape (N, M)
            Votes on new items or on the fitted ones, by the fitted annotators; a container
            may hold others (see the parameter ``unknown_annotators``).

        Returns
        -------
        ndarray of shape (N, K)
            Columns in the order of ``classes_``.
        """
        if isinstance(X, RemoteVotes):
            check_is_fitted(self)
            return X.soft_labels(self)
        return self._soft_labels(self._known(X), None)

    def transform(self, X: Any) -> Float:
        """Do the same as `predict_proba`, for pipelines."""
        return self.predict_proba(X)

    def predict(
        self,
        X: Any,
        *,
        costs: ArrayLike | None = None,
        min_confidence: float | None = None,
        abstain: Any = None,
    ) -> NDArray[Any]:
        """Return one label per item.

        Parameters
        ----------
        X : Annotations or array-like of shape (N, M)
            As for `predict_proba`.
        costs : array-like of shape (K, K), optional
            ``costs[k, d]``: cost of deciding class d when the truth is k. The label then has
            the least expected cost.
        min_confidence : float, optional
            Items whose decided class is less probable get no label.
        abstain : object
            What stands for no label (by default None, in an array of dtype object).

        Returns
        -------
        ndarray of shape (N,)
        """
        if isinstance(X, RemoteVotes):
            check_is_fitted(self)
            return X.decisions(self, costs=costs, min_confidence=min_confidence, abstain=abstain)
        return self._decide(self.predict_proba(X), costs, min_confidence, abstain)

    def fit_predict(self, X: Any, y: Any = None, **fit_params: Any) -> NDArray[Any]:
        """Fit and return one label per fitted item (gold items keep their gold)."""
        return self.fit(X, y, **fit_params).labels_

    def fit_predict_proba(self, X: Any, y: Any = None, **fit_params: Any) -> Float:
        """Fit and return the soft labels of the fitted items (gold items keep their gold)."""
        return self.fit(X, y, **fit_params).probas_

    def score(self, X: Any, y: Any = None) -> float:
        """Return the accuracy against ``y``, or the mean log likelihood per label without it.

        Parameters
        ----------
        X : Annotations or array-like of shape (N, M)
            Votes.
        y : array-like of shape (N,), optional
            The truth; items where it is missing (None, NaN) do not count.

        Returns
        -------
        float
            Higher is better either way.
        """
        annotations = self._known(X)
        if y is None:
            n_labels = max(annotations.n_annotations, 1)
            return float(self._log_likelihood(annotations).sum() / n_labels)
        codes, table = encode(y, "y")
        if len(codes) != annotations.n_items:
            raise ValueError(f"y must have {annotations.n_items} entries; got {len(codes)}.")
        truth = np.append(match(table, self.classes_), np.int32(-1))[codes]
        counted = codes >= 0
        if not counted.any():
            raise ValueError("y holds no known class; there is nothing to score against.")
        decided = self._codes(self._soft_labels(annotations, None))
        return float((decided == truth)[counted].mean())

    def _known(self, X: Any) -> Annotations:
        check_is_fitted(self)
        annotations = self._read(X, reset=False)
        return align(annotations, self.annotators_, self.classes_, self.unknown_annotators)

    def _codes(
        self, probas: Float, costs: ArrayLike | None = None, min_confidence: float | None = None
    ) -> NDArray[np.int64]:
        return decide(
            probas,
            class_prior=self.class_prior_,
            costs=costs,
            min_confidence=min_confidence,
            ties=self.ties,
            random_state=self.random_state,
        )

    def _decide(
        self,
        probas: Float,
        costs: ArrayLike | None = None,
        min_confidence: float | None = None,
        abstain: Any = None,
    ) -> NDArray[Any]:
        codes = self._codes(probas, costs, min_confidence)
        if min_confidence is None:
            return self.classes_[codes]
        labels = np.empty(len(codes), dtype=object)
        labels[:] = self.classes_[codes]
        labels[codes < 0] = abstain
        return labels

    # scikit-learn --------------------------------------------------------------------------

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Return the names of the soft labels' columns: ``proba_`` and the class."""
        check_is_fitted(self)
        return np.asarray([f"proba_{name}" for name in self.classes_.tolist()], dtype=object)

    @property
    def _n_features_out(self) -> int:
        return len(self.classes_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def _refuse_what_is_no_label(table: NDArray[Any]) -> None:
    """Refuse cells that no label can be: lists, dictionaries."""
    cells = table.ravel().tolist()
    try:
        set(cells)
    except TypeError as error:
        strange = next(place for place, cell in enumerate(cells) if not _is_hashable(cell))
        row, column = divmod(strange, table.shape[1])
        raise TypeError(
            "X as an argument must be a table of strings or numbers (or missing); row "
            f"{row}, column {column} holds {cells[strange]!r}."
        ) from error


def _is_hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True
