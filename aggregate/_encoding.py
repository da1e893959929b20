"""Values to codes: the distinct values of a column, sorted, and where each row points.

A column may be a list, a NumPy array, an Arrow array (plain or dictionary-encoded) or any
data-frame series. Missing entries (None, NaN, NaT, pandas' NA, Arrow nulls) get the code -1.
The table is sorted, so codes do not depend on the order of the rows; a categorical column
keeps the order of its categories, which is how an ordinal scale says what comes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    import pyarrow as pa

    column = _to_arrow(values, what)
    if isinstance(column, pa.ChunkedArray):
        column = column.unify_dictionaries() if _is_dictionary(column.type) else column
        column = column.combine_chunks()
        if isinstance(column, pa.ChunkedArray):  # older Arrow keeps one or no chunk
            column = column.chunk(0) if column.num_chunks else pa.array([], column.type)
    if isinstance(column, np.ndarray):
        return _encode_objects(column, what)
    ordered = _is_dictionary(column.type) and column.type.ordered
    if not _is_dictionary(column.type):
        column = column.dictionary_encode()
    indices = column.indices
    codes = indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    return _sorted(codes, _table(column.dictionary), ordered)


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


def _is_dictionary(arrow_type: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_dictionary(arrow_type))


def _to_arrow(values: Any, what: str) -> Any:
    """Return an Arrow array, or a NumPy object array where Arrow has no common type."""
    import narwhals.stable.v1 as nw
    import pyarrow as pa

    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    series = nw.from_native(values, series_only=True, pass_through=True)
    if isinstance(series, nw.Series):
        values = series.to_native()
        if hasattr(values, "to_arrow"):  # polars
            return values.to_arrow()
    elif not isinstance(values, np.ndarray):
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise ValueError(f"{what} must be a column of values; got {values!r}.")
        values = list(values) if not hasattr(values, "__array__") else np.asarray(values)
    if isinstance(values, np.ndarray) and values.ndim != 1:
        raise ValueError(f"{what} must have one dimension; got shape {values.shape}.")
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        objects = np.empty(len(values), dtype=object)
        objects[:] = list(values)
        return objects


def _table(dictionary: Any) -> Table:
    """Return an Arrow dictionary as a NumPy array in the dtype a user would expect."""
    import pyarrow as pa

    kind = dictionary.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_temporal(kind):
        return dictionary.to_numpy(zero_copy_only=False)
    if pa.types.is_boolean(kind):
        return np.asarray(dictionary.to_pylist(), dtype=bool)
    table = np.empty(len(dictionary), dtype=object)
    table[:] = dictionary.to_pylist()
    return table


def _sorted(codes: Codes, table: Table, ordered: bool) -> tuple[Codes, Table]:
    """Drop values that no row uses and put the rest in order."""
    used = np.zeros(len(table) + 1, dtype=bool)
    used[codes] = True  # the code -1 marks the spare last place
    used = used[:-1] & np.array([value is not None for value in table.tolist()], dtype=bool)
    if table.dtype.kind == "f":
        used &= ~np.isnan(table)
    keep = np.flatnonzero(used)
    order = keep if ordered else keep[_argsort(table[keep])]
    new_code = np.full(len(table) + 1, -1, dtype=np.int32)
    new_code[order] = np.arange(len(order), dtype=np.int32)
    return new_code[codes], table[order]


def _argsort(table: Table) -> NDArray[np.intp]:
    if table.dtype != object:
        return np.argsort(table, kind="stable")
    values = table.tolist()
    try:
        order = sorted(range(len(values)), key=values.__getitem__)
    except TypeError:  # numbers and text in one column: numbers first, then text
        order = sorted(range(len(values)), key=lambda i: _mixed_key(values[i]))
    return np.asarray(order, dtype=np.intp)


def _mixed_key(value: Any) -> tuple[str, Any]:
    return ("", value) if isinstance(value, int | float) else (type(value).__name__, str(value))


def _encode_objects(column: NDArray[Any], what: str) -> tuple[Codes, Table]:
    """Encode a column of mixed Python objects by hashing them one by one."""
    place: dict[Any, int] = {}
    codes = np.empty(len(column), dtype=np.int32)
    for row, value in enumerate(column.tolist()):
        try:
            missing = value is None or bool(value != value)
            codes[row] = -1 if missing else place.setdefault(value, len(place))
        except (TypeError, ValueError) as error:  # unhashable, or pandas' NA in a comparison
            if type(value).__name__ != "NAType":
                raise ValueError(
                    f"{what} must be numbers, text or missing; row {row} holds {value!r}."
                ) from error
            codes[row] = -1
    table = np.empty(len(place), dtype=object)
    table[:] = list(place)
    return _sorted(codes, table, ordered=False)
