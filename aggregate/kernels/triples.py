"""Count how three annotators, or three groups of annotators, label the same items."""

from __future__ import annotations

from aggregate._jit import kernel


@kernel
def add_triples(annotator_ptr, item_of, label_of, triples, weight, first, last, counts):
    """Add to ``counts[t, a, b, c]`` the items that triple ``t`` labelled a, b and c.

    Each annotator's items are in rising order, so the three lists are walked side by side.

    Parameters
    ----------
    annotator_ptr : ndarray of int64, shape (M + 1,)
    item_of, label_of : ndarray of int32, shape (E,)
        Items and labels in annotator-major order.
    triples : ndarray of int64, shape (T, 3)
        Three different annotators each.
    weight : ndarray of shape (N,) or (0,)
        Weight of each item; empty for one each.
    first, last : int
        The block of triples.
    counts : ndarray of shape (T, K, K, K)
        Added to. Repeated labels count in every combination.
    """
    for t in range(first, last):
        u, v, w = triples[t, 0], triples[t, 1], triples[t, 2]
        e, f, g = annotator_ptr[u], annotator_ptr[v], annotator_ptr[w]
        e_end, f_end, g_end = annotator_ptr[u + 1], annotator_ptr[v + 1], annotator_ptr[w + 1]
        while e < e_end and f < f_end and g < g_end:
            item = max(item_of[e], item_of[f], item_of[g])
            while e < e_end and item_of[e] < item:
                e += 1
            while f < f_end and item_of[f] < item:
                f += 1
            while g < g_end and item_of[g] < item:
                g += 1
            if e == e_end or f == f_end or g == g_end:
                break
            if item_of[e] != item or item_of[f] != item or item_of[g] != item:
                continue
            amount = weight[item] if weight.shape[0] else 1.0
            f_start, g_start = f, g
            while e < e_end and item_of[e] == item:
                f = f_start
                while f < f_end and item_of[f] == item:
                    g = g_start
                    while g < g_end and item_of[g] == item:
                        counts[t, label_of[e], label_of[f], label_of[g]] += amount
                        g += 1
                    f += 1
                e += 1


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
