"""From a file of known truth to items and their labels."""

from __future__ import annotations

import os
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate._columns import recognise_columns
from aggregate._encoding import encode
from aggregate._report import ImportReport
from aggregate._validation import first_few
from aggregate.io.errors import ReadError
from aggregate.io.read import open_table, refuse_orphans
from aggregate.io.source import Source
from aggregate.io.text import USUAL_MISSING, Column, restored, without_missing


class _ItemsAndLabels(NamedTuple):
    items: NDArray[Any]
    labels: NDArray[Any]


class Gold(_ItemsAndLabels):
    """Items and their known labels; unpacks into these two, and `report` tells of the file.

    Attributes
    ----------
    items, labels : ndarray of shape (n,)
        Each item once, sorted, and its truth.
    report : ImportReport
        Rows read, rows without a truth, and repeats (each merged with its like).
    """

    report: ImportReport


def read_gold(
    path: str | os.PathLike[str] | BinaryIO,
    *,
    item: str | None = None,
    label: str | None = None,
    format: Literal["csv", "tsv", "semicolon", "parquet", "jsonl"] | None = None,
) -> Gold:
    r"""Read the known truth of some items, one row per item.

    A file is read as `read_annotations` reads one, so that ``1`` here is ``1`` there.

    Parameters
    ----------
    path : str, path-like or binary file object
        A CSV, TSV, semicolon-separated, Parquet or JSON-lines file, plain or gzip; ``"-"`` is
        standard input.
    item, label : str, optional
        Column names. Left out, they are recognised among the usual ones; a column called truth,
        gold or target goes before one called label.
    format : str, optional
        To be named where it is not recognised.

    Returns
    -------
    Gold
        Unpacks into the items and their labels. Rows that say the same of an item are merged,
        rows without a truth are left out; ``report`` counts both.

    Raises
    ------
    ReadError
        If the file cannot be read, or rows contradict each other about an item.

    Examples
    --------
    >>> import io
    >>> from aggregate.io import read_gold
    >>> items, labels = read_gold(io.BytesIO(b"question,truth\nq2,no\nq1,yes\n"))
    >>> items.tolist(), labels.tolist()
    (['q1', 'q2'], ['yes', 'no'])
    """
    with Source(path) as source:
        form, table = open_table(source, format)
        try:
            named = {"item": item, "label": label}
            columns, guessed = recognise_columns(table.names, named, truth=True)
        except ValueError as error:
            raise ReadError(f"{source.name}: {error}") from error
        who, truth = table.load(tuple(columns.values()))
    who, _ = without_missing(who)
    truth, spellings = without_missing(truth, USUAL_MISSING)
    refuse_orphans(source.name, "item", who, truth)
    items, labels, repeats = _one_truth_each(source.name, who, truth)
    gold = Gold(items, labels)
    gold.report = ImportReport(
        rows=len(truth.codes),
        annotations=len(items),
        missing_labels=int((truth.codes < 0).sum()),
        repeats=repeats,
        dropped_repeats=repeats,
        columns=columns,
        guessed=guessed,
        source=source.name,
        format=f"{form} (gzip)" if source.gzipped else form,
        layout="gold",
        ignored_columns=tuple(name for name in table.names if name not in columns.values()),
        missing_as=spellings,
    )
    return gold


def _one_truth_each(
    name: str, who: Column, truth: Column
) -> tuple[NDArray[Any], NDArray[Any], int]:
    """Return each item once with its truth, and how many rows repeated one."""
    known = np.flatnonzero(truth.codes >= 0)
    item_codes, items = encode(_restored(who, known), "items")
    label_codes, labels = encode(_restored(truth, known), "labels")
    pairs = np.unique(item_codes.astype(np.int64) * max(len(labels), 1) + label_codes)
    item, label = np.divmod(pairs, max(len(labels), 1))
    contradicted = np.unique(item[1:][item[1:] == item[:-1]])
    if len(contradicted):
        raise ReadError(
            f"{name} gives {len(contradicted)} items more than one truth "
            f"({first_few(items[contradicted])}): keep one row for each."
        )
    return items, labels[label], len(known) - len(pairs)


def _restored(column: Column, rows: NDArray[np.intp]) -> Any:
    return Column(column.codes[rows], restored(column.values)).to_arrow()
