"""The two shapes of confusion matrices: (M, K, K) for people, (M·K, K) for kernels.

People read ``confusion[j, k, y]``, truth in the rows. Kernels read ``table[j·K + y, k]``, so
that one annotation touches one contiguous row.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import first_few
from aggregate.kernels.em import FLOOR
from aggregate.kernels.layout import annotator_label_codes

Float = NDArray[np.float64]

_LINE = 8  # doubles


def aligned_zeros(shape: tuple[int, ...]) -> Float:
    """Return zeros that begin on a cache line, so that short rows do not straddle two.

    Examples
    --------
    >>> aligned_zeros((3, 4)).ctypes.data % 64
    0
    """
    size = math.prod(shape)
    memory = np.zeros(size + _LINE)
    start = -(memory.ctypes.data // memory.itemsize) % _LINE
    return memory[start : start + size].reshape(shape)


def to_table(confusion: Float, *, floor: float = FLOOR) -> Float:
    """Return the kernels' table of confusion matrices, entries raised to ``floor``.

    There may be more responses than classes, in the last axis.

    Examples
    --------
    >>> to_table(np.array([[[0.9, 0.1], [0.3, 0.7]]]))
    array([[0.9, 0.3],
           [0.1, 0.7]])
    """
    n_classes = confusion.shape[1]
    table = confusion.transpose(0, 2, 1).reshape(-1, n_classes)
    return np.maximum(table, floor)


def to_confusion(table: Float) -> Float:
    """Return the (M, K, K) confusion matrices of a kernels' table, rows summing to one.

    Examples
    --------
    >>> to_confusion(np.array([[0.9, 0.3], [0.1, 0.7]]))
    array([[[0.9, 0.1],
            [0.3, 0.7]]])
    """
    n_classes = table.shape[1]
    confusion = np.ascontiguousarray(table.reshape(-1, n_classes, n_classes).transpose(0, 2, 1))
    confusion /= confusion.sum(axis=2, keepdims=True)
    return confusion


def row_codes(
    annotator: NDArray[np.int32], label: NDArray[np.int32], n_annotators: int, n_classes: int
) -> NDArray[np.uint32]:
    """Return the table row ``annotator·K + label`` of every annotation.

    Raises
    ------
    ValueError
        If the table would have more rows than a 32-bit code can name.
    """
    if n_annotators * n_classes >= 2**32:
        raise ValueError(
            f"{n_annotators} annotators times {n_classes} classes exceed the 2^32 rows of a "
            "table. Are the labels numbers to be averaged rather than classes?"
        )
    code = np.empty(len(annotator), dtype=np.uint32)
    annotator_label_codes(annotator, label, n_classes, code)
    return code


def check_confusion(name: str, confusion: Any, shape: tuple[int, int, int]) -> Float:
    """Return confusion matrices as float64, or say which annotator's is wrong.

    Parameters
    ----------
    name : str
        What the user calls them.
    confusion : array-like of shape (M, K, K)
        ``confusion[j, k, y]`` = P(annotator j says y | truth k).
    shape : (M, K, K)
        The shape they must have.

    Raises
    ------
    ValueError
        If the shape differs, an entry is negative or not finite, or a row does not sum to 1.
    """
    array = np.asarray(confusion, dtype=np.float64)
    if array.shape != shape:
        raise ValueError(
            f"{name} must have shape {shape} (annotators, true classes, reported classes); "
            f"got {array.shape}."
        )
    invalid = ~np.isfinite(array).all(axis=(1, 2)) | (array < 0).any(axis=(1, 2))
    invalid |= (abs(array.sum(axis=2) - 1) > 1e-6).any(axis=1)
    if invalid.any():
        raise ValueError(
            f"{name} must hold probabilities with every row (true class) summing to 1; "
            f"wrong for the annotators at {first_few(np.flatnonzero(invalid))}."
        )
    return array / array.sum(axis=2, keepdims=True)
