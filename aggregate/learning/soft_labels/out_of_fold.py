"""What a classifier says of rows that it was not trained on, for every row of the training set."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import is_regressor
from sklearn.utils import check_consistent_length

from aggregate._validation import check_number
from aggregate.learning._folds import deal, group_codes, row_keys
from aggregate.learning._votes import refuse_another_order
from aggregate.learning.soft_labels._columns import probas_of
from aggregate.learning.soft_labels._expansion import check_soft_labels, check_weights, take_rows
from aggregate.learning.soft_labels._fold_fit import as_rows, fit_soft

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
    estimator : classifier or regressor
        Anything with ``predict_proba``, trained in the way that suits it, as by
        `CrowdClassifier`: on a weighted copy of each row per class, or, where it takes no
        ``sample_weight``, on drawn labels. It is cloned, not changed; a ``random_state`` of its
        that is None is seeded.
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
        refuse_another_order(X, soft_labels, None, "soft labels")
        check_consistent_length(X, soft_labels, groups, sample_weight)
        soft = check_soft_labels(soft_labels)
        random = np.random.default_rng(random_state)
        self._X = as_rows(X)
        self._weighted = sample_weight is not None
        self._weight = check_weights(sample_weight, len(soft))
        trains = self._trains(soft)
        keys = row_keys(self._X, random)
        self._order = np.lexsort((*soft.T[::-1], self._weight, keys))
        together = _groups(groups, keys, trains, self._order, n_folds)
        self.folds = deal(together, soft * trains[:, np.newaxis], self._order, n_folds)
        self._seed = int(random.integers(2**31 - 1))

    def probas(self, estimator: Any, soft_labels: ArrayLike) -> Float:
        """Return the probabilities of each row by a clone that did not see it, shape (N, K)."""
        if not (hasattr(estimator, "predict_proba") or is_regressor(estimator)):
            raise TypeError(
                f"{type(estimator).__name__} has no predict_proba, and probabilities are wanted: "
                "take one that has, or wrap it in sklearn.calibration.CalibratedClassifierCV."
            )
        soft = check_soft_labels(soft_labels)
        trains, names, seed = self._trains(soft), np.arange(soft.shape[1]), self._seed
        probas = np.empty_like(soft)
        for fold in np.unique(self.folds).tolist():
            rows = self._order[(self.folds[self._order] != fold) & trains[self._order]]
            if not len(rows):
                raise ValueError("all labelled rows are in one fold now: make the folds anew.")
            weight = self._weight[rows] if self._weighted else None
            model = fit_soft(estimator, take_rows(self._X, rows), soft[rows], weight, seed + fold)
            asked = np.flatnonzero(self.folds == fold)
            probas[asked] = probas_of(model, take_rows(self._X, asked), names)
        return probas

    def _trains(self, soft: Float) -> NDArray[np.bool_]:
        trains = soft.any(axis=1) & (self._weight > 0)
        if trains.sum() < 2:
            raise ValueError(
                "out-of-fold probabilities need at least two labelled rows (one to leave out and "
                f"one to train on); got n_samples = {int(trains.sum())}."
            )
        return np.asarray(trains)


def _groups(
    groups: ArrayLike | None,
    keys: NDArray[np.uint64],
    trains: NDArray[np.bool_],
    order: NDArray[np.int64],
    n_folds: int,
) -> NDArray[np.int64]:
    """Return which rows stay together: as the user says, or those with equal features."""
    if groups is not None:
        code = group_codes(groups)
        if len(np.unique(code[trains])) < 2:
            raise ValueError("all labelled rows are of one group; at least two are needed.")
        return code
    _, alike = np.unique(keys, return_inverse=True)
    if len(np.unique(alike[trains])) >= n_folds:
        return alike.astype(np.int64)
    single = np.empty(len(keys), dtype=np.int64)
    single[order] = np.arange(len(keys))
    return single
