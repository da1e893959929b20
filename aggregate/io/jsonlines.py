"""JSON lines: one object per line, its keys the columns."""

from __future__ import annotations

import codecs
import io
import json
from array import array
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain, islice
from operator import itemgetter
from typing import Any, Final

import numpy as np

from aggregate._validation import first_few
from aggregate.io.errors import ReadError
from aggregate.io.source import LONGEST_LINE, Source
from aggregate.io.text import Column

_SAMPLE_LINES: Final = 1000
_KINDS: Final = {str: "text", bool: "true or false", int: "a number", float: "a number"}


class JsonLinesTable:
    """A table in JSON lines: the keys of its first lines are read at once.

    Parameters
    ----------
    source : Source
        The opened file.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        names: dict[str, None] = {}
        for number, record in self._records():
            names |= dict.fromkeys(record)
            if number >= _SAMPLE_LINES:
                break
        self.names = tuple(names)

    def load(self, wanted: Sequence[str]) -> list[Column]:
        """Return the wanted columns; a key that a line lacks is an empty cell.

        Raises
        ------
        ReadError
            If a line is no JSON object, or a wanted value is a list or an object, or a
            column mixes text with numbers.
        """
        columns = [_Growing(name) for name in wanted]
        try:
            records = self._records()
            while batch := list(islice(records, _SAMPLE_LINES)):
                for column in columns:
                    values = [record.get(column.name) for _, record in batch]
                    column.extend(values, [number for number, _ in batch])
        except _UnusableError as error:
            raise ReadError(f"{self._source.name}: {error}") from None
        return [column.finish() for column in columns]

    def all_names(self) -> tuple[str, ...]:
        """Return all keys of the file, also those that its first lines lack."""
        names: dict[str, None] = dict.fromkeys(self.names)
        for _, record in self._records():
            names |= dict.fromkeys(record)
        return tuple(names)

    def _records(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Go through the objects and the numbers of their lines, blank lines left out."""
        with self._source.open_text() as text:
            buffered = io.BufferedReader(text, 1 << 20)
            read_line = partial(buffered.readline, LONGEST_LINE + 1)
            first = read_line().removeprefix(codecs.BOM_UTF8)
            lines = enumerate(chain([first], iter(read_line, b"")), start=1)
            while batch := list(islice(lines, _SAMPLE_LINES)):
                filled = [(number, line.strip()) for number, line in batch if line.strip()]
                records = _at_once([line for _, line in filled])
                for place, (number, line) in enumerate(filled):
                    yield number, records[place] if records else self._parse(line, number)

    def _parse(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            record = json.loads(line.decode())
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", "nested too deeply")
            raise ReadError(
                f"{self._source.name} has no complete JSON object in line {number} ({reason}): "
                "JSON lines hold one object per line."
            ) from error
        if not isinstance(record, dict):
            raise ReadError(
                f"{self._source.name} holds {first_few([record])[:60]} in line {number}, where an "
                "object with named values is needed."
            )
        return record


def _at_once(lines: list[bytes]) -> list[dict[str, Any]] | None:
    """Parse all lines in one go, several times as fast; None where a closer look is needed."""
    if not all(line.startswith(b"{") and line.endswith(b"}") for line in lines):
        return None
    try:
        records = json.loads(b"[" + b",".join(lines) + b"]")
    except (ValueError, RecursionError):
        return None
    whole = len(records) == len(lines) and all(isinstance(record, dict) for record in records)
    return records if whole else None


class _UnusableError(ValueError):
    """A value that no column can hold."""


class _Growing:
    """A column that is encoded while it is read."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._codes = array("i")
        self._place: dict[Any, int] = {}
        self._types: set[type] = set()
        self._first_line: dict[str, int] = {}

    def extend(self, values: list[Any], lines: list[int]) -> None:
        """Encode further values; the lines that they stand in are for messages."""
        for kind in set(map(type, values)) - self._types:
            self._meet(kind, values, lines)
        place = self._place
        self._codes.extend(
            -1 if value is None or value != value else place.setdefault(value, len(place))
            for value in values
        )

    def _meet(self, kind: type, values: list[Any], lines: list[int]) -> None:
        """Note a kind of value seen for the first time, unless it does not go with the others."""
        self._types.add(kind)
        line = next(line for value, line in zip(values, lines, strict=True) if type(value) is kind)
        if kind in (list, dict):
            what = "a list" if kind is list else "an object"
            raise _UnusableError(
                f"{self.name!r} holds {what} in line {line}; each value must be text, a number, "
                "true, false or null."
            )
        if kind is type(None):
            return
        self._first_line.setdefault(_KINDS[kind], line)
        if len(self._first_line) > 1:
            (first, at), (second, then) = sorted(self._first_line.items(), key=itemgetter(1))
            raise _UnusableError(
                f"{self.name!r} mixes {first} (line {at}) and {second} (line {then}); write all "
                "its values alike, for instance all in quotes."
            )

    def finish(self) -> Column:
        """Return the finished column."""
        import pyarrow as pa

        codes = np.frombuffer(self._codes, dtype=np.int32) if self._codes else np.empty(0, np.int32)
        try:
            values = pa.array(list(self._place), None if self._place else pa.string())
        except (pa.ArrowInvalid, OverflowError):  # whole numbers beyond 64 bits are names
            values = pa.array([str(value) for value in self._place])
        return Column(codes, values)
