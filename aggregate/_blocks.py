"""Run a kernel over blocks of items, in threads if asked, and add up what the blocks return.

The number of blocks depends on the data alone and the sums are taken in the blocks' order, so
every result is the same to the last bit for any number of threads. Kernels release the
interpreter lock; ordinary threads therefore suffice, concurrent fits do not disturb each
other, and nothing is left behind that a fork could trip over.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Result = TypeVar("Result")

_MOST_BLOCKS = 16
_ANNOTATIONS_PER_BLOCK = 1 << 18


def item_blocks(item_ptr: NDArray[np.int64], *, table_size: int = 0) -> NDArray[np.int64]:
    """Return the bounds of item blocks that hold about equally many annotations.

    There are 1, 2, 4, 8 or 16 of them (fewer where single items are that large).

    Parameters
    ----------
    item_ptr : ndarray of int64, shape (N + 1,)
        Where each item's annotations begin.
    table_size : int
        Rows of the table that each block fills for itself; with large tables, fewer blocks,
        so that adding them up never costs more than filling them.

    Returns
    -------
    ndarray of int64, shape (B + 1,)
        Block ``b`` holds the items ``bounds[b]:bounds[b + 1]``.

    Examples
    --------
    >>> item_blocks(np.array([0, 2, 3, 3])).tolist()
    [0, 3]
    """
    n_items, n_annotations = len(item_ptr) - 1, int(item_ptr[-1])
    n_blocks = max(1, min(_MOST_BLOCKS, n_annotations // _ANNOTATIONS_PER_BLOCK))
    n_blocks = 1 << (n_blocks - 1).bit_length()  # so that two or four threads share them evenly
    while n_blocks > 1 and n_annotations < n_blocks * table_size:
        n_blocks //= 2
    starts = np.linspace(0, n_annotations, n_blocks + 1)[1:-1]
    inner = np.searchsorted(item_ptr, np.ceil(starts).astype(np.int64))  # no copy as floats
    return np.unique(np.concatenate(([0], inner, [n_items]))).astype(np.int64)


def count_threads(n_jobs: int | None) -> int:
    """Return how many threads ``n_jobs`` asks for: None is one, -1 all the processors.

    Examples
    --------
    >>> count_threads(None), count_threads(3)
    (1, 3)
    """
    if n_jobs is None:
        return 1
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, int | np.integer) or n_jobs == 0:
        raise ValueError(f"n_jobs must be None or a whole number other than 0; got {n_jobs!r}.")
    if n_jobs > 0:
        return int(n_jobs)
    has_affinity = hasattr(os, "sched_getaffinity")  # not on macOS and Windows
    available = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    return max(1, available + 1 + int(n_jobs))


def run_blocks(
    task: Callable[[int, int], Result], bounds: NDArray[np.int64], n_jobs: int | None = None
) -> Iterator[Result]:
    """Yield ``task(first, last)`` of every block in the blocks' order.

    At most one block per thread is under way or waiting to be taken, so that results which
    own large tables never pile up.

    Examples
    --------
    >>> list(run_blocks(lambda first, last: last - first, np.array([0, 3, 5])))
    [3, 2]
    """
    pairs = list(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True))
    n_threads = min(count_threads(n_jobs), len(pairs))
    if n_threads <= 1:
        for first, last in pairs:
            yield task(first, last)
        return
    with ThreadPoolExecutor(n_threads) as pool:
        waiting: deque[Future[Result]] = deque()
        for first, last in pairs:
            if len(waiting) == n_threads:
                yield waiting.popleft().result()
            waiting.append(pool.submit(task, first, last))
        while waiting:
            yield waiting.popleft().result()


def fill_blocks(
    task: Callable[[int, int], object], bounds: NDArray[np.int64], n_jobs: int | None = None
) -> None:
    """Run a task whose blocks each write their own slice and return nothing of use."""
    for _ in run_blocks(task, bounds, n_jobs):
        pass
