"""Tables written whole or not at all."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from aggregate._validation import first_few
from aggregate.io.errors import WriteError
from aggregate.io.replacing import replacing

_ROWS_AT_ONCE: Final = 65_536


def write_table(columns: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Write columns of equal length to a file: all of it, or nothing.

    The table is written beside its target under a hidden name, forced to disk and then renamed,
    so that no reader ever meets half a table and a failure leaves an older file as it was.

    Parameters
    ----------
    columns : mapping from name to array-like of shape (n_rows,)
        The columns, in order. None and NaN become empty cells (null in JSON and Parquet).
    path : str or path-like
        Its ending names the format: ``.csv``, ``.tsv``, ``.parquet`` or ``.jsonl``; a further
        ``.gz`` compresses.

    Raises
    ------
    WriteError
        If the ending is none of these, the columns differ in length, or the file system refuses.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from aggregate.io import write_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = pathlib.Path(folder, "labels.csv")
    ...     write_table({"item": ["q1", "q2"], "label": ["yes", None]}, target)
    ...     print(target.read_text())
    item,label
    q1,yes
    q2,
    <BLANKLINE>
    """
    target = Path(path)
    write, compress = _writer(target)
    table = _as_arrow(columns)
    with replacing(target) as file:
        if compress:
            with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as zipped:
                write(table, zipped)
        else:
            write(table, file)


def write_blocks(blocks: Iterable[Mapping[str, Any]], path: str | os.PathLike[str]) -> int:
    """Write a table that comes in blocks of rows, as `write_table` would write it whole.

    Parameters
    ----------
    blocks : iterable of mappings from name to array-like
        The same columns in each, at least one block. The first says of what type they are.
    path : str or path-like
        As in `write_table`.

    Returns
    -------
    int
        Rows that were written.

    Raises
    ------
    WriteError
        As `write_table` does, or if a block's columns are of other types than the first's.
    """
    target = Path(path)
    write, compress = _writer(target)
    table = _Blocks(iter(blocks))
    with replacing(target) as file:
        if compress:
            with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as zipped:
                write(table, zipped)
        else:
            write(table, file)
    return table.n_rows


class _Blocks:
    """What the writers need of a table, of one that is never whole."""

    def __init__(self, blocks: Iterator[Mapping[str, Any]]) -> None:
        self._first, self._rest = _as_arrow(next(blocks)), blocks
        self.schema, self.column_names = self._first.schema, self._first.column_names
        self.n_rows = 0

    def to_batches(self, max_chunksize: int | None = None) -> Iterator[Any]:
        """Yield record batches, once."""
        import pyarrow as pa

        for table in chain([self._first], map(_as_arrow, self._rest)):
            try:
                table = table.cast(self.schema)
            except (pa.ArrowInvalid, ValueError) as error:
                raise WriteError(f"the blocks of a table must be of one kind: {error}.") from error
            self.n_rows += table.num_rows
            yield from table.to_batches(max_chunksize=max_chunksize)


def _writer(target: Path) -> tuple[Callable[[Any, Any], None], bool]:
    """Choose by the ending of the name."""
    endings = [ending.lower() for ending in target.suffixes]
    compress = endings[-1:] == [".gz"]
    ending = next(iter(endings[-2:-1] if compress else endings[-1:]), "")
    if ending not in _WRITERS:
        raise WriteError(
            f"{target}: the name must end in {', '.join(_WRITERS)}, and .gz after it to compress."
        )
    return _WRITERS[ending], compress


def _as_arrow(columns: Mapping[str, Any]) -> Any:
    import pyarrow as pa

    arrays = {str(name): _column(values) for name, values in columns.items()}
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name!r} {length}" for name, length in lengths.items())
        raise WriteError(f"the columns must be of one length; got {told}.")
    if not arrays or len(arrays) < len(columns):
        raise WriteError(f"columns with distinct names are needed; got {first_few(columns)}.")
    return pa.table(arrays)


def _column(values: Any) -> Any:
    """Return an Arrow array; a mixture of kinds is written as text."""
    import pyarrow as pa

    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    array = values if isinstance(values, np.ndarray) else list(values)
    try:
        return pa.array(array, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        texts = [None if one is None or one != one else str(one) for one in array]
        return pa.array(texts, pa.string())


def _write_csv(table: Any, file: BinaryIO, separator: str = ",") -> None:
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=False)
    rows = csv.writer(text, delimiter=separator, lineterminator="\n")
    rows.writerow(table.column_names)
    for batch in _batches(table):
        rows.writerows(zip(*(column.to_pylist() for column in batch.columns), strict=True))
    text.flush()
    text.detach()


def _write_tsv(table: Any, file: BinaryIO) -> None:
    _write_csv(table, file, "\t")


def _write_parquet(table: Any, file: BinaryIO) -> None:
    import pyarrow.parquet as arrow_parquet

    if not isinstance(table, _Blocks):
        arrow_parquet.write_table(table, file)
        return
    with arrow_parquet.ParquetWriter(file, table.schema) as writer:
        for batch in table.to_batches():
            writer.write_batch(batch)


def _write_jsonl(table: Any, file: BinaryIO) -> None:
    for batch in _batches(table):
        lines = (json.dumps(row, ensure_ascii=False, default=str) for row in batch.to_pylist())
        file.write("".join(f"{line}\n" for line in lines).encode())


def _batches(table: Any) -> Iterator[Any]:
    yield from table.to_batches(max_chunksize=_ROWS_AT_ONCE)


_WRITERS: Final[dict[str, Callable[[Any, Any], None]]] = {
    ".csv": _write_csv,
    ".tsv": _write_tsv,
    ".parquet": _write_parquet,
    ".jsonl": _write_jsonl,
    ".ndjson": _write_jsonl,
}
