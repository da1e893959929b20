"""Fit a clone to the soft labels of some rows, in whichever way suits the estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate.learning.soft_labels._expansion import drop_negligible
from aggregate.learning.soft_labels._training import Training, all_rows

Float = NDArray[np.float64]

NEGLIGIBLE = 1e-3
"""Classes less probable than this do not train."""


def fit_soft(
    estimator: Any,
    X: Any,
    soft: Float,
    sample_weight: Float | None = None,
    seed: int = 0,
    names: NDArray[Any] | None = None,
) -> Any:
    """Return a fitted clone of an estimator, in the way that suits it (see `Training`).

    Parameters
    ----------
    estimator : classifier or regressor
        It is not changed.
    X : array-like of shape (N, D)
    soft : ndarray of shape (N, K)
        Soft labels. Rows of zeros do not train.
    sample_weight : ndarray of shape (N,), optional
    seed : int
        Of draws, and of those ``random_state`` of the estimator that are None.
    names : ndarray of shape (K,), optional
        What the estimator is told for each class; by default its number.

    Returns
    -------
    fitted classifier
    """
    names = np.arange(soft.shape[1]) if names is None else names
    weights = drop_negligible(soft, NEGLIGIBLE)
    if sample_weight is not None:
        weights *= sample_weight[:, np.newaxis]
    X, weights, _ = all_rows(as_rows(X), weights)
    return Training(names, seed).fit(estimator, X, weights).model


def as_rows(X: Any) -> Any:
    """Return X, as an array if it is nothing that rows can be taken of."""
    return np.asarray(X) if not hasattr(X, "shape") and hasattr(X, "__array__") else X


def take_over_columns(model: Any, estimator: Any) -> None:
    """Let a model say which columns its estimator was fitted to, if that knows."""
    for name in ("n_features_in_", "feature_names_in_"):
        if hasattr(estimator, name):
            setattr(model, name, getattr(estimator, name))
