"""Values to codes: the distinct values of a column, sorted, and where each row points.

A column may be a list, a NumPy array, an Arrow array (plain or dictionary-encoded) or any
data-frame series. Missing entries (None, NaN, NaT, pandas' NA, Arrow nulls) get the code -1.
The table is sorted, so codes do not depend on the order of the rows; an ordered categorical
(in polars, an Enum) keeps the order of its categories, which is how an ordinal scale says what
comes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import first_few

Codes = NDArray[np.int32]
Table = NDArray[Any]


def encode(values: Any, what: str = "values") -> tuple[Codes, Table]:
    """Return integer codes and the sorted table of distinct values.

    Parameters
    ----------
    values : array-like of shape (n,)
        Numbers, strings, booleans, dates or None; a list, an array, a series.
    what : str
        The word for these values in error messages ("items", "labels", …).

    Returns
    -------
    codes : ndarray of int32, shape (n,)
        Position of each value in the table, -1 where the value is missing.
    table : ndarray of shape (u,)
        The distinct values in sorted order, in their own dtype.

    Raises
    ------
    ValueError
        If the column has more than one dimension, or its values cannot be told apart
        or compared (dictionaries, lists).

    Examples
    --------
    >>> codes, table = encode(["pear", "fig", None, "pear"])
    >>> codes
    array([ 1,  0, -1,  1], dtype=int32)
    >>> table.tolist()
    ['fig', 'pear']
    """
    column = _to_column(values, what)
    if isinstance(column, np.ndarray):
        if column.dtype != object:
            return _encode_integers(column)
        return _encode_objects(column, what)
    column = _one_dictionary(column, what)
    indices = column.indices
    codes = np.asarray(indices.fill_null(0).to_numpy(zero_copy_only=False)).astype(np.int32)
    if indices.null_count:
        codes[indices.is_null().to_numpy(zero_copy_only=False)] = -1
    used = np.zeros(len(column.dictionary) + 1, dtype=bool)
    used[codes] = True  # the code -1 marks the spare last place
    return _sorted(codes, column.dictionary, used[:-1], column.type.ordered)


def decode_table(values: Sequence[Any] | NDArray[Any], what: str) -> Table:
    """Return the declared values as a table (given order kept), refusing repeats and missing.

    Examples
    --------
    >>> decode_table(["low", "high"], "classes").tolist()
    ['low', 'high']
    """
    codes, table = encode(values, what)
    if (codes < 0).any():
        raise ValueError(f"{what} must not hold a missing value (entry {int(np.argmin(codes))}).")
    if len(table) < len(codes):
        repeated = table[np.bincount(codes, minlength=len(table)) > 1]
        raise ValueError(f"{what} must be distinct; repeated: {first_few(repeated)}.")
    return table[codes]


def match(table: Table, known: Table) -> Codes:
    """Return the position in ``known`` of each value of ``table``, -1 where there is none.

    Numbers match numbers by value (1 equals 1.0), text matches text; ``1`` is not ``"1"``.

    Examples
    --------
    >>> match(np.array([3.0, 1.0]), np.array([1, 2, 3]))
    array([2, 0], dtype=int32)
    """
    place = {value: position for position, value in enumerate(known.tolist())}
    found = [place.get(value, -1) for value in table.tolist()]
    return np.asarray(found, dtype=np.int32)


def _to_column(values: Any, what: str) -> Any:
    """Return an Arrow array, or a NumPy array of close integers or of mixed objects."""
    import narwhals.stable.v1 as nw
    import pyarrow as pa

    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    series = nw.from_native(values, series_only=True, pass_through=True)
    if isinstance(series, nw.Series):
        values = series.to_native()
        if hasattr(values, "to_arrow"):  # polars
            arrow = values.to_arrow()
            return _as_ordered(arrow) if series.dtype == nw.Enum else arrow
    elif not isinstance(values, np.ndarray):
        if isinstance(values, str | bytes | Set) or not isinstance(values, Iterable):
            raise ValueError(f"{what} must be a column of values; got {values!r}.")
        tensor = hasattr(values, "__dlpack__")
        if tensor or not hasattr(values, "dtype"):  # extension arrays know how to become Arrow
            values = np.asarray(values) if hasattr(values, "__array__") else list(values)
    if isinstance(values, np.ndarray):
        if values.ndim != 1:
            raise ValueError(f"{what} must have one dimension; got shape {values.shape}.")
        if values.dtype.kind in "iu" and _is_dense(values):
            return values
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        objects = np.empty(len(values), dtype=object)
        objects[:] = list(values)
        return objects


def _as_ordered(column: Any) -> Any:
    """Mark a dictionary column as ordered: its categories say what comes first."""
    import pyarrow as pa

    kind = pa.dictionary(column.type.index_type, column.type.value_type, ordered=True)
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    remade = [
        pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary, ordered=True)
        for chunk in chunks
    ]
    return pa.chunked_array(remade, kind)


def _one_dictionary(column: Any, what: str) -> Any:
    """Return a column as one dictionary-encoded array."""
    import pyarrow as pa

    if pa.types.is_string_view(column.type):  # which Arrow cannot sort or select from
        column = column.cast(pa.large_string())
    elif pa.types.is_null(column.type):  # nothing but missing entries
        column = column.cast(pa.string())
    try:  # before joining chunks: codes are short, text is long
        column = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    except pa.ArrowNotImplementedError as error:
        example = next((value for value in column.to_pylist() if value is not None), None)
        raise ValueError(
            f"{what} must be numbers, text or missing; got values like {example!r}."
        ) from error
    if isinstance(column, pa.ChunkedArray):
        column = column.unify_dictionaries().combine_chunks()
        if isinstance(column, pa.ChunkedArray):  # older Arrow keeps one or no chunk
            empty = pa.array([], column.type.value_type).dictionary_encode()
            column = column.chunk(0) if column.num_chunks else empty
    return column


def _is_dense(values: NDArray[Any]) -> bool:
    """Say whether integers lie so close together that a look-up table beats hashing."""
    return len(values) > 0 and int(values.max()) - int(values.min()) <= 4 * len(values) + 1000


def _encode_integers(values: NDArray[Any]) -> tuple[Codes, Table]:
    lowest = int(values.min())
    span = int(values.max()) - lowest + 1
    if lowest < 0 or values.dtype.itemsize < 8:  # where the difference could overflow
        offsets = values.astype(np.int64) - lowest
    else:
        offsets = values - values.dtype.type(lowest)
    used = np.zeros(span, dtype=bool)
    used[offsets] = True
    new_code = np.cumsum(used, dtype=np.int32) - np.int32(1)
    table = np.flatnonzero(used).astype(values.dtype) + values.dtype.type(lowest)
    return new_code[offsets], table


def _sorted(
    codes: Codes, dictionary: Any, used: NDArray[np.bool_], ordered: bool
) -> tuple[Codes, Table]:
    """Drop values that no row uses, merge equal ones and put the rest in order."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = dictionary.type
    used &= dictionary.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_floating(kind):
        used &= ~np.isnan(dictionary.to_numpy(zero_copy_only=False))
    keep = np.flatnonzero(used)
    kept = dictionary.take(pa.array(keep))
    if ordered:
        place, table = np.arange(len(keep)), _table(kept)
    elif pa.types.is_floating(kind):  # adding zero makes one of 0.0 and -0.0
        table, place = np.unique(_table(kept) + 0.0, return_inverse=True)
    elif pa.types.is_boolean(kind) or pa.types.is_decimal(kind):
        table, place = np.unique(_table(kept), return_inverse=True)
    else:  # text sorts by code point in Arrow as in Python
        order = pc.sort_indices(kept).to_numpy()
        place = np.empty(len(keep), dtype=np.int64)
        place[order] = np.arange(len(keep))
        table = _table(kept.take(pa.array(order)))
    new_code = np.full(len(dictionary) + 1, -1, dtype=np.int32)
    new_code[keep] = place
    return new_code[codes], table


