"""From rows in any order to the canonical item-major arrays of an `Annotations`."""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import check_choice, first_few
from aggregate.kernels.layout import stable_order

DUPLICATE_POLICIES = ("keep", "first", "last", "error")


class ItemMajor(NamedTuple):
    """Annotations grouped by item, in an order that does not depend on the rows'."""

    item_ptr: NDArray[np.int64]
    annotator: NDArray[np.int32]
    label: NDArray[np.int32]
    repeats: int
    """Rows beyond the first for a pair of item and annotator, before the policy acted."""


def group_by_item(
    item: NDArray[np.int32],
    annotator: NDArray[np.int32],
    label: NDArray[np.int32],
    tables: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
    on_duplicate: str,
) -> ItemMajor:
    """Sort by item, then annotator, then label (or row, where a policy speaks of rows).

    Parameters
    ----------
    item, annotator, label : ndarray of int32, shape (n_rows,)
        Codes into the tables; -1 where missing. Rows without a label are left out.
    tables : (items, annotators, classes)
        Only their lengths and, for messages, their values are used.
    on_duplicate : {"keep", "first", "last", "error"}
        What becomes of several labels by one annotator on one item.

    Raises
    ------
    ValueError
        If a label has no item or no annotator, or a pair repeats under "error".
    """
    check_choice("on_duplicate", on_duplicate, DUPLICATE_POLICIES)
    items, annotators, classes = tables
    labelled = label >= 0
    _refuse_orphans(labelled, item, "item")
    _refuse_orphans(labelled, annotator, "annotator")
    if not labelled.all():
        item, annotator, label = item[labelled], annotator[labelled], label[labelled]
    keys = [(annotator, len(annotators)), (item, len(items))]
    if on_duplicate == "keep":  # otherwise the rows' own order says which came first
        keys[:1] = _annotator_label_keys(annotator, label, len(annotators), len(classes))
    order, item_ptr = _lexicographic(keys)
    item = np.repeat(np.arange(len(items), dtype=np.int32), np.diff(item_ptr))
    annotator, label = annotator[order], label[order]
    repeat = np.zeros(len(item), dtype=bool)
    np.logical_and(item[1:] == item[:-1], annotator[1:] == annotator[:-1], out=repeat[1:])
    repeats = int(repeat.sum())
    if repeats and on_duplicate != "keep":
        if on_duplicate == "error":
            few = zip(item[repeat][:5], annotator[repeat][:5], strict=True)
            refuse_repeats(repeats, [(items[i], annotators[j]) for i, j in few])
        keep = ~repeat if on_duplicate == "first" else ~np.append(repeat[1:], False)
        item, annotator, label = item[keep], annotator[keep], label[keep]
        item_ptr = np.searchsorted(item, np.arange(len(items) + 1)).astype(np.int64)
    return ItemMajor(item_ptr, annotator, label, repeats)


Keys = list[tuple[NDArray[np.int32], int]]


def _annotator_label_keys(
    annotator: NDArray[np.int32], label: NDArray[np.int32], n_annotators: int, n_classes: int
) -> Keys:
    """Return the sort keys of annotator and label, as one key where its table stays small."""
    size = n_annotators * n_classes
    if size > max(len(label), 1 << 16) or size >= 1 << 31:
        return [(label, n_classes), (annotator, n_annotators)]
    return [(annotator * np.int32(n_classes) + label, size)]


def _lexicographic(keys: Keys) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the order by the last key, ties by the one before it, and the last key's starts."""
    order = np.arange(len(keys[0][0]), dtype=np.int64)
    for key, n_keys in keys:
        pointers = np.empty(n_keys + 1, dtype=np.int64)
        refined = np.empty_like(order)
        stable_order(key, order, pointers, refined)
        order = refined
    return order, pointers


def _refuse_orphans(labelled: NDArray[np.bool_], code: NDArray[np.int32], what: str) -> None:
    orphans = np.flatnonzero(labelled & (code < 0))
    if len(orphans):
        raise ValueError(
            f"{len(orphans)} labels have no {what} (rows {first_few(orphans)}, counted from 0). "
            f"Give each an {what}, or drop those rows."
        )


def refuse_repeats(n_repeats: int, pairs: list[tuple[Any, Any]]) -> NoReturn:
    """Say how many pairs of item and annotator repeat, and name the first few."""
    named = "; ".join(f"item {first_few([i])} by annotator {first_few([j])}" for i, j in pairs)
    raise ValueError(
        f"{n_repeats} annotations repeat a pair of item and annotator: {named}"
        f"{' and more' if n_repeats > len(pairs) else ''}. Repeats count as further evidence with "
        "on_duplicate='keep'; 'first' or 'last' picks one."
    )
