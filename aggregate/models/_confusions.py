"""The M-step of full confusion matrices: counts and Dirichlet pseudo-counts to probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._encoding import match
from aggregate._validation import first_few
from aggregate.kernels.m_step import log_dirichlet, normalise_counts

Float = NDArray[np.float64]


def prior_confusion(n_classes: int, accuracy: float) -> Float:
    """Return the confusion expected of an annotator nobody has seen, shape (K, K).

    Examples
    --------
    >>> prior_confusion(3, 0.6)
    array([[0.6, 0.2, 0.2],
           [0.2, 0.6, 0.2],
           [0.2, 0.2, 0.6]])
    """
    if n_classes == 1:
        return np.ones((1, 1))
    confusion = np.full((n_classes, n_classes), (1 - accuracy) / (n_classes - 1))
    np.fill_diagonal(confusion, accuracy)
    return confusion


class Confusions:
    """Maximise over one confusion matrix per annotator, each row with a Dirichlet prior.

    Parameters
    ----------
    expected : ndarray of shape (K, K)
        The prior's mean, truth in the rows.
    strength : float
        Pseudo-labels per row; 0 is maximum likelihood.
    history : ndarray of shape (M, K, K), optional
        Labels counted in earlier work, truth in the rows; evidence like any other.
    """

    def __init__(self, expected: Float, strength: float, history: Float | None = None) -> None:
        n_classes = len(expected)
        self.fallback = np.ascontiguousarray(expected.T)
        self.pseudo = strength * self.fallback
        if history is not None:
            table = history.transpose(0, 2, 1) + self.pseudo
            self.pseudo = np.ascontiguousarray(table.reshape(-1, n_classes))

    def maximise(self, counts: Float) -> Float:
        """Return the table of probabilities that the counts make likeliest."""
        table = np.empty_like(counts)
        normalise_counts(counts, self.pseudo, self.fallback, table)
        return table

    def log_prior(self, table: Float) -> float:
        """Return the log density of the table, up to a constant."""
        return float(log_dirichlet(table, self.pseudo))


class FixedConfusions:
    """Confusions known for certain: no counts change them."""

    def __init__(self, table: Float) -> None:
        self.table = table

    def maximise(self, counts: Float) -> Float:
        """Return the known table."""
        return self.table

    def log_prior(self, table: Float) -> float:
        """Return zero: there is nothing to be uncertain about."""
        return 0.0


def read_history(history: Any, annotators: NDArray[Any], n_classes: int) -> Float | None:
    """Return counts of earlier labels per annotator, shape (M, K, K), or None.

    Parameters
    ----------
    history : None, mapping annotator -> (K, K) counts, or array of shape (M, K, K)
        Truth in the rows. Annotators that a mapping names and the votes do not have are an
        error; those it does not name have no history.

    Raises
    ------
    ValueError
        If a shape is wrong, a count is negative or not finite, or an annotator is unknown.
    """
    if history is None:
        return None
    counts = np.zeros((len(annotators), n_classes, n_classes))
    if isinstance(history, Mapping):
        names = np.empty(len(history), dtype=object)
        names[:] = list(history)
        place = match(names, annotators)
        if (place < 0).any():
            raise ValueError(
                f"history names annotators without a vote here: {first_few(names[place < 0])}."
            )
        for j, (name, given) in zip(place, history.items(), strict=True):
            if np.shape(given) != (n_classes, n_classes):
                raise ValueError(
                    f"the history of annotator {name!r} must be a ({n_classes}, {n_classes}) "
                    f"table of counts, truth in the rows; got shape {np.shape(given)}."
                )
            counts[j] = given
    elif np.shape(history) == counts.shape:
        counts[:] = history
    else:
        raise ValueError(
            f"history must have shape {counts.shape} (annotators, true classes, reported "
            f"classes); got {np.shape(history)}."
        )
    if not np.isfinite(counts).all() or (counts < 0).any():
        raise ValueError("history must hold finite counts of at least 0.")
    return counts
