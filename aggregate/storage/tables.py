"""Identifiers as raw arrays and back: numbers and dates as they are, text as UTF-8, others as JSON.

Nothing is pickled, so nothing is ever executed by reading a folder; what only pickle could hold
is refused when it is saved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import first_few
from aggregate.storage.errors import FolderError

RAW, TEXT, MIXED = "raw", "text", "mixed"
_PLAIN_KINDS: Final = "biufMmUS"

Parts = dict[str, NDArray[Any]]


def is_plain(dtype: np.dtype[Any]) -> bool:
    """Return whether values of a dtype are what their bytes say, and nothing more."""
    return dtype.kind in _PLAIN_KINDS and dtype.itemsize > 0


def encoded_table(name: str, values: NDArray[Any]) -> tuple[str, Parts]:
    """Return the kind of a table and the arrays that hold it, by the suffix of their names.

    Raises
    ------
    FolderError
        If an identifier is neither a number, text, a truth value nor a date.
    """
    if is_plain(values.dtype):
        return RAW, {"": values}
    if values.dtype == object:
        found = values.tolist()
        if all(type(value) is str for value in found):
            parts = _as_text(found)
            if parts is not None:
                return TEXT, parts
        strange = [value for value in found if not _fits_json(value)]
        if not strange:
            text = json.dumps(found).encode()
            return MIXED, {".json": np.frombuffer(text, dtype=np.uint8)}
    else:
        strange = list(values[:5])
    raise FolderError(
        f"{name} that are neither numbers, text, truth values nor dates cannot be saved: "
        f"{first_few(strange)}. Turn them into text first."
    )


def decoded_table(kind: str, length: int, parts: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """Return the identifiers; those that are raw stay where they are.

    Raises
    ------
    ValueError
        If the arrays do not hold so many identifiers of that kind.
    """
    if kind == RAW:
        table = parts[""]
    elif kind == TEXT:
        table = _from_text(parts[".offsets"], parts[".utf8"])
    elif kind == MIXED:
        found = json.loads(bytes(parts[".json"]))
        if not isinstance(found, list) or not all(map(_fits_json, found)):
            raise ValueError("a list of plain values is needed")
        table = np.empty(len(found), dtype=object)
        table[:] = found
    else:
        raise ValueError(f"tables of the kind {kind!r} are unknown")
    if len(table) != length:
        raise ValueError(f"there are {len(table)} values instead of {length}")
    return table


def _fits_json(value: Any) -> bool:
    return type(value) in (str, int, float, bool)


def _as_text(texts: list[str]) -> Parts | None:
    """Return offsets and bytes, or None where a text is no proper Unicode."""
    import pyarrow as pa

    try:
        array = pa.array(texts, pa.large_string())
    except (UnicodeEncodeError, pa.ArrowInvalid):
        return None
    return text_parts(array)


def text_parts(array: Any) -> Parts:
    """Return offsets and bytes of an Arrow array of large strings without nulls."""
    _, offsets, content = array.buffers()
    first, last = array.offset, array.offset + len(array)
    where = np.frombuffer(offsets, dtype=np.int64)[first : last + 1] if len(array) else [0]
    where = np.asarray(where, dtype=np.int64)
    text = np.frombuffer(content, dtype=np.uint8) if content else np.empty(0, dtype=np.uint8)
    return {".offsets": where - where[0], ".utf8": text[where[0] : where[-1]]}


def _from_text(offsets: NDArray[Any], text: NDArray[Any]) -> NDArray[Any]:
    import pyarrow as pa

    if offsets.dtype != np.int64 or text.dtype != np.uint8 or not len(offsets):
        raise ValueError("text is kept as int64 offsets and bytes")
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(text)]
    array = pa.Array.from_buffers(pa.large_string(), len(offsets) - 1, buffers)
    array.validate(full=True)  # an ArrowInvalid is a ValueError
    return np.asarray(array.to_numpy(zero_copy_only=False))
