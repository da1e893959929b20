"""Find the items with the very same labels by the same annotators, which EM need visit once.

With few annotators, as the labelling functions of weak supervision, millions of items share
some thousands of patterns. An item's pattern is its run of codes (sorted within the item, so
equal sets are equal runs) and its known class.
"""

from __future__ import annotations

import numpy as np

from aggregate._jit import helper, kernel

_MULTIPLIER = np.uint64(0x9E3779B1)  # a prime near 2^32 over the golden ratio
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_FREE = -1


@helper
def _hash(item_ptr, code, gold, i):
    """Mix an item's codes and its known class into 32 bits."""
    value = np.uint64(gold[i] + 2 if gold.shape[0] else 1)
    for e in range(item_ptr[i], item_ptr[i + 1]):
        value = (value ^ np.uint64(code[e])) * _MULTIPLIER  # below 2^64
        value = (value ^ (value >> _HALF)) & _LOW
    return value


@helper
def _same(item_ptr, code, gold, i, other):
    """Whether two items have one pattern."""
    start, length = item_ptr[i], item_ptr[i + 1] - item_ptr[i]
    begin = item_ptr[other]
    if item_ptr[other + 1] - begin != length or (gold.shape[0] and gold[i] != gold[other]):
        return False
    n_equal = 0
    while n_equal < length and code[start + n_equal] == code[begin + n_equal]:
        n_equal += 1
    return n_equal == length


@kernel
def find_patterns(item_ptr, code, gold, step, slots, first, weight):
    """Find the patterns of every ``step``-th item, in the order in which they come.

    Items that nobody labelled and whose class is unknown are left out.

    Parameters
    ----------
    item_ptr : ndarray of int64, shape (N + 1,)
    code : ndarray of uint32, shape (E,)
    gold : ndarray of int32, shape (N,) or (0,)
    step : int
    slots : ndarray of int64, shape (S,)
        Workspace; S is a power of two, at least twice the length of ``first``.
    first : ndarray of int64, shape (P,)
        Filled: the first item of each pattern.
    weight : ndarray of float64, shape (P,)
        Filled: how many items have it.

    Returns
    -------
    int
        The number of patterns, or -1 if there are more than P.
    """
    slots[:] = _FREE
    mask = np.uint64(slots.shape[0] - 1)
    n_patterns = 0
    for i in range(0, item_ptr.shape[0] - 1, step):
        if item_ptr[i] == item_ptr[i + 1] and (gold.shape[0] == 0 or gold[i] < 0):
            continue
        slot = _hash(item_ptr, code, gold, i) & mask
        while slots[slot] >= 0 and not _same(item_ptr, code, gold, i, first[slots[slot]]):
            slot = (slot + np.uint64(1)) & mask
        if slots[slot] < 0:
            if n_patterns == first.shape[0]:
                return -1
            slots[slot] = n_patterns
            first[n_patterns] = i
            weight[n_patterns] = 0.0
            n_patterns += 1
        weight[slots[slot]] += 1.0
    return n_patterns


@kernel
def copy_patterns(item_ptr, code, first, pattern_ptr, pattern_code):
    """Fill ``pattern_code`` with the codes of the items ``first``, one run after another."""
    for p in range(first.shape[0]):
        start, place = item_ptr[first[p]], pattern_ptr[p]
        for e in range(pattern_ptr[p + 1] - place):
            pattern_code[place + e] = code[start + e]
