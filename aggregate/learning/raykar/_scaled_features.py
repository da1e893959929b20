"""Features on a common scale, and the few products that a linear model needs of them.

A dense table is centred and divided by the columns' standard deviations; a sparse one is only
divided, since centring would fill it. Columns that do not vary become zeros.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

Float = NDArray[np.float64]

_WIDEST = 1000  # columns up to which all pairs of them are worth multiplying


class Features:
    """Rows of features beside a linear map of them.

    Parameters
    ----------
    table : ndarray or csr_array of shape (N, D)
        On the scale of the fit.
    centre, scale : ndarray of shape (D,)
        What was subtracted from the user's columns, and what they were divided by.
    """

    def __init__(self, table: Any, centre: Float, scale: Float) -> None:
        self.table, self.centre, self.scale = table, centre, scale

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return int(self.table.shape[0]), int(self.table.shape[1])

    def rows(self, index: NDArray[Any]) -> Features:
        """Return some rows, on the same scale."""
        return Features(self.table[index], self.centre, self.scale)

    def scores(self, weights: Float, intercept: Float) -> Float:
        """Return the linear scores, shape (N, K)."""
        return np.asarray(self.table @ weights) + intercept

    def back(self, residuals: Float) -> Float:
        """Return the columns' products with residuals of shape (N, K): a gradient, (D, K)."""
        return np.asarray(self.table.T @ residuals)

    def whitener(self, weight: Float, ridge: float) -> Float:
        """Return S such that S Sᵀ is the inverse of Xᵀ diag(weight) X + ridge, or nearly so.

        Shape (D, D); or (D,), the diagonal, where there are too many columns for all pairs.
        """
        if self.shape[1] > _WIDEST:
            squares = self.table.power(2) if issparse(self.table) else self.table**2
            diagonal = np.asarray(squares.T @ weight)
            return np.asarray(1 / np.sqrt(diagonal + _floor(diagonal, ridge)))
        if issparse(self.table):
            gram = (self.table.multiply(weight[:, np.newaxis]).T @ self.table).toarray()
        else:
            gram = (self.table * weight[:, np.newaxis]).T @ self.table
        gram.flat[:: len(gram) + 1] += _floor(gram.diagonal(), ridge)
        return np.asarray(np.linalg.inv(np.linalg.cholesky(gram)).T)

    def on_user_scale(self, weights: Float, intercept: Float) -> tuple[Float, Float]:
        """Return coefficients (K, D) and intercepts (K,) for the user's columns."""
        coefficients = (weights / self.scale[:, np.newaxis]).T
        return coefficients, intercept - coefficients @ self.centre


def scale_features(X: Any, standardize: bool) -> Features:
    """Return features on a common scale (or as they are, unless ``standardize``)."""
    table: Any = csr_array(X) if issparse(X) else np.asarray(X)
    n_columns = table.shape[1]
    centre, scale = np.zeros(n_columns), np.ones(n_columns)
    if not standardize:
        return Features(table, centre, scale)
    if issparse(table):
        scale = _no_zeros(*_spread(table))
        return Features(csr_array(table.multiply(1 / scale)), centre, scale)
    centre = table.mean(axis=0)
    centred = table - centre
    scale = _no_zeros(np.sqrt((centred**2).mean(axis=0)), abs(table).max(axis=0, initial=0.0))
    centred /= scale
    centred[:, scale == np.inf] = 0.0
    return Features(centred, centre, scale)


def _floor(diagonal: Float, ridge: float) -> float:
    """Return the ridge, or a little more, so that collinear columns leave no zero."""
    return float(ridge + 1e-8 * diagonal.mean() + 1e-300)


def _spread(table: Any) -> tuple[Float, Float]:
    """Return the standard deviation and the largest size of a sparse table's columns."""
    n_rows, n_columns = table.shape
    table.sum_duplicates()
    size = np.asarray(abs(table).max(axis=0).todense()).ravel()
    mean = np.asarray(table.mean(axis=0)).ravel()
    stored = np.bincount(table.indices, minlength=n_columns)
    distance = (table.data - mean[table.indices]) ** 2
    squares = np.bincount(table.indices, distance, minlength=n_columns)
    return np.sqrt((squares + (n_rows - stored) * mean**2) / n_rows), size


def _no_zeros(deviation: Float, size: Float) -> Float:
    """Return deviations, infinity where they are nothing beside the size of the numbers."""
    return np.where(deviation > 1e-12 * size, deviation, np.inf)
