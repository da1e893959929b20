"""Comma, tab and semicolon separated text, streamed by Arrow and dictionary-encoded."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

from aggregate.io.errors import ReadError
from aggregate.io.sniff import SEPARATORS, head_rows, refuse_repeated_names
from aggregate.io.source import LONGEST_LINE, Decompressed, Source
from aggregate.io.text import Column, column_from_arrow, trimmed


class DelimitedTable:
    """A table in delimited text: its header is read at once, its columns on demand.

    Parameters
    ----------
    source : Source
        The opened file.
    form : {"csv", "tsv", "semicolon"}
        Which separator divides the values.
    """

    def __init__(self, source: Source, form: str) -> None:
        self._source, self._separator = source, SEPARATORS[form]
        rows = head_rows(source, self._separator)
        if not rows:
            raise ReadError(f"{source.name} has no header line that can be read.")
        self.names = tuple(name.strip() for name in rows[0])
        self._padded = self.names != tuple(rows[0])
        refuse_repeated_names(source.name, self.names)

    def all_names(self) -> tuple[str, ...]:
        """Return the names of all columns."""
        return self.names

    def load(self, wanted: Sequence[str]) -> list[Column]:
        """Return the wanted columns as text.

        Raises
        ------
        ReadError
            If a row has too many or too few values, a quotation mark is never closed or the
            text is damaged.
        """
        import pyarrow as pa

        batches = list(self._stream(wanted))

        def column_at(place: int) -> Column:
            column = column_from_arrow(pa.chunked_array([batch[place] for batch in batches]))
            return trimmed(column) if self._padded else column

        with ThreadPoolExecutor(max_workers=len(wanted)) as pool:  # Arrow frees the interpreter
            return list(pool.map(column_at, range(len(wanted))))

    def batches(self, wanted: Sequence[str]) -> Iterator[list[Any]]:
        """Yield the wanted columns as Arrow text, some megabytes at a time.

        Raises
        ------
        ReadError
            As `load` does; perhaps only after the batches before the damage.
        """
        import pyarrow.compute as pc

        for batch in self._stream(wanted):
            columns = list(batch.columns)
            yield [pc.utf8_trim_whitespace(one) for one in columns] if self._padded else columns

    def _stream(self, wanted: Sequence[str]) -> Iterator[Any]:
        """Yield record batches, and tell what is wrong with the text in its own terms."""
        import pyarrow as pa

        odd_quotes = self._source.check_text() % 2 == 1
        n_rows = 0
        try:
            for batch in self._read([str(self.names.index(name)) for name in wanted]):
                n_rows += batch.num_rows
                yield batch
        except pa.ArrowInvalid as error:
            raise ReadError(self._explain(str(error))) from error
        if odd_quotes and (line := self._unclosed_quote()):
            raise ReadError(self._say_unclosed(line))
        if not n_rows:
            raise ReadError(f"{self._source.name} has a header line but no rows.")

    def _read(self, wanted: list[str]) -> Iterator[Any]:
        """Yield the record batches; columns go by their place, so that odd names do no harm."""
        import pyarrow as pa
        import pyarrow.csv as arrow_csv

        with self._source.open_arrow() as text:
            reader = arrow_csv.open_csv(
                text,
                read_options=arrow_csv.ReadOptions(
                    block_size=LONGEST_LINE,
                    column_names=[str(place) for place in range(len(self.names))],
                    skip_rows_after_names=self._blank_lines() + 1,  # and the header
                ),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=self._separator, newlines_in_values=True
                ),
                convert_options=arrow_csv.ConvertOptions(
                    include_columns=wanted,
                    column_types=dict.fromkeys(wanted, pa.string()),
                    strings_can_be_null=False,
                    check_utf8=False,  # checked already, with the line
                ),
            )
            yield from reader

    def _blank_lines(self) -> int:
        """Count the blank lines before the header, which Arrow counts as rows to skip."""
        start = self._source.head.removeprefix(codecs.BOM_UTF8)
        return len(start[: len(start) - len(start.lstrip(b"\r\n"))].splitlines())

    def _explain(self, message: str) -> str:
        """Say where the text stops being a table; Arrow's own words know no line."""
        if line := self._unclosed_quote():
            return self._say_unclosed(line)
        if "straddling" in message:
            if len(self._source.head) < LONGEST_LINE:  # no row at all, nor an end of the header
                return f"{self._source.name} has a header line but no rows."
            return (
                f"{self._source.name} has a row of more than {LONGEST_LINE >> 20} MB: it is no "
                "table with one row per line."
            )
        line, width = self._ragged_row()
        if not line:
            return f"{self._source.name} cannot be read as a table: {message}."
        return (
            f"{self._source.name} has {_values(width)} in line {line}, but its header names "
            f"{len(self.names)} columns: complete that line, or quote values that hold the "
            f"separator {self._separator!r}."
        )

    def _say_unclosed(self, line: int) -> str:
        return (
            f"{self._source.name} opens a quotation mark in line {line} and never closes it: "
            "close it, or double it where it belongs to the text."
        )

    def _ragged_row(self) -> tuple[int, int]:
        """Return the line and the width of the first row that is not as wide as the header."""
        with self._source.open() as opened:
            lines = (line.decode("utf-8", "replace") for line in _lines(opened))
            reader = csv.reader(lines, delimiter=self._separator)
            try:
                for row in reader:
                    if row and len(row) != len(self.names):
                        return reader.line_num, len(row)
            except csv.Error:
                return 0, 0
        return 0, 0

    def _unclosed_quote(self) -> int:
        """Return the line where a quoted value begins that runs to the end, 0 if there is none."""
        separator, opened_in = self._separator.encode(), 0
        with self._source.open() as opened:
            for number, line in enumerate(_lines(opened), start=1):
                if opened_in or b'"' in line:
                    still_open = _open_after(line, bool(opened_in), separator)
                    opened_in = (opened_in or number) if still_open else 0
        return opened_in


def _lines(opened: Decompressed) -> Iterator[bytes]:
    """Go through the lines, in pieces where one is longer than any table has."""
    buffered = io.BufferedReader(opened, 1 << 20)
    first = buffered.readline(LONGEST_LINE).removeprefix(codecs.BOM_UTF8)
    yield from chain([first], iter(lambda: buffered.readline(LONGEST_LINE), b""))


def _open_after(line: bytes, inside: bool, separator: bytes) -> bool:
    """Say whether a quoted value is still open at the end of the line."""
    at, value_starts = 0, not inside
    while at < len(line):
        if inside:
            quote = line.find(b'"', at)
            if quote < 0:
                return True
            inside = line[quote + 1 : quote + 2] == b'"'  # doubled: part of the text
            at = quote + 1 + inside
        elif value_starts and line[at : at + 1] == b'"':
            inside, value_starts, at = True, False, at + 1
        else:
            end = line.find(separator, at)
            if end < 0:
                return False
            value_starts, at = True, end + 1
    return inside


def _values(count: int) -> str:
    return "1 value" if count == 1 else f"{count} values"
