"""Posteriors added to a range of the rows of counts: the second half of a pass, shared by threads.

Where the tables are large, threads cannot have one each. They share one: each thread goes
through all the labels and adds those of its own annotators. Labels are looked at some hundred at
a time: those in the range are noted, and their rows of counts fetched, before any is added to.
Every row takes its labels in the items' order, whatever the ranges.
"""

from __future__ import annotations

import numpy as np

from aggregate._jit import kernel
from aggregate._simd import add_to, load, prefetch

_NOTED = 1 << 14  # doubles in the rows that are fetched before they are added to


@kernel
def add_posteriors(item_ptr, code, posterior, first, last, start_row, stop_row, counts, unit):
    """Add the posteriors of the items ``first`` to ``last`` to some rows of the counts.

    Parameters
    ----------
    item_ptr : ndarray of int64, shape (N + 1,)
    code : ndarray of uint32, shape (E,)
        ``annotator·K + label`` of each annotation.
    posterior : ndarray of shape (last - first, K)
    first, last : int
        The block of items.
    start_row, stop_row : int
        Rows that are added to; labels with other codes are passed over.
    counts : ndarray of shape (M·K, K)
        Added to.
    unit : tuple of floats
        As many as a vector is long: K, or fewer (see `em.class_tuple`).
    """
    n_classes, width = counts.shape[1], len(unit)
    n_whole = n_classes - n_classes % width
    start_row, stop_row = np.uint64(start_row), np.uint64(stop_row)
    most = max(16, min(1024, _NOTED // n_classes))
    rows, items = np.empty(most + 1, dtype=np.uint32), np.empty(most + 1, dtype=np.uint32)
    i, e, stop = first, np.uint64(item_ptr[first]), np.uint64(item_ptr[last])
    while e < stop:
        end, noted = min(e + np.uint64(most), stop), 0
        while e < end:
            own_end = min(np.uint64(item_ptr[i + 1]), end)
            for own in range(e, own_end):
                rows[noted], items[noted] = code[own], i - first
                noted += (code[own] >= start_row) & (code[own] < stop_row)
            e = own_end
            i += e == np.uint64(item_ptr[i + 1])
        for n in range(noted):
            for column in range(0, n_whole, width):
                prefetch(counts, rows[n], column, unit)
        for n in range(noted):
            for column in range(0, n_whole, width):
                add_to(counts, rows[n], column, load(posterior, items[n], column, unit))
            for column in range(n_whole, n_classes):
                counts[rows[n], column] += posterior[items[n], column]
