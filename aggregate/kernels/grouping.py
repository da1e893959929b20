"""Rows to partitions of consecutive items, and the rows of a partition to items."""

from __future__ import annotations

import numpy as np

from aggregate._jit import helper, kernel

_FEW = 48  # labels of an item up to which insertion beats merging


@kernel
def number_parts(keys, splitters, part):
    """Fill ``part[r]`` with how many of the sorted splitters are at most ``keys[r]``."""
    n_splitters = splitters.shape[0]
    for r in range(keys.shape[0]):
        low, high = 0, n_splitters
        while low < high:
            middle = (low + high) // 2
            if splitters[middle] <= keys[r]:
                low = middle + 1
            else:
                high = middle
        part[r] = low


@helper
def _at_most(text, start, stop, other, other_start, other_stop):
    """Say whether ``text[start:stop]`` comes before ``other`` or equals it, byte by byte."""
    length, other_length = stop - start, other_stop - other_start
    for place in range(min(length, other_length)):
        here, there = text[start + place], other[other_start + place]
        if here != there:
            return here < there
    return length <= other_length


@kernel
def text_parts(offsets, text, splitter_offsets, splitters, part):
    """Do the same for UTF-8 text: row r is ``text[offsets[r]:offsets[r + 1]]``."""
    n_splitters = splitter_offsets.shape[0] - 1
    for r in range(offsets.shape[0] - 1):
        low, high = 0, n_splitters
        while low < high:
            middle = (low + high) // 2
            if _at_most(
                splitters, splitter_offsets[middle], splitter_offsets[middle + 1],
                text, offsets[r], offsets[r + 1],
            ):  # fmt: skip
                low = middle + 1
            else:
                high = middle
        part[r] = low


@kernel
def stable_places(part, starts, order):
    """Fill ``order`` with the rows by part, the rows' order kept within each.

    Parameters
    ----------
    part : ndarray of int32, shape (n,)
    starts : ndarray of int64, shape (P + 1,)
        Filled: the rows of part p stand in ``order[starts[p]:starts[p + 1]]``.
    order : ndarray of int32, shape (n,)
        Filled.
    """
    n_parts = starts.shape[0] - 1
    starts[:] = 0
    for r in range(part.shape[0]):
        starts[part[r] + 1] += 1
    for p in range(n_parts):
        starts[p + 1] += starts[p]
    for r in range(part.shape[0]):
        order[starts[part[r]]] = r
        starts[part[r]] += 1
    for p in range(n_parts, 0, -1):
        starts[p] = starts[p - 1]
    starts[0] = 0


@kernel
def rows_by_item(item, annotator, label, rank, new_label, n_classes, starts, code):
    """Put rows in the order of their items, as ``annotator·K + label``, -1 without a label.

    Parameters
    ----------
    item : ndarray of int, shape (n,)
        Place of each row's item in the partition.
    annotator, label : ndarray of int32, shape (n,)
        Codes in the order of their first appearance; -1 where missing.
    rank, new_label : ndarray of int32
        The codes in sorted order that those stand for.
    n_classes : int
    starts : ndarray of int64, shape (n_items + 1,)
        Filled: where each item's rows begin.
    code : ndarray of int64, shape (n,)
        Filled.
    """
    starts[:] = 0
    for r in range(item.shape[0]):
        starts[item[r] + 1] += 1
    for i in range(starts.shape[0] - 1):
        starts[i + 1] += starts[i]
    for r in range(item.shape[0]):
        value = np.int64(-1)
        if label[r] >= 0:
            value = np.int64(rank[annotator[r]]) * n_classes + new_label[label[r]]
        code[starts[item[r]]] = value
        starts[item[r]] += 1
    for i in range(starts.shape[0] - 1, 0, -1):
        starts[i] = starts[i - 1]
    starts[0] = 0


@helper
def _sort(code, start, stop, unit):
    """Sort ``code[start:stop]`` by ``code // unit``, equal ones in the order they had."""
    if stop - start > _FEW:
        part = code[start:stop].copy()
        order = np.argsort(part // unit, kind="mergesort")
        for place in range(order.shape[0]):
            code[start + place] = part[order[place]]
        return
    for r in range(start + 1, stop):
        value = code[r]
        key = value // unit
        place = r
        while place > start and code[place - 1] // unit > key:
            code[place] = code[place - 1]
            place -= 1
        code[place] = value


@kernel
def settle_items(starts, code, n_classes, policy, n_labels, annotator, label, repeated):
    """Order each item's labels, deal with repeats and drop what has no label.

    Parameters
    ----------
    starts, code : ndarray
        As `rows_by_item` filled them; ``code`` is changed.
    n_classes : int
    policy : int
        Of several labels by an annotator on an item: 0 keeps all, 1 the first row, 2 the last.
    n_labels : ndarray of int64, shape (n_items,)
        Filled: labels of each item that are kept.
    annotator, label : ndarray of int32, shape (n,)
        Filled from the front.
    repeated : ndarray of int64, shape (m, 2)
        Filled with item and annotator of the first repeats.

    Returns
    -------
    n_kept, n_repeats : int
        Labels that are kept; labels beyond the first of a pair, kept or not.
    """
    n_kept, n_repeats = 0, 0
    unit = np.int64(1) if policy == 0 else np.int64(n_classes)
    for i in range(starts.shape[0] - 1):
        _sort(code, starts[i], starts[i + 1], unit)
        before, previous = n_kept, np.int64(-1)
        for r in range(starts[i], starts[i + 1]):
            if code[r] < 0:
                continue
            who = code[r] // n_classes
            repeat = who == previous
            previous = who
            if repeat:
                if n_repeats < repeated.shape[0]:
                    repeated[n_repeats, 0], repeated[n_repeats, 1] = i, who
                n_repeats += 1
                if policy == 1:
                    continue
                if policy == 2:
                    n_kept -= 1
            annotator[n_kept] = who
            label[n_kept] = code[r] - who * n_classes
            n_kept += 1
        n_labels[i] = n_kept - before
    return n_kept, n_repeats
