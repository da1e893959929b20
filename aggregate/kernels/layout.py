"""Put annotations in order by counting sort, and count them."""

from __future__ import annotations

import numpy as np

from aggregate._jit import kernel


@kernel
def stable_order(keys, order, pointers, out):
    """Fill ``out`` with ``order`` rearranged so that ``keys[out]`` never falls; ties keep place.

    Parameters
    ----------
    keys : ndarray of int32, shape (E,)
        Sort keys from 0 to n - 1.
    order : ndarray of int64, shape (E,)
        The order to refine.
    pointers : ndarray of int64, shape (n + 1,)
        Filled: the entries with key ``k`` stand in ``out[pointers[k] : pointers[k + 1]]``.
    out : ndarray of int64, shape (E,)
        Filled with the new order.
    """
    n_keys = pointers.shape[0] - 1
    pointers[:] = 0
    for e in range(keys.shape[0]):
        pointers[keys[e] + 1] += 1
    for k in range(n_keys):
        pointers[k + 1] += pointers[k]
    # The starts serve as cursors and end up one key ahead; the shift below restores them.
    for position in range(order.shape[0]):
        e = order[position]
        out[pointers[keys[e]]] = e
        pointers[keys[e]] += 1
    for k in range(n_keys, 0, -1):
        pointers[k] = pointers[k - 1]
    pointers[0] = 0


@kernel
def annotator_label_codes(annotator, label, n_classes, code):
    """Fill ``code[e] = annotator[e]·K + label[e]``, the row of annotation ``e`` in a table."""
    for e in range(annotator.shape[0]):
        code[e] = np.int64(annotator[e]) * n_classes + label[e]


@kernel
def item_of_annotation(item_ptr, item):
    """Fill ``item[e]`` with the item that annotation ``e`` belongs to."""
    for i in range(item_ptr.shape[0] - 1):
        for e in range(item_ptr[i], item_ptr[i + 1]):
            item[e] = i
