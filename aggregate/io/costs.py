"""From a file of what mistakes cost to a table."""

from __future__ import annotations

import os
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._encoding import encode, match
from aggregate._validation import first_few
from aggregate.io.errors import ReadError
from aggregate.io.read import open_table
from aggregate.io.source import Source
from aggregate.io.text import Column, restored, without_missing

COLUMNS: Final = ("truth", "label", "cost")


def read_costs(path: str | os.PathLike[str] | BinaryIO, classes: ArrayLike) -> NDArray[np.float64]:
    r"""Read what mistakes cost: one row per true class and decided label.

    Parameters
    ----------
    path : str, path-like or binary file object
        A file as `read_annotations` reads one, with the columns truth, label and cost. What
        is not among its rows must be a right decision, which costs nothing.
    classes : array-like of shape (K,)
        The classes in the order of the table.

    Returns
    -------
    ndarray of shape (K, K)
        ``costs[k, d]`` of deciding d when the truth is k.

    Raises
    ------
    ReadError
        If the file cannot be read, lacks a column or a mistake, names another class, gives two
        costs for one mistake, or a cost is no finite number.

    Examples
    --------
    >>> import io
    >>> from aggregate.io import read_costs
    >>> file = io.BytesIO(b"truth,label,cost\nill,well,20\nwell,ill,1\n")
    >>> read_costs(file, ["ill", "well"])
    array([[ 0., 20.],
           [ 1.,  0.]])
    """
    with Source(path) as source:
        name = source.name
        _, table = open_table(source, None)
        lacking = [column for column in COLUMNS if column not in table.names]
        if lacking:
            raise ReadError(
                f"{name} lacks the column {' and '.join(lacking)}: costs are given by the columns "
                f"{', '.join(COLUMNS)}; it has {first_few(table.names)}."
            )
        columns = [without_missing(column)[0] for column in table.load(COLUMNS)]
    if any((column.codes < 0).any() for column in columns):
        raise ReadError(f"{name} has empty cells: fill truth, label and cost in every row.")
    known = np.asarray(classes)
    truth, decided = (_places(name, column, known) for column in columns[:2])
    return _table(name, truth, decided, _numbers(name, columns[2]), known)


def _places(name: str, column: Column, classes: NDArray[Any]) -> NDArray[np.int64]:
    """Return the class code of each row: by value, or else by how it is written."""
    codes, values = encode(Column(column.codes, restored(column.values)).to_arrow(), "classes")
    place = match(values, classes)
    by_text = {str(value): k for k, value in enumerate(classes.tolist())}
    written = [by_text.get(str(value), -1) for value in values.tolist()]
    place = np.where(place >= 0, place, np.array(written, dtype=np.int64))
    if (place < 0).any():
        raise ReadError(
            f"{name} names classes that the votes do not have: {first_few(values[place < 0])}; "
            f"they have {first_few(classes)}."
        )
    return np.asarray(place[codes], dtype=np.int64)


def _numbers(name: str, column: Column) -> NDArray[np.float64]:
    texts, found = column.values.to_pylist(), []
    for text in texts:
        try:
            found.append(float(text))
        except (TypeError, ValueError) as error:
            raise ReadError(f"{name} has a cost that is no number: {text!r}.") from error
    numbers = np.array(found, dtype=np.float64)
    if not np.isfinite(numbers).all():
        raise ReadError(f"{name} has a cost that is not finite: {first_few(numbers)}.")
    return numbers[column.codes] if len(numbers) else np.zeros(len(column.codes))


def _table(
    name: str,
    truth: NDArray[np.int64],
    decided: NDArray[np.int64],
    numbers: NDArray[np.float64],
    classes: NDArray[Any],
) -> NDArray[np.float64]:
    costs = np.full((len(classes), len(classes)), np.nan)
    costs[truth, decided] = numbers
    twice = costs[truth, decided] != numbers
    if twice.any():
        row = int(np.flatnonzero(twice)[0])
        pair = f"{classes[decided[row]]} for {classes[truth[row]]}"
        raise ReadError(f"{name} gives more than one cost for deciding {pair}: keep one row.")
    right = np.eye(len(classes), dtype=bool)
    costs[right & np.isnan(costs)] = 0.0
    lacking = np.argwhere(np.isnan(costs))
    if len(lacking):
        pairs = [f"{classes[d]} for {classes[k]}" for k, d in lacking.tolist()]
        raise ReadError(f"{name} gives no cost for deciding {first_few(pairs)}: add these rows.")
    return costs
