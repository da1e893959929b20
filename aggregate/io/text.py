"""From text to values: what is missing, and when text that spells numbers becomes numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

USUAL_MISSING: Final = (
    "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", "None",
)  # fmt: skip
_WHOLE_NUMBER: Final = r"^(0|-?[1-9][0-9]*)$"


class Column(NamedTuple):
    """A column as codes into its distinct values; -1 is an empty cell."""

    codes: NDArray[np.int32]
    values: Any
    """An Arrow array without nulls."""

    def to_arrow(self) -> Any:
        """Return an Arrow dictionary array, null where the code is -1."""
        import pyarrow as pa

        indices = pa.array(self.codes, mask=self.codes < 0)
        return pa.DictionaryArray.from_arrays(indices, self.values)


def column_from_arrow(array: Any) -> Column:
    """Return codes and distinct values of an Arrow column of any kind but a nested one."""
    import pyarrow as pa

    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()  # before joining chunks: codes are short, text is long
    if isinstance(array, pa.ChunkedArray):
        array = array.unify_dictionaries().combine_chunks()
        if isinstance(array, pa.ChunkedArray):  # older Arrow keeps one or no chunk
            empty = pa.array([], array.type.value_type).dictionary_encode()
            array = array.chunk(0) if array.num_chunks else empty
    codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return Column(codes.astype(np.int32, copy=False), array.dictionary)


def is_text(values: Any) -> bool:
    """Return whether an Arrow array holds text."""
    import pyarrow as pa

    kind = values.type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def trimmed(column: Column) -> Column:
    """Strip blanks around the values and merge those that become equal."""
    import pyarrow.compute as pc

    if not is_text(column.values):
        return column
    merged = column_from_arrow(pc.utf8_trim_whitespace(column.values))
    return Column(_recode(column.codes, merged.codes), merged.values)


def without_missing(column: Column, marks: Iterable[Any] = ()) -> tuple[Column, dict[str, int]]:
    """Turn empty cells and the given spellings into missing ones, and count each spelling.

    Examples
    --------
    >>> import pyarrow as pa
    >>> text = Column(np.array([0, 1, 2, 2], dtype=np.int32), pa.array(["no", "", "NA"]))
    >>> column, spellings = without_missing(text, ["NA"])
    >>> column.codes, column.values.to_pylist(), spellings
    (array([ 0, -1, -1, -1], dtype=int32), ['no'], {'': 1, 'NA': 2})
    """
    import pyarrow as pa

    missing = _missing_values(column, marks)
    counts = np.bincount(column.codes + 1, minlength=len(missing) + 1)
    spellings = {"": int(counts[0])} if counts[0] else {}
    for place in np.flatnonzero(missing):
        value = column.values[int(place)].as_py()
        text = "" if value is None else str(value)
        if counts[place + 1]:
            spellings[text] = spellings.get(text, 0) + int(counts[place + 1])
    if not missing.any():
        return column, spellings
    new_code = np.where(missing, -1, np.cumsum(~missing) - 1).astype(np.int32)
    kept = column.values.filter(pa.array(~missing))
    return Column(_recode(column.codes, new_code), kept), spellings


def restored(values: Any) -> Any:
    """Return text as whole numbers or numbers where every value is written as one.

    "007", "1.50" and "1e3" are not how a number is written, so they and all their neighbours
    stay text; no two different texts ever become one number.

    Parameters
    ----------
    values : Arrow array
        Distinct values; anything but text is returned as it is.

    Examples
    --------
    >>> import pyarrow as pa
    >>> restored(pa.array(["10", "-2"])).to_pylist(), restored(pa.array(["10", "007"])).to_pylist()
    ([10, -2], ['10', '007'])
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not is_text(values):
        return values
    if not len(values):
        return values
    if pc.all(pc.match_substring_regex(values, _WHOLE_NUMBER)).as_py():
        try:
            return pc.cast(values, pa.int64())
        except pa.ArrowInvalid:  # longer than 64 bits: an identifier rather than a number
            return values
    numbers = _canonical_floats(values.to_pylist())
    return values if numbers is None else pa.array(numbers, pa.float64())


def restored_with(values: Any, classes: Any) -> tuple[Any, Any]:
    """Restore the labels and the declared classes together, so that both are of one kind."""
    import pyarrow as pa

    listed = None if classes is None else list(classes)
    if not listed or not all(isinstance(one, str) for one in listed):
        return restored(values), classes
    if not is_text(values):
        return values, classes
    both = restored(pa.concat_arrays([values, pa.array(listed, values.type)]))
    return both.slice(0, len(values)), both.slice(len(values)).to_pylist()


def _canonical_floats(texts: Sequence[str]) -> list[float] | None:
    numbers: list[float] = []
    for text in texts:
        try:
            number = float(text)
        except ValueError:
            return None
        whole = number.is_integer() and abs(number) < 2**53
        if not math.isfinite(number) or text not in (
            repr(number),
            str(int(number)) if whole else "",
        ):
            return None
        numbers.append(number)
    distinct = len(set(texts))
    return numbers if len(set(numbers)) == distinct else None


def _missing_values(column: Column, marks: Iterable[Any]) -> NDArray[np.bool_]:
    """Say of each distinct value whether it is empty or a mark."""
    import pyarrow as pa
    import pyarrow.compute as pc

    known: set[Any] = set()
    for mark in marks:
        known |= {mark, str(mark)}
        try:
            known.add(float(mark))
        except (TypeError, ValueError):
            continue
    if is_text(column.values):
        texts = sorted({"", *(mark for mark in known if isinstance(mark, str))})
        found = pc.is_in(column.values, value_set=pa.array(texts, column.values.type))
        return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)
    values = column.values.to_pylist()
    return np.fromiter((_is_missing(value, known) for value in values), bool, len(values))


def _is_missing(value: Any, known: set[Any]) -> bool:
    if value is None or (isinstance(value, float) and value != value):
        return True
    return not isinstance(value, bool) and value in known


def _recode(codes: NDArray[np.int32], new_code: NDArray[np.int32]) -> NDArray[np.int32]:
    """Map codes, with -1 staying -1."""
    return np.append(new_code, np.int32(-1))[codes]
