"""From the estimated joint of given labels and truth to the labels called wrong."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Codes = NDArray[np.int64]

FILTERS: Final = ("noise_rate", "class", "both", "confident")


def wrong_labels(
    probas: Float, labels: Codes, confident: Codes, joint: Float, method: str
) -> NDArray[np.bool_]:
    """Return which labels are called wrong.

    A label that the classifier finds likeliest is never called wrong.

    Parameters
    ----------
    probas : ndarray of shape (n, K)
        Out-of-sample probabilities.
    labels : ndarray of int, shape (n,)
        Given labels.
    confident : ndarray of int, shape (n,)
        The class that the classifier is confident of, -1 for none.
    joint : ndarray of shape (K, K)
        Of given label (rows) and truth.
    method : {"noise_rate", "class", "both", "confident"}
        See `aggregate.learning.find_label_issues`.

    Examples
    --------
    >>> probas = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])
    >>> joint = np.array([[0.4, 0.3], [0.0, 0.3]])
    >>> wrong_labels(probas, np.array([0, 0, 1]), np.array([0, 1, 1]), joint, "noise_rate")
    array([False,  True, False])
    """
    if method == "confident":
        wrong = (confident >= 0) & (confident != labels)
    elif method == "class":
        wrong = _least_sure(probas, labels, joint)
    elif method == "noise_rate":
        wrong = _widest_margins(probas, labels, joint)
    else:
        wrong = _least_sure(probas, labels, joint) & _widest_margins(probas, labels, joint)
    rows = np.arange(len(labels))
    return np.asarray(wrong & (probas[rows, labels] < probas.max(axis=1)))


def _shares(joint: Float) -> Float:
    """Return P(truth k | given y), shape (K, K)."""
    return np.asarray(joint / np.maximum(joint.sum(axis=1, keepdims=True), 1e-300))


def _least_sure(probas: Float, labels: Codes, joint: Float) -> NDArray[np.bool_]:
    """Call wrong, of each class given, as many as are wrong: those of least probability."""
    wrong = np.zeros(len(labels), dtype=bool)
    shares = _shares(joint)
    for code in range(len(joint)):
        rows = np.flatnonzero(labels == code)
        number = round(len(rows) * (1 - shares[code, code]))
        order = np.argsort(probas[rows, code], kind="stable")
        wrong[rows[order[:number]]] = True
    return wrong


def _widest_margins(probas: Float, labels: Codes, joint: Float) -> NDArray[np.bool_]:
    """Call wrong, of each pair (given y, truth k), as many as there are: by the widest margin."""
    wrong = np.zeros(len(labels), dtype=bool)
    shares = _shares(joint)
    for code in range(len(joint)):
        rows = np.flatnonzero(labels == code)
        numbers = whole_numbers(shares[code] * len(rows))
        for truth in np.flatnonzero(numbers).tolist():
            if truth != code:
                margin = probas[rows, truth] - probas[rows, code]
                order = np.argsort(-margin, kind="stable")
                wrong[rows[order[: numbers[truth]]]] = True
    return wrong


def whole_numbers(amounts: Float) -> Codes:
    """Round amounts to whole numbers of the same sum: the largest remainders go up.

    Examples
    --------
    >>> whole_numbers(np.array([1.4, 1.4, 0.2]))
    array([2, 1, 0])
    """
    down = np.floor(amounts + 1e-9).astype(np.int64)
    left = round(float(amounts.sum())) - int(down.sum())
    up = np.argsort(-(amounts - down), kind="stable")[:left]
    down[up] += 1
    return down
