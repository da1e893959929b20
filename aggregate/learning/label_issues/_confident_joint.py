"""Which labels a classifier contradicts with confidence, and how many are wrong in all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Codes = NDArray[np.int64]


def class_thresholds(probas: Float, given: Float) -> Float:
    r"""Return how sure the classifier is of a class, on average, where that class was given.

    .. math:: t_k = \frac{\sum_i g_{ik} \, p_{ik}}{\sum_i g_{ik}}

    with given labels g, one-hot or soft. A class that nobody gave has the threshold 1.

    Parameters
    ----------
    probas : ndarray of shape (N, K)
        Out-of-sample probabilities.
    given : ndarray of shape (N, K)
        Given labels; rows sum to one, or to zero for rows without label.

    Returns
    -------
    ndarray of shape (K,)

    Examples
    --------
    >>> probas = np.array([[0.9, 0.1], [0.7, 0.3], [0.4, 0.6]])
    >>> class_thresholds(probas, np.eye(2)[[0, 0, 1]])
    array([0.8, 0.6])
    """
    mass = given.sum(axis=0)
    sure = np.einsum("ik,ik->k", given, probas)
    return np.divide(sure, mass, out=np.ones_like(mass), where=mass > 0)


def confident_class(probas: Float, thresholds: Float) -> Codes:
    """Return the likeliest of the classes at or above their thresholds; -1 where none is.

    Examples
    --------
    >>> confident_class(np.array([[0.9, 0.1], [0.5, 0.5]]), np.array([0.8, 0.6]))
    array([ 0, -1])
    """
    above = probas >= thresholds - 1e-12
    best = np.where(above, probas, -1.0).argmax(axis=1)
    return np.where(above.any(axis=1), best, -1).astype(np.int64)


def count_confident(given: Float, confident: Codes) -> Float:
    """Return the confident joint: mass given to y where class k is confident, shape (K, K).

    Examples
    --------
    >>> count_confident(np.eye(2)[[0, 0, 1]], np.array([0, 1, -1]))
    array([[1., 1.],
           [0., 0.]])
    """
    n_classes = given.shape[1]
    seen = confident >= 0
    counts = np.zeros((n_classes, n_classes))
    np.add.at(counts.T, confident[seen], given[seen])
    return counts


def joint_distribution(counts: Float, given_mass: Float) -> Float:
    r"""Return the estimated joint distribution of given label and truth, shape (K, K).

    .. math:: Q[y, k] \propto \frac{C[y, k]}{\sum_{k'} C[y, k']} \, n_y.

    Rows sum to the shares in which labels were given. A class of which nobody was confident is
    taken to be right.

    Parameters
    ----------
    counts : ndarray of shape (K, K)
        The confident joint C.
    given_mass : ndarray of shape (K,)
        How often each label was given, n.

    Examples
    --------
    >>> joint_distribution(np.array([[3.0, 1.0], [0.0, 0.0]]), np.array([6.0, 2.0]))
    array([[0.5625, 0.1875],
           [0.    , 0.25  ]])
    """
    totals = counts.sum(axis=1, keepdims=True)
    filled = np.where(totals > 0, counts, np.eye(len(counts)))
    rows = filled / filled.sum(axis=1, keepdims=True) * given_mass[:, np.newaxis]
    return np.asarray(rows / rows.sum())
