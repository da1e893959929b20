"""The leading eigenvector of a symmetric operator, the same on every run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, eigsh

Float = NDArray[np.float64]

_DENSE = 64  # up to this size all eigenvectors cost less than one by iteration
_ZERO = 1e-12


def leading_eigenvector(product: Callable[[Float], Float], size: int) -> Float | None:
    """Return the unit eigenvector of the largest eigenvalue; None if no eigenvalue is positive.

    Parameters
    ----------
    product : callable
        Multiplies a vector (or the columns of a table) by the symmetric operator.
    size : int
        Number of rows.

    Returns
    -------
    ndarray of shape (size,) or None
        Its positive entries have at least half of the squared length: most annotators are
        taken to be better than chance.

    Examples
    --------
    >>> leading_eigenvector(lambda x: np.array([[2.0, 0.0], [0.0, 1.0]]) @ x, 2)
    array([1., 0.])
    """
    if size <= _DENSE:
        values, vectors = np.linalg.eigh(product(np.eye(size)))
        value, vector = values[-1], vectors[:, -1]
    else:
        start = np.random.default_rng(0).standard_normal(size)
        if not np.any(product(start)):
            return None
        operator = LinearOperator((size, size), matvec=product, dtype=np.float64)
        values, vectors = eigsh(operator, k=1, which="LA", v0=start)
        value, vector = values[0], vectors[:, 0]
    if value <= _ZERO:
        return None
    return mostly_positive(vector)


def mostly_positive(vector: Float) -> Float:
    """Return the vector or its opposite, whichever is positive in more of its squared length."""
    squares = np.square(vector)
    return vector if squares[vector >= 0].sum() >= squares.sum() / 2 else -vector
