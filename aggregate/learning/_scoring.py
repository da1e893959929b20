"""A truth to judge predictions by: which rows it is known for, and what it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._encoding import encode, is_missing, match
from aggregate._validation import first_few
from aggregate.learning._votes import index_names

Float = NDArray[np.float64]


def known_truth(
    gold: Any, X: Any, items: Any, n_rows: int, classes: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the code of each row's truth, -1 where it is no class, and where it is known.

    Parameters
    ----------
    gold : mapping item -> class, or array-like of shape (N,)
        As in a fit: a mapping, or a pandas series whose index names rows, goes by name.
    X, items
        The rows; what they are called is ``items``, else the index of a pandas X, else 0, 1, 2, …
    n_rows : int
    classes : ndarray of shape (K,)
    """
    gold = _by_row(gold, X, items, n_rows)
    codes, table = encode(gold, "gold")
    if len(codes) != n_rows:
        raise ValueError(
            f"gold must have one entry per row of X, {n_rows}, with None, NaN or -1 where the "
            f"truth is unknown; got {len(codes)}. For a few rows, pass a mapping {{item: class}}."
        )
    known = np.array([not is_missing(name) for name in table.tolist()] + [False])
    if -1 not in classes.tolist():
        known[:-1] &= table != -1
    if not known[codes].any():
        raise ValueError("gold holds no known class; there is nothing to score against.")
    return np.append(match(table, classes), -1)[codes].astype(np.int64), known[codes]


def share(right: NDArray[np.bool_], weight: Float) -> float:
    """Return the weighted share of what is right."""
    if not weight.any():
        raise ValueError("no row that can be judged has a weight above zero.")
    return float(np.average(right, weights=weight))


def _by_row(gold: Any, X: Any, items: Any, n_rows: int) -> Any:
    """Return a truth that goes by name as one that goes by row, None where it is not known."""
    rows = index_names(X) if items is None else np.asarray(items, dtype=object)
    positions = np.arange(n_rows)
    named = rows is not None and not np.array_equal(rows, positions)
    if isinstance(gold, Mapping):
        names = (rows if rows is not None else positions).tolist()
        found = [gold.get(name) for name in names]
        if all(truth is None for truth in found):
            raise ValueError(
                f"none of the {len(gold)} gold items is among the rows: gold names "
                f"{first_few(gold)}, the rows {first_few(names)}. Compare their spelling and type "
                "(1 is not '1')."
            )
        return found
    index = index_names(gold) if getattr(gold, "ndim", 0) == 1 else None
    if rows is None or index is None or not named or np.array_equal(index, rows):
        return gold
    if np.array_equal(index, np.arange(len(index))) or (match(index, rows) < 0).all():
        return gold
    truth = gold.to_dict()
    return [truth.get(name) for name in rows.tolist()]
