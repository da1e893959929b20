"""Values that come in chunks: codes in the order of first appearance, sorted ones at the end."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate.io.text import Column

Codes = NDArray[np.int32]


class Vocabulary:
    """The distinct values of a column that is read chunk by chunk."""

    def __init__(self) -> None:
        self._place: dict[Any, int] = {}
        self._numbers = Numbers()
        self._new: list[Any] = []
        self._kind: Any = None

    def __len__(self) -> int:
        return len(self._numbers) or len(self._place)

    def codes(self, column: Column) -> Codes:
        """Return the code of every row, -1 where it is missing.

        Raises
        ------
        ValueError
            If the values are of another kind than those before.
        """
        import pyarrow as pa

        if len(column.values) or self._kind is None:
            self._settle_kind(column.values.type)
        before = len(self)
        codes = np.append(self._codes(column.values), np.int32(-1))
        if len(self) > before:
            self._new.append(column.values.filter(pa.array(codes[:-1] >= before)))
        return codes[column.codes]

    def _codes(self, values: Any) -> Codes:
        """Return the codes of distinct values."""
        import pyarrow as pa

        if pa.types.is_integer(values.type) and not pa.types.is_uint64(values.type):
            return self._numbers.codes(values.to_numpy().astype(np.int64))
        place = self._place
        codes = [place.setdefault(value, len(place)) for value in values.to_pylist()]
        return np.array(codes, dtype=np.int32)

    def _settle_kind(self, kind: Any) -> None:
        """Refuse numbers after text and the like."""
        if self._kind is None or not self._new:
            self._kind = kind
        elif _family(kind) != _family(self._kind):
            raise ValueError(
                f"holds {kind} values, what came before {self._kind}: write them alike"
            )

    def values(self) -> Any:
        """Return the distinct values in the order of their codes, as an Arrow array."""
        import pyarrow as pa

        if not self._new:
            return pa.array([], self._kind or pa.string())
        kinds = {values.type for values in self._new}
        if len(kinds) > 1:
            text = _family(self._kind) == "text"
            wide = np.result_type(*(kind.to_pandas_dtype() for kind in kinds))
            kind = pa.large_string() if text else pa.from_numpy_dtype(wide)
            self._new = [values.cast(kind) for values in self._new]
        return pa.concat_arrays(self._new)


def _family(kind: Any) -> Any:
    """Return what kinds that may be mixed have in common."""
    import pyarrow as pa

    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "text"
    if pa.types.is_integer(kind) and not pa.types.is_uint64(kind):
        return "whole numbers"
    return "fractions" if pa.types.is_floating(kind) else kind


class Numbers:
    """Whole numbers and their codes, found by bisection: many at once, without Python objects."""

    def __init__(self) -> None:
        self._sorted = np.empty(0, dtype=np.int64)
        self._code = np.empty(0, dtype=np.int32)

    def __len__(self) -> int:
        return len(self._sorted)

    def codes(self, values: NDArray[np.int64]) -> Codes:
        """Return the codes of distinct numbers; new ones get the next codes in their order.

        Examples
        --------
        >>> numbers = Numbers()
        >>> numbers.codes(np.array([7, 3])), numbers.codes(np.array([5, 3]))
        (array([0, 1], dtype=int32), array([2, 1], dtype=int32))
        """
        place = np.searchsorted(self._sorted, values)
        known = np.zeros(len(values), dtype=bool)
        inside = place < len(self._sorted)
        known[inside] = self._sorted[place[inside]] == values[inside]
        codes = np.empty(len(values), dtype=np.int32)
        codes[known] = self._code[place[known]]
        fresh = values[~known]
        codes[~known] = len(self) + np.arange(len(fresh), dtype=np.int32)
        if len(fresh):
            together = np.concatenate((self._sorted, fresh))
            order = np.argsort(together, kind="stable")
            self._code = np.concatenate((self._code, codes[~known]))[order]
            self._sorted = together[order]
        return codes