def _table(values: Any) -> Table:
    """Return Arrow values as a NumPy array in the dtype a user would expect."""
    import pyarrow as pa

    kind = values.type
    if pa.types.is_boolean(kind):
        return np.asarray(values.to_pylist(), dtype=bool)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_temporal(kind):
        return np.asarray(values.to_numpy(zero_copy_only=False))
    table = np.empty(len(values), dtype=object)
    table[:] = values.to_pylist()
    return table


def _encode_objects(column: NDArray[Any], what: str) -> tuple[Codes, Table]:
    """Encode a column of mixed Python objects by hashing them one by one."""
    place: dict[tuple[bool, Any], int] = {}
    codes = np.empty(len(column), dtype=np.int32)
    for row, value in enumerate(column.tolist()):
        if is_missing(value):
            codes[row] = -1
            continue
        try:  # True equals 1 for Python, but is another label
            codes[row] = place.setdefault((isinstance(value, bool), value), len(place))
        except TypeError as error:
            raise ValueError(
                f"{what} must be numbers, text or missing; row {row} holds {value!r}."
            ) from error
    table = np.empty(len(place), dtype=object)
    table[:] = [value for _, value in place]
    order = sorted(range(len(table)), key=lambda code: _mixed_key(table[code]))
    new_code = np.full(len(table) + 1, -1, dtype=np.int32)
    new_code[order] = np.arange(len(table), dtype=np.int32)
    return new_code[codes], table[np.asarray(order, dtype=np.intp)]


def is_missing(value: Any) -> bool:
    """Return whether a Python value stands for nothing: None, NaN, NaT, pandas' NA."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and value != value


def _mixed_key(value: Any) -> tuple[str, Any]:
    """Numbers first, by value; then everything else by kind and text."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return ("", value) if number else (type(value).__name__, str(value))
