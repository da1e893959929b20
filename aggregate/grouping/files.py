"""The files to be grouped: that they agree, and their rows in chunks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from aggregate._validation import first_few
from aggregate.io.delimited import DelimitedTable
from aggregate.io.errors import ReadError
from aggregate.io.parquet import ParquetTable
from aggregate.io.read import open_table
from aggregate.io.sniff import Plan, plan_columns
from aggregate.io.source import Source
from aggregate.io.text import Column, column_from_arrow, without_missing

ENDINGS: Final = (".parquet", ".csv", ".tsv", ".jsonl", ".ndjson", ".gz")
_ROWS: Final = 1 << 21
_SAMPLED_GROUPS: Final = 256


class Chunk(NamedTuple):
    """Some consecutive rows of one file."""

    items: Any
    """An Arrow array, null or the empty text where missing."""
    annotators: Column
    labels: Column
    missing_as: dict[str, int]
    place: str
    """What messages call the file."""
    first_row: int


class Files:
    """Several files of votes with the same columns, long, one row per label.

    Parameters
    ----------
    paths : sequence of path-like
        Files, or folders of them.
    named : mapping from role to column name
        As the user named them; None where they are to be recognised.
    form : str, optional
        The format, where it is not recognised.
    marks : sequence
        How a missing label is written.
    """

    def __init__(
        self,
        paths: Sequence[str | os.PathLike[str]],
        named: dict[str, str | None],
        form: str | None,
        marks: Sequence[Any],
    ) -> None:
        self._marks = marks
        self._stack = ExitStack()
        self.tables: list[Any] = []
        self._sources: list[Source] = []
        self.formats: set[str] = set()
        self.plan: Plan | None = None
        try:
            for path in _expanded(paths):
                self._add(path, named, form)
        except BaseException:
            self.close()
            raise

    def _add(self, path: Path, named: dict[str, str | None], form: str | None) -> None:
        source = self._stack.enter_context(Source(path))
        found, table = open_table(source, form)
        self.formats.add(f"{found} (gzip)" if source.gzipped else found)
        try:
            roles = named["item"], named["annotator"], named["label"]
            plan = plan_columns(table.names, *roles, "long")
        except ValueError as error:
            raise ReadError(f"{source.name}: {error}") from error
        if self.plan is None:
            self.plan = plan
        elif plan.columns != self.plan.columns:
            raise ReadError(
                f"{source.name} has the columns {plan.columns}, the files before it "
                f"{self.plan.columns}: name them with item=, annotator=, label=."
            )
        self._sources.append(source)
        self.tables.append(table)

    @property
    def columns(self) -> dict[str, str]:
        """Role to column."""
        assert self.plan is not None  # there is at least one file
        return self.plan.columns

    @property
    def name(self) -> str:
        """What the report calls them."""
        if len(self._sources) == 1:
            return self._sources[0].name
        return f"{len(self._sources)} files from {self._sources[0].name}"

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows of all files, in order."""
        for source, table in zip(self._sources, self.tables, strict=True):
            first_row = 0
            for items, annotators, labels in _batches(table, tuple(self.columns.values())):
                who, _ = without_missing(column_from_arrow(annotators))
                said, spellings = without_missing(column_from_arrow(labels), self._marks)
                yield Chunk(_decoded(items), who, said, spellings, source.name, first_row)
                first_row += len(items)

    def item_chunks(self) -> Iterator[tuple[str, Any]]:
        """Yield the items alone with the names of their files, as Arrow arrays."""
        for source, table in zip(self._sources, self.tables, strict=True):
            for (items,) in _batches(table, (self.columns["item"],)):
                yield source.name, _decoded(items)

    def item_sample(self) -> Iterator[Any]:
        """Yield items from places spread over all the files; where no place is found, all."""
        most = max(1, _SAMPLED_GROUPS // len(self.tables))
        every = max(1, len(self.tables) // _SAMPLED_GROUPS)
        name = self.columns["item"]
        for table in self.tables[::every]:
            if isinstance(table, ParquetTable):
                yield from map(_decoded, table.sample(name, most))
            else:
                yield from (_decoded(items) for (items,) in _batches(table, (name,)))

    def count_rows(self) -> int:
        """Return the number of rows of all files."""
        name = self.columns["item"]
        return sum(
            table.n_rows
            if isinstance(table, ParquetTable)
            else sum(len(items) for (items,) in _batches(table, (name,)))
            for table in self.tables
        )

    def item_kinds(self) -> dict[str, Any]:
        """Return the Arrow type of the items by file; delimited files have text."""
        name = self.columns["item"]
        return {
            source.name: _kind_of(table, name)
            for source, table in zip(self._sources, self.tables, strict=True)
        }

    def close(self) -> None:
        """Close all files."""
        self._stack.close()

    def __enter__(self) -> Files:
        """Return itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close."""
        self.close()


def _batches(table: Any, wanted: tuple[str, ...]) -> Iterator[list[Any]]:
    if isinstance(table, ParquetTable):
        yield from table.batches(wanted, _ROWS)
    elif isinstance(table, DelimitedTable):
        yield from table.batches(wanted)
    else:  # JSON lines come a file at a time
        yield [column.to_arrow() for column in table.load(wanted)]


def _decoded(values: Any) -> Any:
    """Return values themselves where they come as codes and a dictionary."""
    import pyarrow as pa

    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


def _kind_of(table: Any, name: str) -> Any:
    """Return the Arrow type of a column's values."""
    import pyarrow as pa

    if isinstance(table, ParquetTable):
        kind = table.kind_of(name)
        return kind.value_type if pa.types.is_dictionary(kind) else kind
    if isinstance(table, DelimitedTable):
        return pa.string()
    return table.load((name,))[0].values.type


def _expanded(paths: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """Replace folders by the files in them, in the order of their names."""
    if isinstance(paths, str | os.PathLike):
        paths = [paths]
    found: list[Path] = []
    for path in map(Path, paths):
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(one for one in path.iterdir() if one.name.endswith(ENDINGS))
        inside = [one for one in inside if one.is_file() and not one.name.startswith(".")]
        if not inside:
            raise ReadError(f"{path} holds no file that ends in {', '.join(ENDINGS)}.")
        found += inside
    if not found:
        raise ValueError("paths must name at least one file.")
    seen, repeated = np.unique([str(path.absolute()) for path in found], return_counts=True)
    if (repeated > 1).any():
        raise ValueError(
            f"paths must be distinct; named more than once: {first_few(seen[repeated > 1])}."
        )
    return found
