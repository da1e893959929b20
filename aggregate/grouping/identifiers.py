"""Item identifiers as things that can be cut into ranges: whole numbers, or UTF-8 text.

Every identifier that is not text becomes a 64-bit whole number of the same order, so that 10^8
of them never become Python objects; text stays in Arrow's buffers.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate._encoding import encode
from aggregate.grouping.files import Files
from aggregate.io.errors import ReadError
from aggregate.io.text import restored

Keys = NDArray[np.int64]

_SAMPLE: Final = 1 << 22
_SIGN: Final = np.int64(-(2**63))


class Identifiers(NamedTuple):
    """How items are written, and where they are cut into ranges."""

    dtype: np.dtype[Any] | None
    """Of the table of items; None for text."""
    n_rows: int
    sample: Any
    """Some of them: sorted keys, or a sorted Arrow array of large strings."""

    def splitters(self, n_parts: int) -> Any:
        """Return up to ``n_parts - 1`` identifiers that divide the sample evenly, distinct."""
        places = np.linspace(0, len(self.sample), n_parts + 1)[1:-1].astype(np.int64)
        if self.dtype is not None:
            return np.unique(self.sample[places]) if len(self.sample) else self.sample
        import pyarrow as pa

        return self.sample.take(pa.array(places)).unique() if len(self.sample) else self.sample


def survey(files: Files) -> Identifiers:
    """Find out what the items are and sample them; text is gone through once from end to end.

    Raises
    ------
    ReadError
        If some files have numbers and others text.
    """
    import pyarrow as pa

    kinds = files.item_kinds()
    text = {name: pa.types.is_string(kind) or pa.types.is_large_string(kind)
            for name, kind in kinds.items()}  # fmt: skip
    if all(text.values()):
        return _survey_text(files)
    if any(text.values()):
        raise ReadError(
            f"the items are text in {next(name for name in text if text[name])} and not in "
            f"{next(name for name in text if not text[name])}: write them alike."
        )
    dtype = np.result_type(*(_table_dtype(kind) for kind in kinds.values()))
    sample = _Sample()
    for items in files.item_sample():
        sample.add(to_keys(items, dtype)[0])
    return Identifiers(dtype, files.count_rows(), np.sort(sample.values()))


def _table_dtype(kind: Any) -> np.dtype[Any]:
    """Return the dtype that a table of such values has in an `Annotations` made in memory."""
    import pyarrow as pa

    _, table = encode(pa.array([], kind), "items")
    if table.dtype.kind not in "biufM":
        raise ReadError(f"items of the type {kind} cannot be grouped: write them as text.")
    return table.dtype


def to_keys(items: Any, dtype: np.dtype[Any]) -> tuple[Keys, NDArray[np.bool_] | None]:
    """Return whole numbers in the order of the identifiers, and which are missing (or None)."""
    import pyarrow as pa

    missing = None
    if pa.types.is_string(items.type) or pa.types.is_large_string(items.type):
        items, missing = _spelled(items, dtype)
    elif items.null_count:
        missing = np.asarray(items.is_null().to_numpy(zero_copy_only=False))
    if missing is not None:
        items = items.drop_null()
    values = np.asarray(items.to_numpy(zero_copy_only=False))
    if values.dtype.kind == "f":
        absent = np.isnan(values)
        if absent.any():  # a missing number
            missing = np.zeros(len(values), dtype=bool) if missing is None else missing
            missing[np.flatnonzero(~missing)[absent]] = True
            values = values[~absent]
    keys = _ordered(values, dtype)
    if missing is None:
        return keys, None
    spread = np.zeros(len(missing), dtype=np.int64)
    spread[~missing] = keys
    return spread, missing


def _ordered(values: NDArray[Any], dtype: np.dtype[Any]) -> Keys:
    if dtype.kind == "f":
        bits = (values.astype(np.float64) + 0.0).view(np.int64)  # one of 0.0 and -0.0
        return np.where(bits < 0, ~bits ^ _SIGN, bits)
    if dtype.kind == "M":
        return values.astype(dtype).view(np.int64)
    if dtype == np.uint64:
        return np.ascontiguousarray(values.astype(np.uint64)).view(np.int64) ^ _SIGN
    return values.astype(np.int64, copy=False)


def from_keys(keys: Keys, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the identifiers of keys.

    Examples
    --------
    >>> import pyarrow as pa
    >>> keys, _ = to_keys(pa.array([-1.5, 2.0, -0.0]), np.dtype(float))
    >>> from_keys(np.sort(keys), np.dtype(float))
    array([-1.5,  0. ,  2. ])
    """
    if dtype.kind == "f":
        bits = np.where(keys < 0, ~(keys ^ _SIGN), keys)
        return bits.view(np.float64).astype(dtype)
    if dtype.kind == "M":
        return keys.view(dtype)
    if dtype == np.uint64:
        return (keys ^ _SIGN).view(np.uint64)
    return keys.astype(dtype)


def _spelled(items: Any, dtype: np.dtype[Any]) -> tuple[Any, NDArray[np.bool_]]:
    """Return the numbers that texts spell, null where the text is empty, and which those are."""
    import pyarrow as pa
    import pyarrow.compute as pc

    filled = pc.if_else(pc.equal(items, ""), pa.scalar(None, items.type), items)
    missing = np.asarray(filled.is_null().to_numpy(zero_copy_only=False))
    return pc.cast(filled, pa.from_numpy_dtype(dtype)), missing


class _Sample:
    """Values from a stream, thinned out evenly whenever they become too many."""

    def __init__(self) -> None:
        self._kept: list[Any] = []
        self._n_seen, self._n_kept, self._every = 0, 0, 1

    def add(self, values: Any) -> None:
        self._kept.append(values[-self._n_seen % self._every :: self._every])
        self._n_seen += len(values)
        self._n_kept += len(self._kept[-1])
        if self._n_kept > _SAMPLE:
            self._every *= 2
            self._kept = [np.concatenate(self._kept)[::2]]
            self._n_kept = len(self._kept[0])

    def values(self) -> NDArray[Any]:
        return np.concatenate(self._kept) if self._kept else np.empty(0, dtype=np.int64)


def _survey_text(files: Files) -> Identifiers:
    """Go through the items once: they are whole numbers only if every one is written as one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    sample, n_rows, kinds = _Sample(), 0, {"whole"}
    for _, items in files.item_chunks():
        n_rows += len(items)
        distinct = items.drop_null().unique()
        distinct = distinct.filter(pc.not_equal(distinct, ""))
        sample.add(np.asarray(distinct.to_numpy(zero_copy_only=False)))
        if len(distinct) and "text" not in kinds:
            kinds.add(_spelling(distinct))
    if kinds == {"whole", "decimal"}:
        raise ReadError(
            f"{files.name}: the items are decimal numbers, rather measurements than names. Is "
            f"{files.columns['item']!r} the column of the items? If it is, store them as numbers "
            "in a Parquet file."
        )
    texts = pa.array(sample.values().astype(object), pa.large_string())
    if len(texts) and "text" not in kinds:
        dtype = np.dtype(np.int64)
        return Identifiers(dtype, n_rows, np.sort(to_keys(texts, dtype)[0]))
    return Identifiers(None, n_rows, texts.take(pc.sort_indices(texts)))


def _spelling(texts: Any) -> str:
    """Return what distinct texts spell, as `restored` would have them."""
    import pyarrow as pa

    kind = restored(texts).type
    if pa.types.is_integer(kind):
        return "whole"
    return "decimal" if pa.types.is_floating(kind) else "text"
