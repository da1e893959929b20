"""Where votes come from: pieces of Parquet files or partitions of a Dask data frame."""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from aggregate._columns import recognise_columns
from aggregate._constructors import ROLES
from aggregate._validation import first_few
from aggregate.distributed._parts import Parts, given

ROWS_PER_PART: Final = 10_000_000

Columns = Mapping[str, str]  # from item, annotator, label to the column's name


class Source(NamedTuple):
    """Tables on the cluster, one per piece, that have the three columns."""

    tables: Parts
    columns: Columns
    guessed: bool
    orders: Mapping[str, Sequence[Any]]
    """Values in the order they have by themselves, of the roles that are ordered categories."""
    rows: int | None


def from_frame(frame: Any, names: Mapping[str, str | None]) -> Source:
    """Take the partitions of a Dask data frame."""
    if not hasattr(frame, "to_delayed") or not hasattr(frame, "columns"):
        raise TypeError(
            f"from_dask needs a Dask data frame; got {type(frame).__name__}. Other frames go to "
            "Annotations.from_frame, or to dask.dataframe.from_pandas first."
        )
    available = {str(name): name for name in frame.columns}
    columns, guessed = recognise_columns(list(available), names)
    wanted = frame[[available[columns[role]] for role in ROLES]]
    delayed = wanted.to_delayed(optimize_graph=True)
    graph: dict[Any, Any] = {}
    for one in delayed:
        graph |= dict(one.dask)
    orders = {role: _order(frame[available[columns[role]]]) for role in ROLES[1:]}
    return Source(
        Parts(graph, [one.key for one in delayed]).map("columns", _by_role, columns),
        columns,
        guessed,
        {role: order for role, order in orders.items() if order is not None},
        None,
    )


def from_parquet(path: Any, names: Mapping[str, str | None], n_pieces: int | None) -> Source:
    """Take row groups of Parquet files, a similar number of rows in each piece."""
    import pyarrow as pa
    import pyarrow.dataset as arrow_dataset

    places = _places(path)
    try:
        files = arrow_dataset.dataset(places, format="parquet")
        fragments = list(files.get_fragments())
        groups = [group for file in fragments for group in file.split_by_row_group()]
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{places} cannot be read as Parquet: {error}") from error
    rows = sum(_n_rows(group) for group in groups)
    if not rows:
        raise ValueError(f"{places} holds no rows: name a Parquet file or a folder of such files.")
    columns, guessed = recognise_columns(files.schema.names, names)
    _refuse_other_files(fragments, columns)
    nested = [
        name for name in columns.values() if pa.types.is_nested(files.schema.field(name).type)
    ]
    if nested:
        raise ValueError(
            f"the columns {first_few(nested)} of {places} hold lists or other nested values; each "
            "value must be text, a number, a date or true/false."
        )
    n_pieces = n_pieces or -(-rows // ROWS_PER_PART)
    pieces = _packed(groups, -(-rows // n_pieces))
    read = [_Reader(piece, files.schema, columns) for piece in pieces]
    return Source(given("read-parquet", _Reader.read, read), columns, guessed, {}, rows)


def _places(path: Any) -> str | list[str]:
    """Return a folder, a file, or the files of a list or a pattern."""
    if isinstance(path, list | tuple):
        return [os.fspath(one) for one in path]
    place = os.fspath(path)
    if not glob.has_magic(place) or os.path.exists(place):
        return place
    found = sorted(glob.glob(place))
    if not found:
        raise ValueError(f"no file fits the pattern {place}.")
    return found


def _refuse_other_files(fragments: list[Any], columns: Columns) -> None:
    """Refuse files that hold no votes, such as the truth beside them."""
    wanted = set(columns.values())
    others = [file.path for file in fragments if not wanted <= set(file.physical_schema.names)]
    if others:
        raise ValueError(
            f"{len(others)} of the {len(fragments)} files lack one of the columns "
            f"{first_few(sorted(wanted))}: {first_few(others, most=2)}. Name the files of votes "
            "alone, by a list or a pattern ('folder/annotations-*.parquet')."
        )


class _Reader:
    """Some row groups, to be read where they are needed."""

    def __init__(self, groups: list[Any], schema: Any, columns: Columns) -> None:
        self.groups, self.schema, self.columns = groups, schema, columns

    def read(self) -> dict[str, Any]:
        """Return the three columns."""
        import pyarrow as pa

        names = list(self.columns.values())
        tables = [
            group.to_table(columns=names, schema=self.schema, use_threads=False)
            for group in self.groups
        ]
        table = pa.concat_tables(tables)
        return {role: _plain(table[name]) for role, name in self.columns.items()}


def _plain(column: Any) -> Any:
    """Return text as text and decimals as numbers, whatever way they are stored."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_decimal(kind):
        return column.cast(pa.float64())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return column.cast(pa.string())
    return column


def _by_role(frame: Any, columns: Columns) -> dict[str, Any]:
    names = {str(name): name for name in frame.columns}
    return {role: frame[names[name]] for role, name in columns.items()}


def _n_rows(group: Any) -> int:
    return sum(part.num_rows for part in group.row_groups)


def _packed(groups: list[Any], rows_at_once: int) -> list[list[Any]]:
    """Put neighbouring row groups together until a piece has rows enough."""
    pieces: list[list[Any]] = [[]]
    filled = 0
    for group in groups:
        if pieces[-1] and filled + _n_rows(group) > rows_at_once:
            pieces.append([])
            filled = 0
        pieces[-1].append(group)
        filled += _n_rows(group)
    return pieces


def _order(column: Any) -> Sequence[Any] | None:
    """Return the categories of an ordered categorical column."""
    ordered = getattr(column.dtype, "ordered", False) and column.cat.known
    return list(column.dtype.categories) if ordered else None
