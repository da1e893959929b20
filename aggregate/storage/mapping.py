"""Arrays mapped from files: which they are, and how to give their pages back.

A mapped page that was read stays resident until memory runs short. That is harmless (the system
takes it back when it needs it), but whoever watches the size of the process sees the whole file.
`release` gives the pages of a block back once the block is done.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_AT_ONCE = 1 << 22  # values looked at together
_ADVICE = getattr(mmap, "MADV_DONTNEED", None)  # not on Windows


def mapped_array(path: Path, dtype: np.dtype[Any], length: int) -> NDArray[Any]:
    """Return a read-only array over a file of raw values; an empty one needs no file mapped."""
    if length == 0:
        return np.empty(0, dtype=dtype)
    return np.asarray(np.memmap(path, dtype=dtype, mode="r", shape=(length,)))


def is_mapped(array: NDArray[Any]) -> bool:
    """Return whether an array is a view of a file.

    Examples
    --------
    >>> is_mapped(np.zeros(3))
    False
    """
    return _map_under(array) is not None


def release(array: NDArray[Any]) -> None:
    """Give back the pages under a contiguous view of a mapped array; others are left alone.

    The values stay readable: the next look at them fetches the pages again, as a rule from
    the system's cache.
    """
    beneath = _map_under(array)
    if beneath is None or _ADVICE is None or array.size == 0:
        return
    origin = np.frombuffer(beneath, dtype=np.uint8, count=1).ctypes.data
    start = array.ctypes.data - origin
    first = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE
    last = (start + array.nbytes) // mmap.PAGESIZE * mmap.PAGESIZE
    if last > first:
        beneath.madvise(_ADVICE, first, last - first)


def _map_under(array: NDArray[Any]) -> mmap.mmap | None:
    """Go down the chain of views to the file at its bottom, if there is one."""
    base: Any = array
    while isinstance(base, np.ndarray | memoryview):
        base = base.base if isinstance(base, np.ndarray) else base.obj
    return base if isinstance(base, mmap.mmap) else None


def pieces(array: NDArray[Any], overlap: int = 0) -> Iterator[NDArray[Any]]:
    """Yield consecutive slices of an array and, where it is mapped, release each after use.

    Examples
    --------
    >>> [piece.tolist() for piece in pieces(np.arange(3))]
    [[0, 1, 2]]
    """
    for first in range(0, len(array), _AT_ONCE):
        piece = array[first : first + _AT_ONCE + overlap]
        yield piece
        release(piece)


def count_codes(codes: NDArray[np.int32], size: int) -> NDArray[np.int64]:
    """Return how often each code from 0 to ``size - 1`` occurs, slice by slice.

    Examples
    --------
    >>> count_codes(np.array([2, 0, 2], dtype=np.int32), 4)
    array([1, 0, 2, 0])
    """
    counts = np.zeros(size, dtype=np.int64)
    for piece in pieces(codes):
        counts += np.bincount(piece, minlength=size)
    return counts
