"""Wide tables, one column per annotator, stacked into long columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from aggregate._validation import first_few
from aggregate.io.errors import ReadError
from aggregate.io.text import Column, column_from_arrow, is_text, restored, without_missing


def stacked(name: str, columns: Sequence[Column], annotators: Sequence[str]) -> list[Column]:
    """Return the long columns item, annotator and label, annotator after annotator.

    Parameters
    ----------
    name : str
        The file, for messages.
    columns : sequence of Column
        The item column, then one of labels per annotator.
    annotators : sequence of str
        The names of the latter.

    Raises
    ------
    ReadError
        If columns of labels differ in kind.
    """
    import pyarrow as pa

    item, *cells = columns
    n_rows, n_annotators = len(item.codes), len(cells)
    labels = column_from_arrow(pa.chunked_array(_alike(name, cells, annotators)))
    who = np.repeat(np.arange(n_annotators, dtype=np.int32), n_rows)
    return [
        Column(np.tile(item.codes, n_annotators), item.values),
        Column(who, pa.array(list(annotators))),
        labels,
    ]


def _alike(name: str, cells: Sequence[Column], annotators: Sequence[str]) -> list[Any]:
    """Return the columns as Arrow dictionary arrays of one type."""
    import pyarrow as pa

    kinds = {column.values.type for column in cells if len(column.values)}
    if len(kinds) <= 1:
        kind = kinds.pop() if kinds else pa.string()
    elif all(pa.types.is_integer(kind) for kind in kinds):
        kind = pa.int64()
    elif all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in kinds):
        kind = pa.float64()
    else:
        example = {
            str(column.values.type): who for column, who in zip(cells, annotators, strict=True)
        }
        told = ", ".join(f"{who!r} holds {kind}" for kind, who in sorted(example.items())[:3])
        raise ReadError(f"{name}: the columns of labels differ in kind ({told}); write all alike.")
    return [Column(column.codes, column.values.cast(kind)).to_arrow() for column in cells]


def refuse_strangers(name: str, labels: Column, annotators: Sequence[str]) -> None:
    """Refuse a guessed layout where a column shares no label with another one.

    It may be no annotator's column at all.

    Raises
    ------
    ReadError
        Naming such columns.
    """
    used = [np.unique(codes[codes >= 0]) for codes in np.split(labels.codes, len(annotators))]
    columns_with = np.bincount(np.concatenate(used), minlength=len(labels.values))
    strangers = [
        who
        for who, own in zip(annotators, used, strict=True)
        if len(own) and (columns_with[own] == 1).all()
    ]
    if strangers and sum(len(own) > 0 for own in used) > 1:
        raise ReadError(
            f"{name} looks like a wide table, one column per annotator, but {first_few(strangers)} "
            "shares no label with another column: name the columns (item=, annotator=, label=) "
            "of a long table, or say layout='wide'."
        )


def without_minus_one(name: str, labels: Column, spellings: dict[str, int], classes: Any) -> Column:
    """Take -1 for a missing label where all labels are numbers, as in any table of labels.

    Raises
    ------
    ReadError
        If the labels are only -1 and 1, and nothing says which of the two is meant.
    """
    values = restored(labels.values)
    if is_text(values) or -1 not in (known := set(values.to_pylist())):
        return labels
    if known == {-1, 1} and classes is None:
        raise ReadError(
            f"{name} holds only -1 and 1: is -1 a label or a missing one? Say missing=-1, or "
            "missing='' (empty cells stay missing)."
        )
    labels, found = without_missing(labels, [-1])
    spellings |= {mark: count for mark, count in found.items() if mark}
    return labels
