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
    check_number("n_folds", n_folds, low=2, integer=True)
    check_consistent_length(X, soft_labels, groups, sample_weight)
    soft = _check_soft(soft_labels)
    weight = _check_weight(sample_weight, len(soft))
    random = np.random.default_rng(random_state)
    if not hasattr(estimator, "predict_proba"):
        raise TypeError(
            f"{type(estimator).__name__} has no predict_proba, and probabilities are wanted: take "
            "one that has, or wrap it in sklearn.calibration.CalibratedClassifierCV."
        )
    trains = soft.any(axis=1) & (weight > 0)
    if trains.sum() < 2:
        raise ValueError(
            "out-of-fold probabilities need at least two labelled rows (one to leave out and one "
            f"to train on); got n_samples = {int(trains.sum())}."
        )
    keys = row_keys(X, random)
    order = np.lexsort((*soft.T[::-1], weight, keys))
    together = _groups(groups, keys, trains, order, n_folds)
    folds = deal(together, soft * trains[:, np.newaxis], order, n_folds)
    probas = np.empty_like(soft)
    for fold in np.unique(folds):
        training = order[(folds[order] != fold) & trains[order]]
        part = weight[training] if sample_weight is not None else None
        model = fit_soft(estimator, _safe_indexing(X, training), soft[training], part, random)
        asked = np.flatnonzero(folds == fold)
        probas[asked] = probas_of(model, _safe_indexing(X, asked), soft.shape[1])
    return probas


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
