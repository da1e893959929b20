"""Partial credit for labels that are near each other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import check_choice
from aggregate.metrics.agreement._patterns import class_values

Float = NDArray[np.float64]

_MOST = 4096  # classes of a table of weights


def agreement_weights(weights: Any, classes: NDArray[Any]) -> Float | None:
    """Return the (K, K) credits of pairs of labels, or None where only equals agree.

    Parameters
    ----------
    weights : None, "linear", "quadratic" or array-like of shape (K, K)
        1 less the difference of two classes (or its square) over the largest there is, where
        classes that are no numbers count by their places; or the credits themselves.
    classes : ndarray of shape (K,)

    Raises
    ------
    ValueError
        If there are too many classes, or given weights are no symmetric table of credits with
        ones on its diagonal.
    """
    if weights is None:
        return None
    n_classes = len(classes)
    if n_classes > _MOST:
        raise ValueError(
            f"weights need a table of {n_classes:,} by {n_classes:,} classes. For measurements, "
            "use krippendorff_alpha(scale='interval') or intraclass_correlation."
        )
    if isinstance(weights, str):
        check_choice("weights", weights, (None, "linear", "quadratic"))
        values = _places(classes)
        apart = abs(values[:, np.newaxis] - values)
        apart /= max(apart.max(initial=0.0), np.finfo(float).tiny)
        return np.asarray(1 - (apart if weights == "linear" else np.square(apart)))
    table = np.array(weights, dtype=np.float64)
    if table.shape != (n_classes, n_classes):
        raise ValueError(
            f"weights must have shape ({n_classes}, {n_classes}), classes by classes; got "
            f"{table.shape}."
        )
    sound = np.isfinite(table).all() and (table >= 0).all() and (table <= 1).all()
    if not (sound and (table == table.T).all() and (np.diag(table) == 1).all()):
        raise ValueError(
            "weights must be credits from 0 to 1, the same either way, and 1 on the diagonal."
        )
    return table


def _places(classes: NDArray[Any]) -> Float:
    try:
        return class_values(classes, "interval")
    except ValueError:
        return np.arange(len(classes), dtype=np.float64)
