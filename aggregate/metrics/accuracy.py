"""How often soft labels are right, and how far estimated confusions are from the true ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate.metrics._checks import known_part

Float = NDArray[np.float64]

_TIED = 1e-9  # relative, as in aggregate.fusion


def accuracy(probas: ArrayLike, truth: ArrayLike) -> float:
    """Return the share of items whose likeliest class is the true one.

    Where several classes tie for the likeliest, a true one among them counts one divided by
    their number: what picking one of them at random earns on average.

    Parameters
    ----------
    probas : array-like of shape (N, K)
        Soft labels, or any non-negative scores such as counts of votes.
    truth : array-like of int, shape (N,)
        Class codes; items with -1 do not count.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If the shapes disagree, a code is out of range or no truth is known.

    Examples
    --------
    >>> from aggregate.metrics import accuracy
    >>> accuracy([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]], [0, 1, -1])
    0.75
    """
    return float(credit(*known_part(probas, truth, sum_to_one=False)).mean())


def credit(probas: Float, truth: NDArray[np.integer[Any]]) -> Float:
    """Return what each item earns in `accuracy`; every truth must be known.

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate.metrics import credit
    >>> credit(np.array([[3.0, 3.0, 1.0], [0.0, 2.0, 1.0]]), np.array([0, 2]))
    array([0.5, 0. ])
    """
    best = probas.max(axis=1, keepdims=True)
    ahead = probas >= best * (1 - _TIED)
    return np.asarray(ahead[np.arange(len(truth)), truth] / ahead.sum(axis=1))


def confusion_error(estimated: ArrayLike, true: ArrayLike) -> float:
    r"""Return the mean total variation distance between confusion matrices.

    .. math:: \frac{1}{2 M K} \sum_{j,k,y} \bigl| \hat A_j[k, y] - A_j[k, y] \bigr|

    0 says that they agree, 1 that they have nothing in common: the share of labels that would
    have to be changed to turn one crowd into the other, when every class is as frequent.

    Parameters
    ----------
    estimated, true : array-like of shape (M, K, K)
        Truth in the rows.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes differ or are no stack of square matrices.

    Examples
    --------
    >>> from aggregate.metrics import confusion_error
    >>> round(confusion_error([[[0.9, 0.1], [0.2, 0.8]]], [[[0.8, 0.2], [0.2, 0.8]]]), 4)
    0.05
    """
    one = np.asarray(estimated, dtype=np.float64)
    other = np.asarray(true, dtype=np.float64)
    if one.shape != other.shape or one.ndim != 3 or one.shape[1] != one.shape[2] or not one.size:
        raise ValueError(
            "estimated and true must both have shape (annotators, classes, classes); got "
            f"{one.shape} and {other.shape}."
        )
    return float(abs(one - other).sum(axis=2).mean()) / 2
