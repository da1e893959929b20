"""From a file of votes to `Annotations`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, BinaryIO, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike

from aggregate._validation import first_few
from aggregate.annotations import Annotations, OnDuplicate
from aggregate.io.delimited import DelimitedTable
from aggregate.io.errors import ReadError
from aggregate.io.jsonlines import JsonLinesTable
from aggregate.io.parquet import ParquetTable
from aggregate.io.sniff import Plan, plan_columns, recognise_format
from aggregate.io.source import Source
from aggregate.io.text import USUAL_MISSING, Column, restored, restored_with, without_missing
from aggregate.io.wide import refuse_strangers, stacked, without_minus_one

AUTO = "auto"


class Table(Protocol):
    """What every format offers."""

    names: tuple[str, ...]

    def all_names(self) -> tuple[str, ...]:
        """Return the names of all columns."""

    def load(self, wanted: Sequence[str]) -> list[Column]:
        """Return the wanted columns."""


def read_annotations(
    path: str | os.PathLike[str] | BinaryIO,
    *,
    item: str | None = None,
    annotator: str | None = None,
    label: str | None = None,
    format: Literal["csv", "tsv", "semicolon", "parquet", "jsonl"] | None = None,
    layout: Literal["long", "wide"] | None = None,
    missing: Any = AUTO,
    classes: ArrayLike | None = None,
    on_duplicate: OnDuplicate = "keep",
) -> Annotations:
    r"""Read a file of votes: long (one row per label) or wide (one column per annotator).

    Format, separator, layout and columns are recognised by content and by name, never by
    position; ``report`` of the result tells what was recognised, read, missing and repeated.
    Identifiers and labels are read as text and become numbers only where every one of them is
    written as a number is: ``7`` becomes a number, ``007`` and everything beside it stays text.

    Parameters
    ----------
    path : str, path-like or binary file object
        A CSV, TSV, semicolon-separated, Parquet or JSON-lines file, plain or gzip; ``"-"`` is
        standard input. Text must be UTF-8.
    item, annotator, label : str, optional
        Column names. Left out, they are recognised among the usual ones (task, worker,
        question, answer, …). A wide table has an item column only.
    format, layout : str, optional
        To be named where they are not recognised.
    missing : value or list of values, optional
        How a missing label is written, besides an empty cell. By default NA, NaN, null, None
        and their like; in a wide table of whole numbers also -1.
    classes : array-like, optional
        All classes in the order wanted, when nobody used some of them.
    on_duplicate : {"keep", "first", "last", "error"}
        What to do with several labels by one annotator on one item.

    Returns
    -------
    Annotations

    Raises
    ------
    ReadError
        If the file is missing, damaged or no such table, or a column cannot be recognised.

    See Also
    --------
    read_gold : Read the known truth of some items.
    aggregate.Annotations.from_frame : The same from a data frame.

    Examples
    --------
    >>> import io
    >>> from aggregate.io import read_annotations
    >>> file = io.BytesIO(b"task,worker,label\nq1,ann,yes\nq1,bob,no\nq2,ann,\n")
    >>> votes = read_annotations(file)
    >>> votes
    Annotations(2 items, 2 annotators, 2 classes, 2 annotations)
    >>> print(votes.report)
    the given file object: csv, long
    columns (recognised): item = 'task', annotator = 'worker', label = 'label'
    3 rows read, 2 annotations kept
    1 without a label
    1 items without a label
    """
    with Source(path) as source:
        name = source.name
        form, table = open_table(source, format)
        plan = _plan(name, table, (item, annotator, label, layout))
        columns = table.load(plan.wanted)
    if plan.layout == "wide":
        columns = stacked(name, columns, plan.annotators)
    items, annotators, labels = columns
    labels, spellings = without_missing(
        labels, USUAL_MISSING if missing is AUTO else _list(missing)
    )
    if plan.layout == "wide" and missing is AUTO:
        labels = without_minus_one(name, labels, spellings, classes)
    if plan.layout == "wide" and layout is None:
        refuse_strangers(name, labels, plan.annotators)
    votes = _build(name, (items, annotators, labels), classes, on_duplicate)
    assert votes.report is not None
    report = replace(
        votes.report,
        source=name,
        format=f"{form} (gzip)" if source.gzipped else form,
        layout=plan.layout,
        columns=plan.columns,
        guessed=plan.guessed,
        ignored_columns=plan.ignored,
        missing_as=spellings,
    )
    return replace(votes, report=report)


def open_table(source: Source, wanted: str | None) -> tuple[str, Table]:
    """Recognise the format and read what names the columns have."""
    form = recognise_format(source, wanted)
    if form == "parquet":
        return form, ParquetTable(source)
    if form == "jsonl":
        return form, JsonLinesTable(source)
    return form, DelimitedTable(source, form)


def _plan(name: str, table: Table, named: tuple[str | None, ...]) -> Plan:
    try:
        plan = plan_columns(table.names, *named)
        if plan.layout == "wide":
            plan = plan_columns(table.all_names(), *named)
    except ValueError as error:
        raise ReadError(f"{name}: {error}") from error
    return plan


def _list(missing: Any) -> list[Any]:
    several = isinstance(missing, Iterable) and not isinstance(missing, str)
    return list(missing) if several else [missing]


def refuse_orphans(name: str, what: str, owner: Column, labels: Column) -> None:
    """Refuse labels in rows that name no item, or no annotator."""
    orphans = np.flatnonzero((labels.codes >= 0) & (owner.codes < 0))
    if len(orphans):
        raise ReadError(
            f"{name}: {len(orphans)} labels have no {what} (data rows {first_few(orphans + 1)}, "
            f"counted from 1): give each an {what}, or remove those rows."
        )


def _build(
    name: str, columns: tuple[Column, Column, Column], classes: Any, on_duplicate: OnDuplicate
) -> Annotations:
    """Turn three columns of cells into annotations."""
    items, _ = without_missing(columns[0])
    annotators, _ = without_missing(columns[1])
    labels = columns[2]
    refuse_orphans(name, "item", items, labels)
    refuse_orphans(name, "annotator", annotators, labels)
    label_values, classes = restored_with(labels.values, classes)
    try:
        return Annotations.from_columns(
            Column(items.codes, restored(items.values)).to_arrow(),
            Column(annotators.codes, restored(annotators.values)).to_arrow(),
            Column(labels.codes, label_values).to_arrow(),
            classes=classes,
            on_duplicate=on_duplicate,
        )
    except ValueError as error:
        raise ReadError(f"{name}: {error}") from error
