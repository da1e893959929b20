"""Find the items with the very same labels by the same annotators, which EM need visit once.

With few annotators, as the labelling functions of weak supervision, millions of items share
some thousands of patterns. An item's pattern is its run of codes (sorted within the item, so
equal sets are equal runs) and its known class.
"""

from __future__ import annotations

import numpy as np

from aggregate._jit import kernel

_MULTIPLIER = np.uint64(0x9E3779B1)  # a prime near 2^32 over the golden ratio
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_FREE = -1


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
        start, length = item_ptr[i], item_ptr[i + 1] - item_ptr[i]
        known = gold[i] if gold.shape[0] else -1
        if length == 0 and known < 0:
            continue
        slot = np.uint64(known + 2)  # of a mixture of class and codes, in 32 bits
        for e in range(start, start + length):
            slot = (slot ^ np.uint64(code[e])) * _MULTIPLIER  # below 2^64
            slot = (slot ^ (slot >> _HALF)) & _LOW
        slot &= mask
        while slots[slot] >= 0:  # until it is this pattern's, or free
            other = first[slots[slot]]
            begin, n_equal = item_ptr[other], 0
            if item_ptr[other + 1] - begin == length and (
                gold.shape[0] == 0 or gold[other] == known
            ):
                while n_equal < length and code[start + n_equal] == code[begin + n_equal]:
                    n_equal += 1
                if n_equal == length:
                    break
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
