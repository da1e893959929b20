"""One fit of any classifier to soft labels: rows repeated per class, weighted by the labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import has_fit_parameter

from aggregate.fusion import decide

Float = NDArray[np.float64]

NEGLIGIBLE = 1e-3
"""Classes less probable than this are left out of a row's copies."""


class ConstantClassifier:
    """What is fitted when all training mass is on one class: it says that class."""

    def __init__(self, code: int) -> None:
        self.classes_ = np.array([code])

    def predict_proba(self, X: Any) -> Float:
        """Return ones."""
        n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
        return np.ones((n_rows, 1))


def weight_keyword(estimator: Any) -> str | None:
    """Return the name under which ``fit`` takes weights of the rows, None if it takes none."""
    if has_fit_parameter(estimator, "sample_weight"):
        return "sample_weight"
    if hasattr(estimator, "steps"):
        name, last = estimator.steps[-1]
        inner = weight_keyword(last)
        return None if inner is None else f"{name}__{inner}"
    return None


def fit_soft(
    estimator: Any,
    X: Any,
    soft: Float,
    sample_weight: Float | None = None,
    random: np.random.Generator | None = None,
) -> Any:
    """Return a fitted clone of a classifier whose classes are the columns' numbers, 0 to K - 1.

    Parameters
    ----------
    estimator : classifier
        With ``predict_proba``; it is not changed.
    X : array-like of shape (N, D)
    soft : ndarray of shape (N, K)
        Soft labels. Rows of zeros do not train. An estimator that takes no weights is given
        each row's likeliest class.
    sample_weight : ndarray of shape (N,), optional
    random : Generator, optional
        Seeds those ``random_state`` of the estimator that are None.

    Returns
    -------
    fitted classifier
    """
    model = seeded(clone(estimator), random)
    keyword = weight_keyword(model)
    if keyword is None:
        rows = np.flatnonzero(soft.any(axis=1))
        codes, weights = decide(soft[rows], class_prior=soft.sum(axis=0)), None
    else:
        kept = np.where(soft < NEGLIGIBLE * soft.sum(axis=1, keepdims=True), 0.0, soft)
        kept /= np.maximum(kept.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        if sample_weight is not None:
            kept *= sample_weight[:, np.newaxis]
        rows, codes = np.nonzero(kept)
        weights = kept[rows, codes]
    if len(np.unique(codes)) == 1:
        return ConstantClassifier(int(codes[0]))
    options = {} if keyword is None else {keyword: weights}
    return model.fit(_safe_indexing(X, rows), codes, **options)


def probas_of(model: Any, X: Any, n_classes: int) -> Float:
    """Return a fitted model's probabilities with a column for each of K classes."""
    said = model.predict_proba(X)
    probas = np.zeros((len(said), n_classes))
    probas[:, model.classes_] = said
    return probas


def seeded(estimator: Any, random: np.random.Generator | None) -> Any:
    """Set every ``random_state`` that is None, of the estimator and of what it holds."""
    if random is None:
        return estimator
    names = sorted(
        name
        for name, value in estimator.get_params(deep=True).items()
        if value is None and (name == "random_state" or name.endswith("__random_state"))
    )
    seeds = random.integers(2**31 - 1, size=len(names)).tolist()
    return estimator.set_params(**dict(zip(names, seeds, strict=True)))
