"""Parquet: the wanted columns, text dictionary-encoded as it is stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from aggregate.io.errors import ReadError
from aggregate.io.sniff import refuse_repeated_names
from aggregate.io.source import Source
from aggregate.io.text import Column, column_from_arrow


class ParquetTable:
    """A Parquet file: its schema is read at once, its columns on demand.

    Parameters
    ----------
    source : Source
        The opened file.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        schema = self._read(lambda parquet: parquet.schema_arrow, [])
        self._types = dict(zip(schema.names, schema.types, strict=True))
        self.names = tuple(schema.names)
        refuse_repeated_names(source.name, self.names)

    def all_names(self) -> tuple[str, ...]:
        """Return the names of all columns."""
        return self.names

    def load(self, wanted: Sequence[str]) -> list[Column]:
        """Return the wanted columns in the types they are stored in.

        Raises
        ------
        ReadError
            If a column holds lists or other nested values, or the file is damaged.
        """
        texts = self._texts(wanted)
        table = self._read(lambda parquet: parquet.read(columns=list(wanted)), texts)
        if not table.num_rows:
            raise ReadError(f"{self._source.name} has columns but no rows.")
        return [column_from_arrow(_plain(table[name])) for name in wanted]

    def batches(self, wanted: Sequence[str], n_rows: int = 1 << 20) -> Iterator[list[Any]]:
        """Yield the wanted columns as Arrow arrays, so many rows at a time."""
        texts = self._texts(wanted)
        with self._opened(texts) as parquet:
            for batch in parquet.iter_batches(n_rows, columns=list(wanted)):
                yield [_plain(batch[name]) for name in wanted]

    def sample(self, name: str, most: int) -> Iterator[Any]:
        """Yield a column from some of the row groups, ``most`` of them spread over the file."""
        with self._opened([]) as parquet:
            groups = range(parquet.num_row_groups)
            for group in groups[:: max(1, -(-len(groups) // most))]:
                yield _plain(parquet.read_row_group(group, columns=[name])[name])

    def kind_of(self, name: str) -> Any:
        """Return the Arrow type in which `batches` yields a column."""
        import pyarrow as pa

        return _plain(pa.array([], self._types[name])).type

    @property
    def n_rows(self) -> int:
        """Number of rows, as the file's own header says."""
        return int(self._read(lambda parquet: parquet.metadata.num_rows, []))

    def _texts(self, wanted: Sequence[str]) -> list[str]:
        """Return which columns are text; refuse those that hold lists and the like."""
        import pyarrow as pa

        for name in wanted:
            if pa.types.is_nested(kind := self._types[name]):
                raise ReadError(
                    f"{self._source.name}: column {name!r} holds {kind} values; each value must "
                    "be text, a number, a date or true/false."
                )
        return [name for name in wanted if self._types[name] in (pa.string(), pa.large_string())]

    def _read(self, act: Any, texts: list[str]) -> Any:
        with self._opened(texts) as parquet:
            return act(parquet)

    @contextmanager
    def _opened(self, texts: list[str]) -> Iterator[Any]:
        import pyarrow as pa
        import pyarrow.parquet as arrow_parquet

        try:
            with (
                self._source.open_at_random() as file,
                arrow_parquet.ParquetFile(file, read_dictionary=texts) as parquet,
            ):
                yield parquet
        except (pa.ArrowException, OSError) as error:
            reason = str(error).split(". ")[0].rstrip(".")
            raise ReadError(
                f"{self._source.name} is a damaged or cut-off Parquet file ({reason}): "
                "copy or write it again."
            ) from error


def _plain(column: Any) -> Any:
    """Return views and decimals as the text and numbers that a user would expect."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        return column
    if pa.types.is_null(kind):
        return column.cast(pa.string())
    if pa.types.is_decimal(kind):
        return column.cast(pa.float64())
    if pa.types.is_binary(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string())
    return column
