"""Parquet: the wanted columns, text dictionary-encoded as it is stored."""

from __future__ import annotations

from collections.abc import Sequence
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
        import pyarrow as pa

        kinds = [self._types[name] for name in wanted]
        for name, kind in zip(wanted, kinds, strict=True):
            if pa.types.is_nested(kind):
                raise ReadError(
                    f"{self._source.name}: column {name!r} holds {kind} values; each value must "
                    "be text, a number, a date or true/false."
                )
        texts = [
            name
            for name, kind in zip(wanted, kinds, strict=True)
            if pa.types.is_string(kind) or pa.types.is_large_string(kind)
        ]
        table = self._read(lambda parquet: parquet.read(columns=list(wanted)), texts)
        if not table.num_rows:
            raise ReadError(f"{self._source.name} has columns but no rows.")
        return [column_from_arrow(_plain(table[name])) for name in wanted]

    def _read(self, act: Any, texts: list[str]) -> Any:
        import pyarrow as pa
        import pyarrow.parquet as arrow_parquet

        try:
            with (
                self._source.open_at_random() as file,
                arrow_parquet.ParquetFile(file, read_dictionary=texts) as parquet,
            ):
                return act(parquet)
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
