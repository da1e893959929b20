"""How much correlated annotators are worth: the design effect behind honest confidence.

The textbook posterior multiplies the annotators' likelihoods as if they erred independently.
On real data they share their errors (an item is hard for everybody, people guess alike), and
the product is far too sure. If any two annotators' errors have correlation ρ, then r labels
carry the information of r / (1 + (r - 1)·ρ) independent ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._validation import check_number

Float = NDArray[np.float64]


def design_effect(n_labels: ArrayLike, annotator_correlation: float) -> Float:
    """Return 1 + (r - 1)·ρ, by which an item's evidence is overstated.

    Parameters
    ----------
    n_labels : array-like of int
        Labels of each item, r. None or one gives 1.
    annotator_correlation : float
        ρ from 0 to 1.

    Returns
    -------
    ndarray
        Of the shape of ``n_labels``.

    References
    ----------
    L. Kish, Survey Sampling, Wiley, 1965, section 8.2.

    Examples
    --------
    >>> design_effect([0, 1, 3, 6], 0.4)
    array([1. , 1. , 1.8, 3. ])
    """
    check_number("annotator_correlation", annotator_correlation, low=0, high=1)
    extra = np.maximum(np.asarray(n_labels, dtype=np.float64) - 1, 0)
    return 1 + extra * annotator_correlation


def effective_labels(n_labels: ArrayLike, annotator_correlation: float) -> Float:
    """Return r / (1 + (r - 1)·ρ): how many independent labels the item's r are worth.

    Examples
    --------
    >>> effective_labels([1, 3, 6], 0.4).round(2)
    array([1.  , 1.67, 2.  ])
    """
    return np.asarray(n_labels, dtype=np.float64) / design_effect(n_labels, annotator_correlation)


def temper(probas: Float, n_labels: ArrayLike, annotator_correlation: float) -> Float:
    """Raise given posteriors to the power 1 / design effect and renormalise the rows.

    For posteriors that come from elsewhere; `aggregate.fusion.posterior` does the same in
    logarithms, where nothing underflows.

    Parameters
    ----------
    probas : ndarray of shape (N, K)
        Rows summing to one.
    n_labels : array-like of shape (N,)
        Labels of each item.
    annotator_correlation : float
        ρ from 0 to 1.

    Returns
    -------
    ndarray of shape (N, K)
        The largest entry of each row stays the largest.

    Examples
    --------
    >>> temper(np.array([[0.98, 0.02]]), [4], 0.4).round(3)
    array([[0.854, 0.146]])
    """
    power = 1 / design_effect(n_labels, annotator_correlation)
    tempered = np.power(probas, power[:, np.newaxis])
    return tempered / tempered.sum(axis=1, keepdims=True)
