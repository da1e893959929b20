"""Train on soft labels with tools for hard ones: rows repeated once per plausible class.

A loss that is linear in the label, as the log loss is, has the same value at a soft label and at
copies of the row, one per class, weighted by the soft label. So an estimator that takes
``sample_weight`` needs to know nothing of soft labels.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.utils import _safe_indexing

from aggregate._validation import check_number, first_few

Float = NDArray[np.float64]


class Expansion(NamedTuple):
    """Copies of rows: which row, which class, what weight; sorted by row, then class."""

    rows: NDArray[np.int64]
    classes: NDArray[np.int64]
    weights: Float


def expand_soft_labels(
    soft_labels: ArrayLike, *, min_mass: float = 1e-3, sample_weight: ArrayLike | None = None
) -> Expansion:
    r"""Return the weighted copies that stand for soft labels.

    For a classifier :math:`f` and a loss that is linear in the label,

    .. math:: \sum_i w_i \, \ell\Bigl(\sum_k p_{ik} e_k, f(x_i)\Bigr)
              = \sum_{i,k} w_i p_{ik} \, \ell(e_k, f(x_i)),

    so a fit to the copies ``X[rows]`` with labels ``classes`` and weights ``weights`` is the fit
    to the soft labels. The weights of a row sum to its ``sample_weight``, so a penalty beside
    the loss keeps its meaning.

    It is exact for the log loss and squared errors of one-hot vectors; for hinge losses and for
    the impurities of trees it is the weighted form of the loss. Copies of a row must stay on one
    side of any split: pass ``rows`` as ``groups`` to a cross-validation over the copies.

    Parameters
    ----------
    soft_labels : array-like of shape (N, K)
        Non-negative; rows sum to one, or to zero for rows that have no label and no copy.
    min_mass : float, default=1e-3
        Classes that are less probable get no copy, and the others their probability (the
        likeliest class always stays).
    sample_weight : array-like of shape (N,), optional
        Weights of the rows, not negative.

    Returns
    -------
    Expansion
        ``rows``, ``classes`` and ``weights``, each of shape (C,) for C copies.

    Raises
    ------
    ValueError
        If a row is not a distribution, or a weight is negative or not finite.

    References
    ----------
    T. Hastie, R. Tibshirani and J. Friedman, The Elements of Statistical Learning, second
    edition, Springer, 2009, section 4.4 (the log loss, linear in the indicator of the class).

    Examples
    --------
    >>> from aggregate.learning import expand_soft_labels
    >>> copies = expand_soft_labels([[0.75, 0.25], [0.0, 1.0]])
    >>> copies.rows.tolist(), copies.classes.tolist(), copies.weights.tolist()
    ([0, 0, 1], [0, 1, 1], [0.75, 0.25, 1.0])
    """
    check_number("min_mass", min_mass, low=0, high=1)
    soft = drop_negligible(check_soft_labels(soft_labels), min_mass)
    if sample_weight is not None:
        soft *= check_weights(sample_weight, len(soft))[:, np.newaxis]
    return copies_of(soft)


def copies_of(weights: Float) -> Expansion:
    """Return a copy for each positive entry of an (N, K) table of weights."""
    rows, classes = np.nonzero(weights)
    return Expansion(rows, classes, weights[rows, classes])


def drop_negligible(soft: Float, min_mass: float) -> Float:
    """Return soft labels without the classes less probable than ``min_mass``, renormalised."""
    if soft.size == 0:
        return soft.copy()
    negligible = (soft < min_mass) & (soft < soft.max(axis=1, keepdims=True))
    kept = np.where(negligible, 0.0, soft)
    total = kept.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(kept, total, out=kept, where=total > 0))


def check_soft_labels(soft_labels: ArrayLike) -> Float:
    """Return soft labels as an array, normalised; refuse rows that are no distribution."""
    soft = np.array(soft_labels, dtype=np.float64)
    if soft.ndim != 2 or soft.shape[1] == 0:
        raise ValueError(
            "soft labels must be a table with a row per item and a column per class; got shape "
            f"{soft.shape}."
        )
    total = soft.sum(axis=1)
    wrong = ~np.isfinite(soft).all(axis=1) | (soft < 0).any(axis=1)
    wrong |= (abs(total - 1) > 1e-3) & (total != 0)
    if wrong.any():
        raise ValueError(
            "soft labels must be non-negative and sum to 1 in each row (or to 0 where there is "
            f"no label); wrong in the rows {first_few(np.flatnonzero(wrong))}. Counts of votes "
            "become soft labels when divided by their row's sum."
        )
    return np.asarray(soft / np.where(total > 0, total, 1.0)[:, np.newaxis])


def check_weights(sample_weight: ArrayLike | None, n_rows: int) -> Float:
    """Return one weight per row; refuse what cannot be one."""
    if sample_weight is None:
        return np.ones(n_rows)
    weight = np.array(sample_weight, dtype=np.float64)
    if weight.shape == ():
        weight = np.full(n_rows, weight)
    if weight.shape != (n_rows,):
        raise ValueError(
            f"sample_weight.shape == {weight.shape}, expected ({n_rows},): one weight per row."
        )
    if not np.isfinite(weight).all() or (weight < 0).any():
        wrong = ~np.isfinite(weight) | (weight < 0)
        raise ValueError(
            "sample_weight must be finite and not negative; wrong in the rows "
            f"{first_few(np.flatnonzero(wrong))}."
        )
    return weight


def take_rows(X: Any, rows: NDArray[np.int64]) -> Any:
    """Return rows of a list, array, sparse table or data frame; X itself where all stay put."""
    n_rows = count_rows(X)
    if len(rows) == n_rows and (rows == np.arange(n_rows)).all():
        return X
    if issparse(X):
        return X.tocsr()[rows]
    return _safe_indexing(X, rows)


def count_rows(X: Any) -> int:
    """Return how many rows X has."""
    return int(X.shape[0]) if hasattr(X, "shape") else len(X)
