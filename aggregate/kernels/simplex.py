"""The probability simplex: projection and normalisation, row by row or column by column.

Everything works in place on C-ordered float64 matrices and trusts its input (finite entries).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggregate._jit import helper, kernel


@helper
def _project(vector: NDArray[np.float64]) -> None:
    """Replace a vector by its nearest point on the simplex (Michelot's active set, no sort)."""
    n = vector.shape[0]
    top = vector[0]
    for a in range(1, n):
        top = max(top, vector[a])
    # Shifting by the maximum leaves the projection unchanged and puts the threshold in [-1, 0):
    # entries one below the maximum are zero from the start, so no sum can overflow or cancel.
    threshold = -1.0
    active = n + 1
    while True:
        total = 0.0
        count = 0
        for a in range(n):
            if vector[a] - top > threshold:
                total += vector[a] - top
                count += 1
        # The positive set only shrinks; an entry at the threshold could come back by rounding,
        # and the loop would never end, if growth did not count as the end too.
        if count >= active:
            break
        active = count
        threshold = (total - 1.0) / count
    for a in range(n):
        vector[a] = max(vector[a] - top - threshold, 0.0)


@kernel
def project_rows(matrix: NDArray[np.float64]) -> None:
    r"""Project every row of ``matrix`` onto the probability simplex, in place.

    .. math:: x_i \leftarrow \arg\min_{p \ge 0,\ \mathbf 1^T p = 1} \|p - x_i\|_2

    where :math:`x_i` is row ``i`` of ``matrix``, shape (n, K).

    The answer is :math:`\max(x_i - \tau, 0)` with the threshold :math:`\tau` that makes the
    entries sum to one; it is found by shrinking the set of positive entries until it is
    stable [1]_, which takes a few passes and no sorting. Entries must be finite.

    Parameters
    ----------
    matrix : ndarray of shape (n, K), float64, C order, K >= 1
        Overwritten.

    References
    ----------
    .. [1] C. Michelot, "A finite algorithm for finding the projection of a point onto the
       canonical simplex of R^n", J. Optim. Theory Appl. 50(1):195-200, 1986.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[0.75, 0.75], [2.0, 0.0], [-3.0, -3.0]])
    >>> project_rows(x)
    >>> x
    array([[0.5, 0.5],
           [1. , 0. ],
           [0.5, 0.5]])
    """
    for i in range(matrix.shape[0]):
        _project(matrix[i])


@kernel
def project_columns(matrix: NDArray[np.float64]) -> None:
    r"""Project every column of ``matrix`` onto the probability simplex, in place.

    .. math:: x_k \leftarrow \arg\min_{p \ge 0,\ \mathbf 1^T p = 1} \|p - x_k\|_2

    where :math:`x_k` is column ``k`` of ``matrix``, shape (L, K). The method is that of
    :func:`project_rows`. Entries must be finite.

    Parameters
    ----------
    matrix : ndarray of shape (L, K), float64, C order, L >= 1
        Overwritten.

    References
    ----------
    .. [1] C. Michelot, "A finite algorithm for finding the projection of a point onto the
       canonical simplex of R^n", J. Optim. Theory Appl. 50(1):195-200, 1986.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[0.75, 2.0], [0.75, 0.0]])
    >>> project_columns(x)
    >>> x
    array([[0.5, 1. ],
           [0.5, 0. ]])
    """
    for k in range(matrix.shape[1]):
        _project(matrix[:, k])


@kernel
def normalize_columns(matrix: NDArray[np.float64], floor: float) -> None:
    r"""Raise entries to at least ``floor``, then divide every column by its sum, in place.

    .. math:: x_{ak} \leftarrow \max(x_{ak}, f) \Big/ \sum_b \max(x_{bk}, f)

    where :math:`x` is ``matrix``, shape (L, K), and :math:`f \ge 0` is ``floor``. A column
    without mass says nothing about its distribution and becomes the uniform one.

    Parameters
    ----------
    matrix : ndarray of shape (L, K), float64, C order, L >= 1
        Overwritten.
    floor : float
        Smallest entry before normalisation, at least 0.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[3.0, 0.0, -1.0], [1.0, 0.0, 2.0]])
    >>> normalize_columns(x, 0.0)
    >>> x
    array([[0.75, 0.5 , 0.  ],
           [0.25, 0.5 , 1.  ]])
    """
    n_rows, n_columns = matrix.shape
    for k in range(n_columns):
        total = 0.0
        for a in range(n_rows):
            matrix[a, k] = max(matrix[a, k], floor)
            total += matrix[a, k]
        for a in range(n_rows):
            matrix[a, k] = matrix[a, k] / total if total > 0.0 else 1.0 / n_rows
