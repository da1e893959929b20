"""Values that come in chunks: codes in the order of first appearance, sorted ones at the end."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate.io.text import Column


class Vocabulary:
    """The distinct values of a column that is read chunk by chunk."""

    def __init__(self) -> None:
        self._place: dict[Any, int] = {}
        self._new: list[Any] = []
        self._kind: Any = None

    def __len__(self) -> int:
        return len(self._place)

    def codes(self, column: Column) -> NDArray[np.int32]:
        """Return the code of every row, -1 where it is missing."""
        import pyarrow as pa

        self._kind = self._kind or column.values.type
        before, place = len(self._place), self._place
        values = column.values.to_pylist()
        codes = np.empty(len(values) + 1, dtype=np.int32)
        codes[:-1] = [place.setdefault(value, len(place)) for value in values]
        codes[-1] = -1
        if len(place) > before:
            self._new.append(column.values.filter(pa.array(codes[:-1] >= before)))
        return codes[column.codes]

    def values(self) -> Any:
        """Return the distinct values in the order of their codes, as an Arrow array."""
        import pyarrow as pa

        if not self._new:
            return pa.array([], self._kind or pa.string())
        kinds = {values.type for values in self._new}
        if len(kinds) > 1:
            wide = np.result_type(*(kind.to_pandas_dtype() for kind in kinds))
            self._new = [values.cast(pa.from_numpy_dtype(wide)) for values in self._new]
        return pa.concat_arrays(self._new)
