"""Square root of the nearest low-rank positive semidefinite matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse.linalg import eigsh

from aggregate.factorization.result import FloatArray

_DENSE_LIMIT = 400  # rows up to which all eigenvalues are cheaper than the leading ones


def spectral_root(matrix: ArrayLike, n_components: int) -> FloatArray:
    r"""Return the square root of the best rank-K positive semidefinite approximation.

    .. math:: U = V_K \Lambda_K^{1/2}, \qquad X \approx U U^T

    where :math:`X` (n, n) is the symmetric part of ``matrix`` and :math:`\Lambda_K`, :math:`V_K`
    are its K largest eigenvalues (negative ones count as zero) and their vectors. Signs are
    fixed by making the column sums nonnegative, so the answer does not depend on LAPACK.

    **When it fails.** Where eigenvalues coincide the root is defined up to rotation only.

    Parameters
    ----------
    matrix : array-like, shape (n, n)
        Finite.
    n_components : int
        K, at most n.

    Returns
    -------
    ndarray of shape (n, K)
        The root U.

    Raises
    ------
    ValueError
        If the matrix is not square and finite, or K does not fit.

    References
    ----------
    .. [1] C. Eckart, G. Young, "The approximation of one matrix by another of lower rank",
       Psychometrika 1:211-218, 1936.

    Examples
    --------
    >>> from aggregate.factorization import spectral_root
    >>> spectral_root([[4.0, 0.0], [0.0, 1.0]], 1)
    array([[2.],
           [0.]])
    """
    X = np.asarray(matrix, dtype=np.float64)
    if X.ndim != 2 or X.shape[0] != X.shape[1] or not np.isfinite(X).all():
        raise ValueError(f"matrix must be square and finite, got shape {X.shape}")
    if not 1 <= n_components <= len(X):
        raise ValueError(f"n_components must lie in 1..{len(X)}, got {n_components}")
    return root_of_symmetric(0.5 * (X + X.T), n_components)


def root_of_symmetric(X: Any, n_components: int) -> FloatArray:
    """Return the root of a symmetric matrix, dense or sparse, that was checked before."""
    size = X.shape[0]
    if size > _DENSE_LIMIT and n_components < size // 4:
        # A fixed start vector makes Lanczos repeatable.
        start = np.random.default_rng(0).standard_normal(size)
        values, vectors = eigsh(X, k=n_components, which="LA", v0=start)
        order = np.argsort(-values, kind="stable")
    else:
        dense = X if isinstance(X, np.ndarray) else X.toarray()
        values, vectors = np.linalg.eigh(dense)
        order = np.arange(size)[::-1][:n_components]
    U = vectors[:, order] * np.sqrt(np.maximum(values[order], 0.0))
    return np.asarray(U * np.where(U.sum(axis=0) < 0, -1.0, 1.0) + 0.0)
