"""Fit estimators that take ``sample_weight`` to weighted copies of rows.

Rows that stand there several times change what some parameters mean. Where that can be put right
it is: SGD adds its penalty at each row, copy or not, so that ``alpha`` shrinks as they grow in
number (larger weights would do as well, but for longer steps), and where copies leave the
processor's cache it is given them in one random order of the rows instead of jumping about, which
takes more than twice the time; networks average over batches, which grow with the copies; boosting
decides whether to stop early by the number of rows, and is given whole rows to judge itself by.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier, StackingClassifier
from sklearn.linear_model import Perceptron, SGDClassifier
from sklearn.model_selection import check_cv, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.utils import check_random_state
from sklearn.utils.validation import has_fit_parameter

from aggregate.fusion import decide
from aggregate.learning.soft_labels._estimator_kinds import own_balance, splits_rows
from aggregate.learning.soft_labels._expansion import Expansion, copies_of, count_rows, take_rows

Float = NDArray[np.float64]

_ROWS_WITHOUT_STOPPING = 10_000
_BATCH = 200
_CACHED = 2**17  # numbers in a megabyte, which most processors keep near


def fit_copies(estimator: Any, X: Any, weights: Float, classes: NDArray[Any]) -> Any:
    """Return the estimator, fitted to a copy of row i for each class k with weights[i, k] > 0."""
    refuse_own_balance(estimator)
    copies = copies_of(weights)
    growth = len(copies.rows) / count_rows(X)
    changed: dict[str, Any] = {}
    if isinstance(estimator, SGDClassifier | Perceptron):
        changed = {"alpha": estimator.alpha / growth}
        numbers = X.nnz if issparse(X) else np.size(X)
        if estimator.shuffle and growth * numbers > _CACHED:
            copies = _shuffled(weights, estimator.random_state)
            changed["shuffle"] = False
    elif isinstance(estimator, MLPClassifier):
        batch = estimator.batch_size
        batch = min(_BATCH, len(weights)) if batch == "auto" else batch
        changed = {"batch_size": max(round(batch * growth), 1)}
    with _for_now(estimator, changed):
        return estimator.fit(
            take_rows(X, copies.rows), classes[copies.classes], sample_weight=copies.weights
        )


def _shuffled(weights: Float, random_state: Any) -> Expansion:
    """Return the copies by rows in a random order, those of a row side by side."""
    order = check_random_state(random_state).permutation(len(weights))
    copies = copies_of(weights[order])
    return copies._replace(rows=order[copies.rows])


def refuse_own_balance(estimator: Any) -> None:
    """Refuse an estimator that counts copies to balance the classes."""
    name = own_balance(estimator)
    if name is not None:
        raise ValueError(
            f"{type(estimator).__name__} balances the classes itself ({name}), by counts that soft "
            "labels do not have: give class_weight='balanced' to CrowdClassifier instead."
        )


def fit_boosting(estimator: Any, X: Any, weights: Float, classes: NDArray[Any], seed: int) -> Any:
    """Return the boosting, fitted to copies, with whole rows set aside if it stops early."""
    n_rows = len(weights)
    stops = estimator.early_stopping
    if isinstance(stops, str):
        stops = n_rows > _ROWS_WITHOUT_STOPPING
    if not stops or estimator.validation_fraction is None:
        with _for_now(estimator, {"early_stopping": bool(stops)}):
            return fit_copies(estimator, X, weights, classes)
    refuse_own_balance(estimator)
    learned, judged = _two_parts(weights, estimator.validation_fraction, seed)
    copies = copies_of(weights[learned])
    known = weights[learned].any(axis=0)
    kept = copies_of(weights[judged] * known)
    return estimator.fit(
        take_rows(X, learned[copies.rows]),
        classes[copies.classes],
        sample_weight=copies.weights,
        X_val=take_rows(X, judged[kept.rows]),
        y_val=classes[kept.classes],
        sample_weight_val=kept.weights,
    )


def takes_judges(estimator: Any) -> bool:
    """Say whether the estimator is a boosting that lets us choose the rows it is judged by."""
    boosts = isinstance(estimator, HistGradientBoostingClassifier)
    return boosts and has_fit_parameter(estimator, "X_val")  # scikit-learn 1.7


def keeps_folds(estimator: Any) -> bool:
    """Say whether the estimator takes its internal folds from us, and splits nothing else."""
    if not isinstance(estimator, CalibratedClassifierCV | StackingClassifier):
        return False
    if isinstance(estimator.cv, str):
        return False
    with _for_now(estimator, {"cv": "prefit"}):
        return splits_rows(estimator, 0) is None


def fit_in_folds(
    estimator: Any, X: Any, weights: Float, classes: NDArray[Any], groups: NDArray[Any] | None
) -> Any:
    """Return the estimator, fitted to copies that its internal folds keep together."""
    copies = copies_of(weights)
    folds = row_folds(estimator.cv, X, weights, groups)
    with _for_now(estimator, {"cv": list(_folds_of_copies(folds, copies, len(weights)))}):
        return fit_copies(estimator, X, weights, classes)


def row_folds(
    cv: Any, X: Any, weights: Float, groups: Any
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return the folds that ``cv`` makes of the rows, by their likeliest classes."""
    likeliest = decide(weights, class_prior=weights.sum(axis=0))
    rarest = np.bincount(likeliest)[np.unique(likeliest)].min()
    splitter = check_cv(cv, likeliest, classifier=bool(rarest >= _number_of_folds(cv)))
    return list(splitter.split(X, likeliest, groups))


def _number_of_folds(cv: Any) -> int:
    return 5 if cv is None else int(cv) if isinstance(cv, int | np.integer) else 0


def _folds_of_copies(
    folds: list[tuple[NDArray[np.int64], NDArray[np.int64]]], copies: Expansion, n_rows: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    for learned, judged in folds:
        sides = []
        for part in (learned, judged):
            within = np.zeros(n_rows, dtype=bool)
            within[part] = True
            sides.append(np.flatnonzero(within[copies.rows]))
        yield sides[0], sides[1]


def _two_parts(
    weights: Float, share: Any, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows to learn from and rows to judge by, all likely classes in both if possible."""
    likeliest = weights.argmax(axis=1)
    counts = np.bincount(likeliest)
    n_judged = share if isinstance(share, int | np.integer) else np.ceil(share * len(weights))
    room = min(n_judged, len(weights) - n_judged) >= (counts > 0).sum()
    stratify = likeliest if room and counts[counts > 0].min() > 1 else None
    learned, judged = train_test_split(
        np.arange(len(weights)), test_size=share, stratify=stratify, random_state=seed
    )
    return np.sort(learned), np.sort(judged)


@contextmanager
def _for_now(estimator: Any, params: dict[str, Any]) -> Iterator[None]:
    """Set parameters of an estimator for the length of a fit."""
    before = {name: getattr(estimator, name) for name in params}
    estimator.set_params(**params)
    try:
        yield
    finally:
        estimator.set_params(**before)
