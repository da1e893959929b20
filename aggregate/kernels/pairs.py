"""Count how pairs of annotators label the same items: a sparse product by two sorts.

The co-labels (two labels of one item) are put in buckets by their second annotator, reading the
votes in the order in which they lie, and from there in buckets by their first. Each pair's
co-labels then stand together, in the order of the items, and are counted in one walk. The cost is
the sum of squared labels per item, whatever the number of annotators.
"""

from __future__ import annotations

from aggregate._jit import kernel


@kernel
def count_colabels(item_ptr, annotator, follower, start, stop, first, last, by_first, by_second):
    """Add how many co-labels each annotator is the first of, and the second.

    Parameters
    ----------
    item_ptr : ndarray of int64, shape (N + 1,)
    annotator : ndarray of int32, shape (E,)
        Annotators in item-major order, rising within an item.
    follower : ndarray of int64, shape (N,) or (0,)
        The item whose labels count as the partner's, -1 for none, and all ordered pairs count;
        empty for the item itself, and only pairs ``j < l`` count.
    start, stop : int
        The items to look at.
    first, last : int
        The block of first annotators.
    by_first : ndarray of int64, shape (last - first,)
        Added to.
    by_second : ndarray of int64, shape (M,)
        Added to.
    """
    for i in range(start, stop):
        other = follower[i] if follower.shape[0] else i
        if other < 0:
            continue
        end = item_ptr[other + 1]
        for e in range(item_ptr[i], item_ptr[i + 1]):
            j = annotator[e]
            if j < first or j >= last:
                continue
            for f in range(item_ptr[other] if follower.shape[0] else e + 1, end):
                if annotator[f] != j or follower.shape[0]:
                    by_second[annotator[f]] += 1
                    by_first[j - first] += 1


@kernel
def sort_by_second(
    item_ptr, annotator, label, follower, start, stop, first, last, n_classes, place, firsts,
    cell, item,
):  # fmt: skip
    """Put the co-labels of a block of first annotators in buckets by their second.

    Parameters
    ----------
    item_ptr, annotator, follower, start, stop, first, last
        As in `count_colabels`.
    label : ndarray of int32, shape (E,)
    n_classes : int
    place : ndarray of int64, shape (M,)
        The next free place of each bucket; moved on.
    firsts, cell : ndarray of int32, shape (C,)
        Filled: the first annotator, and ``a * K + b`` where they said a and the second b.
    item : ndarray of int32, shape (C,) or (0,)
        Filled with the item, if it is not empty.
    """
    for i in range(start, stop):
        other = follower[i] if follower.shape[0] else i
        if other < 0:
            continue
        end = item_ptr[other + 1]
        for e in range(item_ptr[i], item_ptr[i + 1]):
            j = annotator[e]
            if j < first or j >= last:
                continue
            row = label[e] * n_classes
            for f in range(item_ptr[other] if follower.shape[0] else e + 1, end):
                if annotator[f] == j and not follower.shape[0]:
                    continue
                at = place[annotator[f]]
                place[annotator[f]] = at + 1
                firsts[at] = j
                cell[at] = row + label[f]
                if item.shape[0]:
                    item[at] = i


@kernel
def sort_by_first(
    second_ptr, first, firsts, cell, item, place, seconds, sorted_cell, sorted_item, n_partners
):
    """Put the co-labels in buckets by their first annotator; the seconds rise within each.

    Parameters
    ----------
    second_ptr : ndarray of int64, shape (M + 1,)
        Where the buckets that `sort_by_second` filled begin.
    first : int
        The first annotator of the block.
    firsts, cell, item
        As `sort_by_second` filled them.
    place : ndarray of int64, shape (B,)
        The next free place of each bucket; moved on.
    seconds, sorted_cell : ndarray of int32, shape (C,)
        Filled.
    sorted_item : ndarray of int32, shape (C,) or (0,)
        Filled, if ``item`` is not empty.
    n_partners : ndarray of int64, shape (B,)
        Filled with the number of different seconds of each first.
    """
    n_partners[:] = 0
    for m in range(second_ptr.shape[0] - 1):
        for c in range(second_ptr[m], second_ptr[m + 1]):
            r = firsts[c] - first
            at = place[r]
            if n_partners[r] == 0 or seconds[at - 1] != m:
                n_partners[r] += 1
            place[r] = at + 1
            seconds[at] = m
            sorted_cell[at] = cell[c]
            if item.shape[0]:
                sorted_item[at] = item[c]


@kernel
def add_colabels(first_ptr, first, seconds, cell, item, weight, pairs, counts):
    """Add the co-labels up to one table per pair.

    Parameters
    ----------
    first_ptr : ndarray of int64, shape (B + 1,)
        Where the bucket of each first annotator begins.
    first : int
        The first annotator of the block.
    seconds, cell, item
        As `sort_by_first` filled them.
    weight : ndarray of shape (N,)
        Weight of each item, if ``item`` is not empty; one each otherwise.
    pairs : ndarray of int32, shape (P, 2)
        Filled.
    counts : ndarray of shape (P, K * K)
        Added to.
    """
    p = -1
    for r in range(first_ptr.shape[0] - 1):
        for c in range(first_ptr[r], first_ptr[r + 1]):
            if c == first_ptr[r] or seconds[c] != seconds[c - 1]:
                p += 1
                pairs[p, 0] = first + r
                pairs[p, 1] = seconds[c]
            counts[p, cell[c]] += weight[item[c]] if item.shape[0] else 1.0
