"""One number per label (seconds, a date), however the user holds them, in the order of entries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._encoding import encode, match
from aggregate._validation import first_few
from aggregate.annotations import Annotations

Float = NDArray[np.float64]

_COLUMNS = 3
_MISSING = ("nan", "NaN", "NaT", "<NA>")  # as None, NaN and the marks of pandas are written


def per_entry(name: str, values: Any, annotations: Annotations) -> Float:
    """Return a number for each entry of the annotations, NaN where it is unknown.

    Parameters
    ----------
    name : str
        What the user calls the values.
    values : array-like of shape (E,), mapping (item, annotator) -> value, or three columns
        In the order of the entries; by pair; or a tuple of items, annotators and values, a row
        per label as in the table that the votes came from. A pair that has several values gets
        their mean. Numbers, dates or durations (in seconds); None, NaN and NaT are unknown.
    annotations : Annotations

    Raises
    ------
    TypeError
        If a value is neither a number nor a date nor a duration.
    ValueError
        If the lengths differ, or no pair is among the annotations.
    """
    if isinstance(values, Mapping):
        if not all(isinstance(key, tuple) and len(key) == 2 for key in values):
            raise TypeError(f"{name} as a mapping needs keys (item, annotator).")
        who = ([key[0] for key in values], [key[1] for key in values])
        return _by_pair(name, *who, _numbers(name, list(values.values())), annotations)
    if isinstance(values, tuple) and len(values) == _COLUMNS and all(map(_is_column, values)):
        items, annotators, column = values
        return _by_pair(name, items, annotators, _numbers(name, column), annotations)
    numbers = _numbers(name, values)
    if numbers.shape != (annotations.n_annotations,):
        raise ValueError(
            f"{name} must hold one value per label, {annotations.n_annotations:,}, in the order of "
            f"the entries of the annotations; got shape {numbers.shape}. In another order, pass "
            "three columns, (items, annotators, values)."
        )
    return numbers


def _is_column(values: Any) -> bool:
    return hasattr(values, "__len__") and not isinstance(values, str | bytes)


def _numbers(name: str, values: Any) -> Float:
    """Return floats: numbers as they are, dates since 1970 and durations in seconds."""
    array = np.asarray(values)
    if array.dtype.kind in "iufb":
        return array.astype(np.float64)
    if array.dtype.kind in "mM":
        whole = array.astype(f"{array.dtype.kind}8[ns]")
        return np.where(np.isnat(whole), np.nan, whole.astype(np.int64) * 1e-9)
    return np.array([_number(name, value) for value in array.ravel().tolist()]).reshape(array.shape)


def _number(name: str, value: Any) -> float:
    if value is None or str(value) in _MISSING:
        return np.nan
    for method in ("timestamp", "total_seconds"):
        if hasattr(value, method):
            return float(getattr(value, method)())
    if isinstance(value, str | bytes):
        raise TypeError(
            f"{name} must hold numbers, dates or durations; got the text {value!r}. Convert the "
            "column first, for example by pandas.to_datetime."
        )
    return float(value)


def _by_pair(
    name: str, items: Any, annotators: Any, numbers: Float, annotations: Annotations
) -> Float:
    codes = []
    for column, known in ((items, annotations.items), (annotators, annotations.annotators)):
        code, table = encode(column, name)
        if len(code) != len(numbers):
            raise ValueError(
                f"the three columns of {name} must be of one length; got {len(code):,} and "
                f"{len(numbers):,} rows."
            )
        codes.append(np.append(match(table, known), np.int32(-1))[code].astype(np.int64))
    item, who = codes
    found = (item >= 0) & (who >= 0)
    if len(numbers) and not found.any():
        raise ValueError(
            f"no (item, annotator) of {name} is among the annotations, whose items are "
            f"{first_few(annotations.items, 3)} and annotators "
            f"{first_few(annotations.annotators, 3)}. Compare their spelling and type (1 is not "
            "'1')."
        )
    found &= ~np.isnan(numbers)
    width = max(annotations.n_annotators, 1)
    keys, place = np.unique((item * width + who)[found], return_inverse=True)
    if not len(keys):
        return np.full(annotations.n_annotations, np.nan)
    first = np.zeros(len(keys))
    first[place] = numbers[found]  # means as differences from one value: dates keep their digits
    mean = first + np.bincount(place, numbers[found] - first[place]) / np.bincount(place)
    asked = annotations.item.astype(np.int64) * width + annotations.annotator
    at = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return np.where(keys[at] == asked, mean[at], np.nan)
