"""JSON lines: one object per line, its keys the columns."""

from __future__ import annotations

import io
import json
from array import array
from collections.abc import Iterator, Sequence
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
            for number, record in self._records():
                for column in columns:
                    column.add(record.get(column.name), number)
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
        with self._source.open_text() as text:
            buffered = io.BufferedReader(text, 1 << 20)
            number = 0
            while line := buffered.readline(LONGEST_LINE + 1):
                number += 1
                line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                if line.strip():
                    yield number, self._parse(line, number)

    def _parse(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            record = json.loads(line)
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


class _UnusableError(ValueError):
    """A value that no column can hold."""


class _Growing:
    """A column that is encoded while it is read."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._codes = array("i")
        self._place: dict[Any, int] = {}
        self._first_line: dict[str, int] = {}

    def add(self, value: Any, line: int) -> None:
        if value is None or value != value:
            self._codes.append(-1)
            return
        kind = _KINDS.get(type(value))
        if kind not in self._first_line:
            self._meet(kind, value, line)
        self._codes.append(self._place.setdefault(value, len(self._place)))

    def _meet(self, kind: str | None, value: Any, line: int) -> None:
        """Note the first value of a kind, unless it does not go with what came before."""
        if kind is None:
            what = "a list" if isinstance(value, list) else "an object"
            raise _UnusableError(
                f"{self.name!r} holds {what} in line {line}; each value must be text, a number, "
                "true, false or null."
            )
        for other, first in self._first_line.items():
            raise _UnusableError(
                f"{self.name!r} mixes {other} (line {first}) and {kind} (line {line}); write all "
                "its values alike, for instance all in quotes."
            )
        self._first_line[kind] = line

    def finish(self) -> Column:
        """Return the finished column."""
        import pyarrow as pa

        codes = np.frombuffer(self._codes, dtype=np.int32) if self._codes else np.empty(0, np.int32)
        try:
            values = pa.array(list(self._place), None if self._place else pa.string())
        except (pa.ArrowInvalid, OverflowError):  # whole numbers beyond 64 bits are names
            values = pa.array([str(value) for value in self._place])
        return Column(codes, values)
