"""From rows in any order on many machines to parts that hold all the labels of their items.

A piece of the source is coded against tables of its own; the tables of all pieces are united
once; each piece is then cut up by the hash of its items, and what belongs to one part is put
together there. Only the cuts travel.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate._building import group_by_item
from aggregate._encoding import encode, match
from aggregate._tables import row_codes
from aggregate._validation import first_few
from aggregate.distributed._ids import (
    Ids,
    encode_ids,
    hash_ids,
    join_ids,
    merge_ids,
    take_ids,
)
from aggregate.kernels.layout import stable_order

Codes = NDArray[np.int32]


class Coded(NamedTuple):
    """The labels of a piece of the source, coded against its own tables."""

    item: Codes
    annotator: Codes
    label: Codes
    items: Ids
    annotators: NDArray[Any]
    classes: NDArray[Any]
    rows: int
    """Rows of the piece, those without a label included."""


class Tables(NamedTuple):
    """What the codes of the whole data stand for."""

    annotators: NDArray[Any]
    classes: NDArray[Any]


class Cut(NamedTuple):
    """Labels on their way to a part: item codes into a table of their own, global table rows."""

    items: Ids
    item: Codes
    code: NDArray[np.uint32]


class Part(NamedTuple):
    """All the labels of some items: ``code[item_ptr[i]:item_ptr[i + 1]]`` are those of item i."""

    item_ptr: NDArray[np.int64]
    code: NDArray[np.uint32]

    @property
    def pointers(self) -> NDArray[np.int64]:
        """The pointers as `aggregate.Annotations` has them, read-only: kernels know that type."""
        view = self.item_ptr.view()
        view.flags.writeable = False
        return view


class Size(NamedTuple):
    """What a part holds; sizes add up."""

    n_items: int
    n_annotations: int
    repeats: int
    empty_items: int


def code_piece(table: Mapping[str, Any]) -> Coded:
    """Code the columns of a piece; rows without a label only make their names known."""
    item, items = encode_ids(table["item"], "items")
    annotator, annotators = encode(table["annotator"], "annotators")
    label, classes = encode(table["label"], "labels")
    labelled = label >= 0
    for what, code in (("item", item), ("annotator", annotator)):
        orphans = np.flatnonzero(labelled & (code < 0))
        if len(orphans):
            raise ValueError(
                f"{len(orphans)} labels have no {what} (rows {first_few(orphans)} of a piece of "
                f"{len(label)} rows, counted from 0). Give each an {what}, or drop those rows."
            )
    rows = len(label)
    if not labelled.all():
        item, annotator, label = item[labelled], annotator[labelled], label[labelled]
    return Coded(item, annotator, label, items, annotators, classes, rows)


def tables_of(piece: Coded) -> tuple[NDArray[Any], NDArray[Any], int, int]:
    """Return the annotators and classes of a piece, its rows and its labels."""
    return piece.annotators, piece.classes, piece.rows, len(piece.label)


def unite(tables: list[tuple[Any, Any, int, int]]) -> tuple[Any, Any, int, int]:
    """Return the sorted unions of several pieces' tables, and the sums of their rows."""
    annotators, classes, rows, labels = zip(*tables, strict=True)
    return merge_ids(annotators)[1], merge_ids(classes)[1], sum(rows), sum(labels)


def cut_piece(piece: Coded, tables: Tables, n_parts: int) -> list[Cut]:
    """Cut a piece into what belongs to each part."""
    annotator = match(piece.annotators, tables.annotators)[piece.annotator]
    label = match(piece.classes, tables.classes)[piece.label]
    code = row_codes(annotator, label, len(tables.annotators), len(tables.classes))
    return cut(Cut(piece.items, piece.item, code), n_parts, 1)


def cut(rows: Cut, n_parts: int, divisor: int) -> list[Cut]:
    """Cut labels up by ``hash // divisor % n_parts`` of their items, their order kept."""
    part_of_item = (hash_ids(rows.items) // divisor % n_parts).astype(np.int32)
    item_order, item_bounds = _sorted_by(part_of_item, n_parts)
    place = np.empty(len(item_order), dtype=np.int32)
    place[item_order] = np.arange(len(item_order)) - item_bounds[part_of_item[item_order]]
    order, bounds = _sorted_by(part_of_item[rows.item], n_parts)
    return [
        Cut(
            take_ids(rows.items, item_order[item_bounds[part] : item_bounds[part + 1]]),
            place[rows.item[order[bounds[part] : bounds[part + 1]]]],
            rows.code[order[bounds[part] : bounds[part + 1]]],
        )
        for part in range(n_parts)
    ]


def _sorted_by(key: Codes, n_keys: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the order that sorts a key, equal ones in place, and where each value begins."""
    pointers = np.empty(n_keys + 1, dtype=np.int64)
    order = np.empty(len(key), dtype=np.int64)
    stable_order(key, np.arange(len(key)), pointers, order)
    return order, pointers


def joined(cuts: list[Cut]) -> Cut:
    """Put cuts one after the other; items that several of them name stay apart."""
    starts = np.cumsum([0] + [len(one.items) for one in cuts[:-1]])
    if starts[-1] + len(cuts[-1].items) >= 2**31:
        raise ValueError(
            f"a part would hold {starts[-1] + len(cuts[-1].items)} names of items, more than "
            "2^31: make more parts (npartitions=)."
        )
    item = [one.item + np.int32(start) for one, start in zip(cuts, starts, strict=True)]
    return Cut(
        join_ids([one.items for one in cuts]),
        np.concatenate(item),
        np.concatenate([one.code for one in cuts]),
    )


def put_together(cuts: list[Cut], tables: Tables, on_duplicate: str) -> tuple[Part, Ids, Size]:
    """Make a part of all its cuts: items sorted, the labels of each in canonical order."""
    n_classes = max(len(tables.classes), 1)
    rows = joined(cuts)
    place, items = merge_ids([one.items for one in cuts])
    annotator, label = np.divmod(rows.code, np.uint32(n_classes))
    grouped = group_by_item(
        place[rows.item],
        annotator.astype(np.int32),
        label.astype(np.int32),
        (_Names(items), tables.annotators, tables.classes),  # type: ignore[arg-type]
        on_duplicate,
    )
    code = row_codes(grouped.annotator, grouped.label, len(tables.annotators), n_classes)
    empty = int((np.diff(grouped.item_ptr) == 0).sum())
    size = Size(len(items), len(code), grouped.repeats, empty)
    return Part(grouped.item_ptr, code), items, size


class _Names:
    """Names of items for messages: as many as there are, made only when asked for."""

    def __init__(self, ids: Ids) -> None:
        self.ids = ids

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, place: Any) -> Any:
        name = self.ids[int(place)]
        return name.as_py() if hasattr(name, "as_py") else name
