"""Count how three annotators, or three groups of annotators, label the same items."""

from __future__ import annotations

from aggregate._jit import helper, kernel


@helper
def _first_at_least(item_of, low, high, item):
    """Return the first place from ``low`` to ``high`` whose item is not before ``item``."""
    step = 1
    while low + step < high and item_of[low + step] < item:
        low += step
        step *= 2
    high = min(high, low + step + 1)
    while low < high:
        middle = (low + high) // 2
        if item_of[middle] < item:
            low = middle + 1
        else:
            high = middle
    return low


@helper
def _add_item(item_of, label_of, e, f, g, ends, amount, counts):
    """Add one shared item: every combination of the labels that the three gave it."""
    item = item_of[e]
    one = e
    while one < ends[0] and item_of[one] == item:
        two = f
        while two < ends[1] and item_of[two] == item:
            three = g
            while three < ends[2] and item_of[three] == item:
                counts[label_of[one], label_of[two], label_of[three]] += amount
                three += 1
            two += 1
        one += 1


@kernel
def add_triples(
    annotator_ptr, item_of, label_of, triples, order, weight, first, last, place, shared, counts
):
    """Add to ``counts[t, a, b, c]`` the items that triple ``t`` labelled a, b and c.

    Triples come sorted, so the items of a first annotator are marked once for all their
    triples, and what they share with a second annotator is found once for all thirds.

    Parameters
    ----------
    annotator_ptr : ndarray of int64, shape (M + 1,)
    item_of, label_of : ndarray of int32, shape (E,)
        Items, rising, and labels in annotator-major order.
    triples : ndarray of int64, shape (T, 3)
        Three different annotators each.
    order : ndarray of int64, shape (T,)
        The triples in rising order of their annotators.
    weight : ndarray of shape (N,) or (0,)
        Weight of each item; empty for one each.
    first, last : int
        The block of ``order``.
    place : ndarray of int64, shape (N,)
        Scratch, filled with -1 by the caller.
    shared : ndarray of int64, shape (L, 2)
        Scratch, L at least the most labels of one annotator.
    counts : ndarray of shape (T, K, K, K)
        Added to. Repeated labels count in every combination.
    """
    u, v, n = -1, -1, 0
    for s in range(first, last):
        t = order[s]
        if triples[t, 0] != u:
            if u >= 0:
                for e in range(annotator_ptr[u], annotator_ptr[u + 1]):
                    place[item_of[e]] = -1
            u, v = triples[t, 0], -1
            for e in range(annotator_ptr[u + 1] - 1, annotator_ptr[u] - 1, -1):
                place[item_of[e]] = e  # of repeats, the first
        if triples[t, 1] != v:
            v, n = triples[t, 1], 0
            for f in range(annotator_ptr[v], annotator_ptr[v + 1]):
                e = place[item_of[f]]
                if e >= 0 and (n == 0 or shared[n - 1, 0] != e):
                    shared[n, 0], shared[n, 1] = e, f
                    n += 1
        g, end = annotator_ptr[triples[t, 2]], annotator_ptr[triples[t, 2] + 1]
        ends = (annotator_ptr[u + 1], annotator_ptr[v + 1], end)
        for c in range(n):
            item = item_of[shared[c, 0]]
            g = _first_at_least(item_of, g, end, item)
            if g == end:
                break
            if item_of[g] == item:
                amount = weight[item] if weight.shape[0] else 1.0
                _add_item(item_of, label_of, shared[c, 0], shared[c, 1], g, ends, amount, counts[t])


@kernel
def group_votes(item_ptr, annotator, label, group, first, last, votes):
    """Fill ``votes[i, g, y]`` with how many annotators of group ``g`` said ``y`` on item ``i``.

    Parameters
    ----------
    item_ptr : ndarray of int64, shape (N + 1,)
    annotator, label : ndarray of int32, shape (E,)
    group : ndarray of int64, shape (M,)
        Group of each annotator, -1 for none.
    first, last : int
        The block of items.
    votes : ndarray of shape (N, G, K)
        Rows ``first`` to ``last`` are filled.
    """
    for i in range(first, last):
        votes[i] = 0.0
        for e in range(item_ptr[i], item_ptr[i + 1]):
            g = group[annotator[e]]
            if g >= 0:
                votes[i, g, label[e]] += 1.0
