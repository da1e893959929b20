"""What keeps a classifier and its annotators apart: volumes and traces, with their gradients.

The labels fix the products of the classifier's probabilities and the annotators' confusions. A
change of the classifier that a change of all confusions undoes leaves the products as they are,
so one of the two has to be pinned: the classifier to fill as much volume as it can, the stacked
confusions to do so, or the confusions to be as little diagonal as the labels allow.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import cho_factor, cho_solve

Float = NDArray[np.float64]


def log_det_f(
    f: ArrayLike, *, weight: ArrayLike | None = None, ridge: float = 0.0
) -> tuple[float, Float]:
    r"""Return :math:`\log\det(F^\top F)` of the classifier's probabilities, and its gradient.

    .. math:: F^\top F = \sum_i w_i f_i f_i^\top

    GeoCrowdNet-F subtracts λ times this from the coupled cross-entropy.

    Parameters
    ----------
    f : array-like of shape (N, K)
        ``f[i, k]``: the classifier's probability that item i is of class k.
    weight : array-like of shape (N,), optional
        How often each item counts, by default once.
    ridge : float, default=0
        Added to the diagonal of the matrix, which makes the answer finite everywhere.

    Returns
    -------
    value : float
        Minus infinity where the matrix is singular (fewer than K different rows, say).
    gradient : ndarray of shape (N, K)
        Zeros where the matrix is singular, since there is none.

    References
    ----------
    S. Ibrahim, T. Nguyen and X. Fu, Deep learning from crowdsourced labels: coupled cross-entropy
    minimization, identifiability, and regularization, ICLR 2023.

    Examples
    --------
    >>> log_det_f([[1, 0], [0, 1], [0, 1]])
    (0.693..., array([[2., 0.],
           [0., 1.],
           [0., 1.]]))
    >>> log_det_f([[0.5, 0.5], [0.5, 0.5]])[0]
    -inf
    """
    probabilities = np.asarray(f, dtype=np.float64)
    weighted = probabilities
    if weight is not None:
        weighted = probabilities * np.asarray(weight, dtype=np.float64)[:, np.newaxis]
    value, inverse = log_det(weighted.T @ probabilities, ridge)
    return value, 2 * weighted @ inverse


def log_det_w(A: ArrayLike, *, ridge: float = 0.0) -> tuple[float, Float]:
    r"""Return :math:`\log\det\sum_j A_j A_j^\top` of the confusions, and its gradient.

    This is :math:`\log\det(W^\top W)`, W the annotators' column-stochastic tables on top of each
    other. GeoCrowdNet-W subtracts λ times this from the coupled cross-entropy.

    Parameters
    ----------
    A : array-like of shape (M, K, K)
        ``A[j, k, y]`` = P(annotator j says y | truth k).
    ridge : float, default=0
        Added to the diagonal of the matrix.

    Returns
    -------
    value : float
        Minus infinity where the matrix is singular (two classes nobody tells apart).
    gradient : ndarray of shape (M, K, K)
        Zeros where the matrix is singular.

    References
    ----------
    S. Ibrahim, T. Nguyen and X. Fu, ICLR 2023.

    Examples
    --------
    >>> log_det_w([[[1, 0], [0, 1]], [[1, 0], [0, 1]]])[0]
    1.386...
    >>> log_det_w([[[0.5, 0.5], [0.5, 0.5]]])[0]
    -inf
    """
    confusion = np.asarray(A, dtype=np.float64)
    n_classes = confusion.shape[1]
    stacked = confusion.transpose(1, 0, 2).reshape(n_classes, -1)
    value, inverse = log_det(stacked @ stacked.T, ridge)
    return value, 2 * np.matmul(inverse, confusion)


def trace(A: ArrayLike) -> tuple[float, Float]:
    r"""Return :math:`\sum_j \mathrm{tr}(A_j)` of the confusions, and its gradient.

    TraceReg adds λ times this to the coupled cross-entropy.

    Parameters
    ----------
    A : array-like of shape (M, K, K)
        ``A[j, k, y]`` = P(annotator j says y | truth k).

    Returns
    -------
    value : float
    gradient : ndarray of shape (M, K, K)

    References
    ----------
    R. Tanno, A. Saeedi, S. Sankaranarayanan, D. C. Alexander and N. Silberman, Learning from noisy
    labels by regularized estimation of annotator confusion, CVPR 2019.

    Examples
    --------
    >>> trace([[[0.9, 0.1], [0.3, 0.7]]])[0]
    1.6
    """
    confusion = np.asarray(A, dtype=np.float64)
    gradient = np.broadcast_to(np.eye(confusion.shape[1]), confusion.shape).copy()
    return float(np.einsum("jkk->", confusion)), gradient


def log_det(matrix: Float, ridge: float = 0.0) -> tuple[float, Float]:
    """Return the log determinant of a Gram matrix and its inverse, by Cholesky.

    Where the matrix is singular to rounding, the answer is minus infinity and zeros.
    """
    matrix = matrix + ridge * np.eye(len(matrix))
    nothing = np.zeros_like(matrix)
    try:
        factor = cho_factor(matrix, lower=True, check_finite=False)
    except np.linalg.LinAlgError:
        return -np.inf, nothing
    diagonal = np.diag(factor[0])
    # A pivot that is rounding beside its own entry of the matrix says nothing but "singular".
    if not (diagonal**2 > len(matrix) * np.finfo(float).eps * np.diag(matrix)).all():
        return -np.inf, nothing
    return 2 * float(np.log(diagonal).sum()), cho_solve(factor, np.eye(len(matrix)))
