"""Items whose labels are counted alike are one pattern: find the patterns, compare their labels.

How far annotators agree follows from how often each class was said of an item, whoever said it.
Items with equal counts are found by the sum of random numbers, one per class, over their labels:
equal counts have equal sums, and two such sums of some 40 bits tell different counts apart.
"""

from __future__ import annotations

import numpy as np

from aggregate._jit import kernel


@kernel
def item_keys(item_ptr, label, salt, first, last, keys):
    """Fill ``keys[i]`` with the two sums of ``salt[y]`` over the labels y of items ``i``.

    Parameters
    ----------
    item_ptr : ndarray of int64, shape (N + 1,)
    label : ndarray of int32, shape (E,)
    salt : ndarray of int64, shape (K, 2)
        Positive random numbers, so small that no sum overflows.
    first, last : int
        The block of items.
    keys : ndarray of int64, shape (N, 2)
        Rows ``first`` to ``last`` are filled; of items without labels, with zeros.
    """
    for i in range(first, last):
        one = np.int64(0)
        other = np.int64(0)
        for e in range(item_ptr[i], item_ptr[i + 1]):
            one += salt[label[e], 0]
            other += salt[label[e], 1]
        keys[i, 0] = one
        keys[i, 1] = other


@kernel
def group_keys(keys, slots, example, frequency):
    """Find the different keys in the order of meeting; return how many there are.

    Parameters
    ----------
    keys : ndarray of int64, shape (N, 2)
        Rows of zeros are left out.
    slots : ndarray of int32, shape (S,)
        Scratch, filled with -1 by the caller; S is a power of two above N.
    example : ndarray of int64, shape (N,)
        Filled: the first item of each pattern.
    frequency : ndarray of int64, shape (N,)
        Filled: how many items each pattern has.
    """
    mask = slots.shape[0] - 1
    found = 0
    for i in range(keys.shape[0]):
        if keys[i, 0] == 0:
            continue
        place = keys[i, 0] & mask  # sums of random numbers: their low bits are random
        while True:
            pattern = slots[place]
            if pattern < 0:
                slots[place] = found
                example[found] = i
                frequency[found] = 1
                found += 1
                break
            known = example[pattern]
            if keys[known, 0] == keys[i, 0] and keys[known, 1] == keys[i, 1]:
                frequency[pattern] += 1
                break
            place = (place + 1) & mask
    return found


@kernel
def pattern_runs(item_ptr, label, example, pointers, classes, counts):
    """Fill the classes and counts of each pattern's labels; return how many entries there are.

    Parameters
    ----------
    item_ptr : ndarray of int64, shape (N + 1,)
    label : ndarray of int32, shape (E,)
    example : ndarray of int64, shape (U,)
        An item of each pattern.
    pointers : ndarray of int64, shape (U + 1,)
        Filled: pattern u has the entries ``pointers[u]:pointers[u + 1]``.
    classes : ndarray of int32, shape (R,)
        Filled, rising within each pattern; R is at least the labels of all examples.
    counts : ndarray of float64, shape (R,)
        Filled: how often each class was said.
    """
    free = 0
    pointers[0] = 0
    for u in range(example.shape[0]):
        i = example[u]
        said = np.sort(label[item_ptr[i] : item_ptr[i + 1]])
        for e in range(said.shape[0]):
            if e > 0 and said[e] == said[e - 1]:
                counts[free - 1] += 1.0
            else:
                classes[free] = said[e]
                counts[free] = 1.0
                free += 1
        pointers[u + 1] = free
    return free


@kernel
def weighted_pairs(pointers, classes, counts, weights, out):
    """Fill ``out[u]`` with the sum of ``weights`` over the pairs of labels, own pairs included.

    Parameters
    ----------
    pointers, classes, counts
        As `pattern_runs` fills them.
    weights : ndarray of shape (K, K)
    out : ndarray of shape (U,)
    """
    for u in range(out.shape[0]):
        total = 0.0
        for a in range(pointers[u], pointers[u + 1]):
            for b in range(pointers[u], pointers[u + 1]):
                total += counts[a] * counts[b] * weights[classes[a], classes[b]]
        out[u] = total


@kernel
def ratio_pairs(pointers, classes, counts, values, out):
    """Fill ``out[u]`` with the sum of ((v - w) / (v + w))² over the ordered pairs of labels.

    Parameters
    ----------
    pointers, classes, counts
        As `pattern_runs` fills them.
    values : ndarray of shape (K,)
        Non-negative value v of each class; two zeros do not differ.
    out : ndarray of shape (U,)
    """
    for u in range(out.shape[0]):
        total = 0.0
        for a in range(pointers[u], pointers[u + 1]):
            for b in range(a + 1, pointers[u + 1]):
                one, other = values[classes[a]], values[classes[b]]
                share = (one - other) / (one + other)
                total += 2.0 * counts[a] * counts[b] * share * share
        out[u] = total
