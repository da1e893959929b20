"""Identifiers on their way through a cluster: text stays in Arrow arrays, the rest in NumPy's.

A billion items have a billion names, and as Python objects these would weigh more than all the
votes. Equal identifiers have equal hashes on every machine, whatever the type of the column
that a file happened to store them in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._encoding import _one_dictionary, _to_column, encode
from aggregate.kernels.hashing import hash_text

Ids = Any  # an Arrow array of text, or a NumPy array of anything else
Codes = NDArray[np.int32]


def encode_ids(values: Any, what: str) -> tuple[Codes, Ids]:
    """Return a code per row, -1 where missing, and the distinct identifiers in some order.

    Examples
    --------
    >>> codes, ids = encode_ids(["b", "a", None, "b"], "items")
    >>> codes, ids.to_pylist()
    (array([ 0,  1, -1,  0], dtype=int32), ['b', 'a'])
    """
    import pyarrow as pa

    column = _to_column(values, what)
    if isinstance(column, np.ndarray) or not _is_text(column.type):
        return encode(column, what)
    column = _one_dictionary(column, what)
    valid = column.dictionary.is_valid().to_numpy(zero_copy_only=False)
    indices = column.indices.fill_null(0).to_numpy(zero_copy_only=False)
    codes = np.where(column.indices.is_valid(), indices, -1).astype(np.int32)
    used = np.zeros(len(valid) + 1, dtype=bool)
    used[codes] = True  # the code -1 marks the spare last place
    keep = np.flatnonzero(used[:-1] & valid)
    place = np.full(len(used), -1, dtype=np.int32)
    place[keep] = np.arange(len(keep))
    return place[codes], column.dictionary.take(pa.array(keep)).cast(pa.large_string())


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def hash_ids(ids: Ids) -> NDArray[np.int64]:
    """Return a hash of each identifier, from 0 to 2^31.

    Examples
    --------
    >>> hash_ids(np.array([7, 8])).tolist() == hash_ids(np.array([7.0, 8.0])).tolist()
    True
    """
    if not isinstance(ids, np.ndarray):
        return _hash_texts(ids)
    if ids.dtype == object:
        return np.array([_hash_one(value) for value in ids.tolist()], dtype=np.int64)
    if ids.dtype.kind in "mM":
        return _mix(ids.view(np.int64))
    return _mix((ids.astype(np.float64) + 0.0).view(np.int64))  # of one kind: 7 equals 7.0


def _hash_texts(ids: Any) -> NDArray[np.int64]:
    _, offsets, data = ids.buffers()
    first = ids.offset
    bounds = np.frombuffer(offsets, dtype=np.int64)[first : first + len(ids) + 1]
    text = np.empty(0, np.uint8) if data is None else np.frombuffer(data, dtype=np.uint8)
    hashes = np.empty(len(ids), dtype=np.int64)
    hash_text(bounds, text, hashes)
    return hashes


def _hash_one(value: Any) -> int:
    """Hash one of several kinds of value; numbers as in a column of numbers."""
    import pyarrow as pa

    if isinstance(value, int | float):
        return int(_mix(np.array([value + 0.0]).view(np.int64))[0])
    return int(_hash_texts(pa.array([str(value)], pa.large_string()))[0])


def _mix(bits: NDArray[np.int64]) -> NDArray[np.int64]:
    """Scatter 64-bit patterns over 31 bits (the finaliser of Steele, Lea and Flood, 2014)."""
    mixed = bits.view(np.uint64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (mixed >> np.uint64(33)).astype(np.int64)


def take_ids(ids: Ids, order: NDArray[np.int64]) -> Ids:
    """Return identifiers at given places, in memory of their own."""
    if isinstance(ids, np.ndarray):
        return ids[order]
    import pyarrow as pa

    return ids.take(pa.array(order))


def merge_ids(tables: Sequence[Ids]) -> tuple[Codes, Ids]:
    """Return the sorted union of several tables, and the place in it of each of their entries.

    Examples
    --------
    >>> place, union = merge_ids([np.array([5, 9]), np.array([9, 1])])
    >>> place, union
    (array([1, 2, 2, 0], dtype=int32), array([1, 5, 9]))
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    tables = [table for table in tables if len(table)] or list(tables[:1])
    if any(isinstance(table, np.ndarray) for table in tables):
        return encode(_concatenate([as_array(table) for table in tables]), "identifiers")
    joined = pa.concat_arrays(tables).dictionary_encode()
    order = pc.sort_indices(joined.dictionary)
    rank = np.empty(len(order), dtype=np.int32)
    rank[order.to_numpy()] = np.arange(len(order))
    return rank[joined.indices.to_numpy()], joined.dictionary.take(order)


def _concatenate(tables: list[NDArray[Any]]) -> NDArray[Any]:
    kinds = {table.dtype.kind for table in tables}
    if kinds <= set("iuf") or len(kinds) == 1:  # numbers match by value
        return np.concatenate(tables)
    return np.concatenate([table.astype(object) for table in tables])


def as_array(ids: Ids) -> NDArray[Any]:
    """Return identifiers as a NumPy array; text as Python objects.

    Examples
    --------
    >>> as_array(encode_ids(["b"], "items")[1])
    array(['b'], dtype=object)
    """
    if isinstance(ids, np.ndarray):
        return ids
    table = np.empty(len(ids), dtype=object)
    table[:] = ids.to_pylist()
    return table


def join_ids(tables: Sequence[Ids]) -> Ids:
    """Return the tables one after the other, as they are."""
    import pyarrow as pa

    if any(isinstance(table, np.ndarray) for table in tables):
        return _concatenate([as_array(table) for table in tables])
    return pa.concat_arrays(list(tables))
