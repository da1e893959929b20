"""An estimator's answers in a column per class: it may know fewer, and in another order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._encoding import match
from aggregate._validation import first_few

Float = NDArray[np.float64]


def probas_of(model: Any, X: Any, classes: NDArray[Any]) -> Float:
    """Return a fitted model's probabilities with a column for each of the classes.

    Raises
    ------
    ValueError
        If some are not finite, as those of naive Bayes on features that never vary.
    """
    table = np.asarray(model.predict_proba(X))
    wrong = ~np.isfinite(table).all(axis=1)
    if wrong.any():
        raise ValueError(
            f"{type(model).__name__} gave probabilities that are not finite, for the rows "
            f"{first_few(np.flatnonzero(wrong))}: look for features that do not vary or are of "
            "very different size, or take another estimator."
        )
    return in_columns(table, model.classes_, classes)


def named_columns(table: Any) -> NDArray[Any] | None:
    """Return what a data frame calls its columns; None for arrays, or numbers from 0.

    Examples
    --------
    >>> import pandas as pd
    >>> named_columns(pd.DataFrame([[0.3, 0.7]], columns=["dog", "cat"]))
    array(['dog', 'cat'], dtype=object)
    >>> named_columns(pd.DataFrame([[0.3, 0.7]])) is None
    True
    """
    columns = getattr(table, "columns", None)
    if columns is None or callable(columns):
        return None
    names = np.asarray(list(columns), dtype=object)
    return None if np.array_equal(names, np.arange(len(names))) else names


def in_columns(
    table: Float, named: NDArray[Any], classes: NDArray[Any], empty: float = 0.0
) -> Float:
    """Return a table with a column per class, ``empty`` where the given one has none."""
    full = np.full((len(table), len(classes)), empty)
    full[:, match(np.asarray(named), classes)] = table
    return full


def match_rows(values: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.int64]:
    """Return the code of each value."""
    named, inverse = np.unique(values, return_inverse=True)
    return match(named, classes)[inverse].astype(np.int64)
