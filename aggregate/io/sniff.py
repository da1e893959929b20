"""What a file is, told by its content: its format, its separator and its layout."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from aggregate._columns import is_truth_name, looks_like_data, recognise_columns
from aggregate._validation import check_choice, first_few
from aggregate.io.errors import ReadError
from aggregate.io.source import LONGEST_LINE, Source

SEPARATORS: Final = {"csv": ",", "tsv": "\t", "semicolon": ";"}
FORMATS: Final = (*SEPARATORS, "parquet", "jsonl")
LAYOUTS: Final = ("long", "wide")
_SAMPLE_ROWS: Final = 20

_FOREIGN: Final = {
    b"PK\x03\x04": "a zip archive or a spreadsheet: save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet or document: save the sheet as CSV",
    b"BZh": "compressed with bzip2: decompress it, or use gzip",
    b"\xfd7zXZ": "compressed with xz: decompress it, or use gzip",
    b"(\xb5/\xfd": "compressed with zstandard: decompress it, or use gzip",
    b"ARROW1": "an Arrow file: save it as Parquet",
    b"\x93NUMPY": "a NumPy array: load it and use Annotations.from_matrix",
    b"SQLite format 3": "a database: export the table as CSV",
    b"%PDF": "a PDF document: a table of labels is needed",
    b"\xff\xfe": "UTF-16 text: save it as UTF-8",
    b"\xfe\xff": "UTF-16 text: save it as UTF-8",
}
_TEXT_CONTROLS: Final = frozenset(b"\t\n\r\f\x1b")


def recognise_format(source: Source, wanted: str | None) -> str:
    """Return one of `FORMATS`, or say what the file is instead.

    Parameters
    ----------
    source : Source
        The opened file.
    wanted : str or None
        The format the user named; None recognises it.

    Raises
    ------
    ReadError
        If the content is none of the formats, or not the one named.
    """
    if wanted is not None:
        check_choice("format", wanted, FORMATS)
    head = source.head
    is_parquet = head.startswith(b"PAR1")
    if (wanted == "parquet") != is_parquet and wanted is not None:
        found = "a Parquet file" if is_parquet else "no Parquet file"
        raise ReadError(f"{source.name} is {found}, but format={wanted!r} was asked for.")
    if is_parquet:
        return "parquet"
    _refuse_binary(source.name, head)
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if not start:
        raise ReadError(f"{source.name} is empty: it holds only blank lines.")
    source.check_head()
    if wanted is not None:
        return wanted
    if start.startswith(b"["):
        raise ReadError(
            f"{source.name} looks like one JSON list; write one object per line (JSON lines)."
        )
    return "jsonl" if start.startswith(b"{") else _recognise_separator(source)


def _refuse_binary(name: str, head: bytes) -> None:
    for magic, what in _FOREIGN.items():
        if head.startswith(magic):
            raise ReadError(f"{name} is {what}.")
    sample = head[:4096]
    odd = sum(byte < 32 and byte not in _TEXT_CONTROLS for byte in sample)
    if odd > len(sample) / 20:
        raise ReadError(
            f"{name} is a binary file; a table is needed as CSV, TSV, Parquet or JSON lines."
        )


def head_rows(source: Source, separator: str) -> list[list[str]]:
    """Return the first rows of delimited text, blank lines left out."""
    text = codecs.getincrementaldecoder("utf-8-sig")().decode(source.head)
    rows: list[list[str]] = []
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        rows.extend(islice((row for row in reader if row), _SAMPLE_ROWS + 1))
    except csv.Error:  # a very long value: what came before it will do
        return rows
    cut = len(source.head) == LONGEST_LINE and 1 < len(rows) <= _SAMPLE_ROWS
    return rows[:-1] if cut else rows


def _recognise_separator(source: Source) -> str:
    """Choose the separator that splits the first line, preferably all rows alike, most often."""
    best, best_score = "", (False, 1)
    for name, separator in SEPARATORS.items():
        rows = head_rows(source, separator)
        width = len(rows[0]) if rows else 0
        score = (width > 1 and all(len(row) == width for row in rows), width)
        if width > 1 and score > best_score:
            best, best_score = name, score
    if not best:
        first = source.head.removeprefix(codecs.BOM_UTF8).lstrip().splitlines()[0]
        shown = first[:60].decode("utf-8", "replace")
        raise ReadError(
            f"{source.name} has one column only ({shown!r}): neither comma, tab nor semicolon "
            "divides its first line, and at least an item and a label are needed."
        )
    return best


def refuse_repeated_names(file: str, names: Sequence[str]) -> None:
    """Refuse a header in which one name stands twice: no choice by name would be sure."""
    repeated = sorted({name for name in names if name and names.count(name) > 1})
    if repeated:
        raise ReadError(f"{file} has several columns named {first_few(repeated)}: rename them.")


@dataclass(frozen=True)
class Plan:
    """Which columns are read as what."""

    layout: str
    columns: dict[str, str]
    """Role to column; a wide table has an item column only."""
    annotators: tuple[str, ...]
    """Columns of a wide table that are annotators."""
    ignored: tuple[str, ...]
    guessed: bool

    @property
    def wanted(self) -> tuple[str, ...]:
        """The columns to load."""
        return (*self.columns.values(), *self.annotators)


def plan_columns(
    names: Sequence[str],
    item: str | None,
    annotator: str | None,
    label: str | None,
    layout: str | None,
) -> Plan:
    """Decide the layout and the columns, by name and never by position.

    A table is taken for wide where an item column is known and no other column looks like an
    annotator or a label column.

    Raises
    ------
    ValueError
        If a column is missing, ambiguous or cannot be recognised.
    """
    if layout is not None:
        check_choice("layout", layout, LAYOUTS)
    named = {"item": item, "annotator": annotator, "label": label}
    if layout == "wide" and (annotator is not None or label is not None):
        raise ValueError("a wide table has one column per annotator: name only item=.")
    if layout == "wide" or (layout is None and _looks_wide(names, named)):
        return _plan_wide(names, item, layout is None)
    try:
        columns, guessed = recognise_columns(names, named)
    except ValueError as error:
        hint = (
            " Its first line looks like data: it must hold the names of the columns."
            if looks_like_data(names)
            else ""
        )
        raise ValueError(f"{error}{hint}") from error
    ignored = tuple(name for name in names if name not in columns.values())
    return Plan("long", columns, (), ignored, guessed)


def _looks_wide(names: Sequence[str], named: dict[str, str | None]) -> bool:
    if named["annotator"] is not None or named["label"] is not None or looks_like_data(names):
        return False
    try:
        found, _ = recognise_columns(names, {"item": named["item"]})
    except ValueError:
        return False
    others = [name for name in names if name != found["item"]]
    for role in ("annotator", "label"):
        try:
            recognise_columns(others, {role: None})
        except ValueError as error:
            if "several" in str(error):
                return False
        else:
            return False
    return len(others) > 1


def _plan_wide(names: Sequence[str], item: str | None, guessed_layout: bool) -> Plan:
    columns, guessed = recognise_columns(names, {"item": item})
    others = [name for name in names if name != columns["item"]]
    truth = tuple(name for name in others if is_truth_name(name))
    annotators = tuple(name for name in others if name not in truth)
    nameless = [place + 1 for place, name in enumerate(names) if not name]
    if nameless and columns["item"]:
        raise ValueError(
            f"column {first_few(nameless)} has no name, and in a wide table a column's name is "
            "its annotator: name it or leave it out (a data frame's index is often saved so)."
        )
    if not annotators:
        raise ValueError("a wide table needs one column per annotator beside the item column.")
    return Plan("wide", columns, annotators, truth, guessed or guessed_layout)
