"""Data frames whose rows carry the items' names, in another order than the votes."""

from __future__ import annotations

from typing import Any

import numpy as np

from aggregate._encoding import match
from aggregate.annotations import Annotations


def refuse_another_order(X: Any, y: Any, items: Any) -> None:
    """Refuse features whose index names the items of the votes in another order.

    Row i is taken for item i where ``items`` says nothing, and a file read in another order than
    the votes would train a classifier on other items' labels without a word. Names that are whole
    numbers may be positions and tell nothing.

    Raises
    ------
    ValueError
        If the index holds the names of all items, in another order.
    """
    if items is not None or not isinstance(y, Annotations) or not hasattr(X, "iloc"):
        return
    kinds = {type(name) for name in y.items.tolist()}
    if len(X) != y.n_items or int in kinds:
        return
    place = match(np.asarray(X.index, dtype=object), y.items)
    if (place >= 0).all() and (place != np.arange(len(place))).any():
        row = int(np.argmax(place != np.arange(len(place))))
        raise ValueError(
            "the index of X names the items of the annotations in another order, and row i would "
            f"be taken for item i (row {row} is {X.index[row]!r}, item {row} is "
            f"{y.items[row]!r}): pass items=X.index, and items are found by name."
        )
