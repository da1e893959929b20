"""What a classifier says of rows that it was not trained on, for every row of the training set."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import _safe_indexing, check_consistent_length

from aggregate._encoding import encode
from aggregate._validation import check_number, first_few
from aggregate.learning._folds import deal, row_keys
from aggregate.learning._soft_fit import fit_soft, probas_of

Float = NDArray[np.float64]


def out_of_fold_probas(
    estimator: Any,
    X: Any,
    soft_labels: ArrayLike,
    *,
    n_folds: int = 5,
    sample_weight: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    random_state: int | np.random.Generator | None = 0,
) -> Float:
    """Return class probabilities of each row by a classifier that did not see the row.

    A classifier confirms the labels it was trained on, wrong ones included. To hear its own
    opinion, it is trained once per fold on the other folds and asked about the rows left out.

    The folds hold whole items (rows with equal features, or of one of the ``groups``), and the
    likeliest classes are spread over them evenly. They are dealt by what the rows hold, and the
    classifiers are trained on the rows in an order of that kind, too: permuting the rows of the
    table permutes the answer and changes nothing else. (That holds for rows that are numbers
    or whose ``repr`` tells them apart. If there are fewer different rows than folds, rows are
    dealt one by one, and equal rows may change places.)

    It fails where features tell the annotators' shared mistakes: those are learned from the other
    folds as well. Rows that are nearly copies (frames of one film) need ``groups``.

    Parameters
    ----------
    estimator : classifier
        Anything with ``fit`` and ``predict_proba``; cloned, not changed. It is trained on the
        rows once per class, weighted by the soft label; one that takes no ``sample_weight``, on
        the likeliest classes. A ``random_state`` of its that is None is seeded.
    X : array-like, data frame or sparse table of shape (N, D)
        Features.
    soft_labels : array-like of shape (N, K)
        Non-negative; rows sum to one, or to zero for rows that train nothing and are only
        asked about.
    n_folds : int, default=5
        At least 2; of fewer rows, each is a fold.
    sample_weight : array-like of shape (N,), optional
        Weights of the rows, not negative.
    groups : array-like of shape (N,), optional
        Rows of one group stay in one fold.
    random_state : int, Generator or None, default=0
        Seed of the folds and of the classifiers.

    Returns
    -------
    ndarray of shape (N, K)
        Rows sum to one. A class that no training row of a fold has gets probability 0 there.

    Raises
    ------
    ValueError
        If soft labels or weights are not as said, or fewer than two rows (or groups) are
        labelled.
    TypeError
        If the estimator gives no probabilities.

    References
    ----------
    M. Stone, Cross-validatory choice and assessment of statistical predictions, Journal of the
    Royal Statistical Society B 36(2):111-147, 1974.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from aggregate.learning import out_of_fold_probas
    >>> X = np.arange(12.0).reshape(-1, 1)
    >>> soft = np.array([[0.8, 0.2]] * 6 + [[0.1, 0.9]] * 6)
    >>> soft[2] = [0.0, 1.0]  # a wrong label
    >>> probas = out_of_fold_probas(LogisticRegression(), X, soft, n_folds=3)
    >>> bool(probas[2, 0] > 0.5)
    True
    """
    left_out = OutOfFold(
        X,
        soft_labels,
        n_folds=n_folds,
        sample_weight=sample_weight,
        groups=groups,
        random_state=random_state,
    )
    return left_out.probas(estimator, soft_labels)


class OutOfFold:
    """The folds of a table, to be asked again and again while the soft labels change.

    Folds, order and seeds stay as they were made, so that what changes from one call of `probas`
    to the next comes from the soft labels.

    Parameters
    ----------
    X, soft_labels, n_folds, sample_weight, groups, random_state
        As of `out_of_fold_probas`.
    """

    def __init__(
        self,
        X: Any,
        soft_labels: ArrayLike,
        *,
        n_folds: int = 5,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        random_state: int | np.random.Generator | None = 0,
    ) -> None:
        check_number("n_folds", n_folds, low=2, integer=True)
        check_consistent_length(X, soft_labels, groups, sample_weight)
        soft = _check_soft(soft_labels)
        random = np.random.default_rng(random_state)
        self._X = X
        self._weighted = sample_weight is not None
        self._weight = _check_weight(sample_weight, len(soft))
        trains = self._trains(soft)
        keys = row_keys(X, random)
        self._order = np.lexsort((*soft.T[::-1], self._weight, keys))
        together = _groups(groups, keys, trains, self._order, n_folds)
        self.folds = deal(together, soft * trains[:, np.newaxis], self._order, n_folds)
        self._seed = int(random.integers(2**63))

    def probas(self, estimator: Any, soft_labels: ArrayLike) -> Float:
        """Return the probabilities of each row by a clone that did not see it, shape (N, K)."""
        if not hasattr(estimator, "predict_proba"):
            raise TypeError(
                f"{type(estimator).__name__} has no predict_proba, and probabilities are wanted: "
                "take one that has, or wrap it in sklearn.calibration.CalibratedClassifierCV."
            )
        soft = _check_soft(soft_labels)
        trains, random = self._trains(soft), np.random.default_rng(self._seed)
        probas = np.empty_like(soft)
        for fold in np.unique(self.folds):
            rows = self._order[(self.folds[self._order] != fold) & trains[self._order]]
            if not len(rows):
                raise ValueError("all labelled rows are in one fold now: make the folds anew.")
            weight = self._weight[rows] if self._weighted else None
            model = fit_soft(estimator, _safe_indexing(self._X, rows), soft[rows], weight, random)
            asked = np.flatnonzero(self.folds == fold)
            probas[asked] = probas_of(model, _safe_indexing(self._X, asked), soft.shape[1])
        return probas

    def _trains(self, soft: Float) -> NDArray[np.bool_]:
        trains = soft.any(axis=1) & (self._weight > 0)
        if trains.sum() < 2:
            raise ValueError(
                "out-of-fold probabilities need at least two labelled rows (one to leave out and "
                f"one to train on); got n_samples = {int(trains.sum())}."
            )
        return np.asarray(trains)


def _check_soft(soft_labels: ArrayLike) -> Float:
    soft = np.array(soft_labels, dtype=np.float64)
    if soft.ndim != 2 or soft.shape[1] == 0:
        raise ValueError(
            f"soft_labels must be a table, a row per row of X and a column per class; got shape "
            f"{soft.shape}."
        )
    total = soft.sum(axis=1)
    wrong = ~np.isfinite(soft).all(axis=1) | (soft < 0).any(axis=1)
    wrong |= (abs(total - 1) > 1e-3) & (total != 0)
    if wrong.any():
        raise ValueError(
            "soft_labels must be non-negative and each row sum to 1, or to 0 where nothing is "
            f"known; wrong in the rows {first_few(np.flatnonzero(wrong))}."
        )
    return np.asarray(soft / np.where(total > 0, total, 1.0)[:, np.newaxis])


def _check_weight(sample_weight: ArrayLike | None, n_rows: int) -> Float:
    if sample_weight is None:
        return np.ones(n_rows)
    weight = np.array(sample_weight, dtype=np.float64)
    if weight.ndim != 1 or not np.isfinite(weight).all() or (weight < 0).any():
        raise ValueError("sample_weight must hold one finite number, not negative, for each row.")
    return weight


def _groups(
    groups: ArrayLike | None,
    keys: NDArray[np.uint64],
    trains: NDArray[np.bool_],
    order: NDArray[np.int64],
    n_folds: int,
) -> NDArray[np.int64]:
    """Return which rows stay together: as the user says, or those with equal features."""
    if groups is not None:
        code, _ = encode(groups, "groups")
        if (code < 0).any():
            raise ValueError(f"groups must not be missing (row {int(np.argmin(code))}).")
        if len(np.unique(code[trains])) < 2:
            raise ValueError("all labelled rows are of one group; at least two are needed.")
        return code.astype(np.int64)
    _, alike = np.unique(keys, return_inverse=True)
    if len(np.unique(alike[trains])) >= n_folds:
        return alike.astype(np.int64)
    single = np.empty(len(keys), dtype=np.int64)
    single[order] = np.arange(len(keys))
    return single
