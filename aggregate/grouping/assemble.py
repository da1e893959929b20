"""The second pass: the rows of a range to its items, each with its labels in canonical order."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate._building import DUPLICATE_POLICIES
from aggregate.grouping.runs import Rows
from aggregate.io.text import column_from_arrow
from aggregate.kernels.grouping import rows_by_item, settle_items

Codes = NDArray[np.int32]

_SHOWN: Final = 5


class Coding(NamedTuple):
    """From codes in the order of first appearance to those of the sorted tables."""

    rank: Codes
    new_label: Codes
    n_classes: int


class Range(NamedTuple):
    """The annotations of consecutive items."""

    items: Any
    """Sorted keys, or a sorted Arrow array of large strings."""
    n_labels: NDArray[np.int64]
    annotator: Codes
    label: Codes
    n_repeats: int
    repeated: NDArray[np.int64]
    """Item (within the range) and annotator of the first few repeats."""


def assemble(rows: Rows, coding: Coding, on_duplicate: str) -> Range:
    """Group the rows of a range by item.

    Parameters
    ----------
    rows : Rows
        In the order in which they were read.
    coding : Coding
    on_duplicate : {"keep", "first", "last", "error"}
        "error" keeps all and leaves it to the caller to refuse.
    """
    items, place = _distinct(rows.items)
    starts = np.empty(len(items) + 1, dtype=np.int64)
    code = np.empty(len(rows.label), dtype=np.int64)
    rows_by_item(
        place, rows.annotator, rows.label, coding.rank, coding.new_label, coding.n_classes,
        starts, code,
    )  # fmt: skip
    n_labels = np.empty(len(items), dtype=np.int64)
    annotator = np.empty(len(code), dtype=np.int32)
    label = np.empty(len(code), dtype=np.int32)
    repeated = np.empty((_SHOWN, 2), dtype=np.int64)
    policy = DUPLICATE_POLICIES.index(on_duplicate) % 3  # "error" is as "keep"
    n_kept, n_repeats = settle_items(
        starts, code, max(coding.n_classes, 1), policy, n_labels, annotator, label, repeated
    )
    return Range(
        items, n_labels, annotator[:n_kept], label[:n_kept], n_repeats, repeated[:n_repeats]
    )


def _distinct(items: Any) -> tuple[Any, Any]:
    """Return the distinct items in order, and the place of each row's among them."""
    if not isinstance(items, np.ndarray):
        return _distinct_text(items)
    lowest = int(items.min(initial=0)) if len(items) == 0 else int(items.min())
    span = int(items.max()) - lowest + 1 if len(items) else 0
    if span > 4 * len(items) + 1000:  # far between: sort them
        return np.unique(items, return_inverse=True)
    offset = items - lowest
    used = np.zeros(span, dtype=bool)
    used[offset] = True
    new_place = np.cumsum(used, dtype=np.int32)
    new_place -= 1
    return np.flatnonzero(used) + lowest, new_place[offset]


def _distinct_text(items: Any) -> tuple[Any, Any]:
    import pyarrow.compute as pc

    column = column_from_arrow(items)
    order = pc.sort_indices(column.values)
    place = np.empty(len(order), dtype=np.int32)
    place[order.to_numpy()] = np.arange(len(order), dtype=np.int32)
    return column.values.take(order), place[column.codes]
