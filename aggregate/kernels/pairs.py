"""Count how pairs of annotators label the same items: a sparse product, annotator by annotator.

Walking the items of one annotator and the other labels on each of them visits every co-label
once, so the cost is the sum of squared labels per item, whatever the number of annotators.
"""

from __future__ import annotations

from aggregate._jit import kernel


@kernel
def count_partners(
    annotator_ptr, item_of, item_ptr, annotator, follower, upper, first, last, seen, n_partners
):
    """Fill ``n_partners[j]`` with how many annotators share an item with annotator ``j``.

    Parameters
    ----------
    annotator_ptr : ndarray of int64, shape (M + 1,)
    item_of : ndarray of int32, shape (E,)
        Items in annotator-major order.
    item_ptr : ndarray of int64, shape (N + 1,)
    annotator : ndarray of int32, shape (E,)
        Annotators in item-major order.
    follower : ndarray of int64, shape (N,) or (0,)
        The item whose labels count as the partner's, -1 for none; empty for the item itself.
    upper : bool
        Only partners ``l > j``.
    first, last : int
        The block of annotators.
    seen : ndarray of int64, shape (M,)
        Scratch, filled with -1 by the caller.
    n_partners : ndarray of int64, shape (M,)
        Entries ``first`` to ``last`` are filled.
    """
    for j in range(first, last):
        n_partners[j] = 0
        for e in range(annotator_ptr[j], annotator_ptr[j + 1]):
            i = follower[item_of[e]] if follower.shape[0] else item_of[e]
            if i < 0:
                continue
            for f in range(item_ptr[i], item_ptr[i + 1]):
                partner = annotator[f]
                if seen[partner] != j and (partner > j or not upper):
                    seen[partner] = j
                    n_partners[j] += 1


@kernel
def add_pairs(
    annotator_ptr, item_of, label_of, item_ptr, annotator, label, follower, weight, upper,
    first, last, pair_ptr, seen, slot, partners, counts,
):  # fmt: skip
    """Fill the partners of annotators ``first`` to ``last`` and the counts of their label pairs.

    Parameters
    ----------
    annotator_ptr, item_of, item_ptr, annotator, follower, upper, first, last
        As in `count_partners`.
    label_of, label : ndarray of int32, shape (E,)
        Labels in annotator-major and in item-major order.
    weight : ndarray of shape (N,) or (0,)
        Weight of each item; empty for one each.
    pair_ptr : ndarray of int64, shape (M + 1,)
        Where each annotator's pairs begin.
    seen, slot : ndarray of int64, shape (M,)
        Scratch; ``seen`` filled with -1 by the caller.
    partners : ndarray of int32, shape (P,)
        Filled, in the order of meeting.
    counts : ndarray of shape (P, K, K)
        Added to: ``counts[p, a, b]``, the first annotator said a and the partner b.
    """
    for j in range(first, last):
        free = pair_ptr[j]
        for e in range(annotator_ptr[j], annotator_ptr[j + 1]):
            own = item_of[e]
            i = follower[own] if follower.shape[0] else own
            if i < 0:
                continue
            amount = weight[own] if weight.shape[0] else 1.0
            for f in range(item_ptr[i], item_ptr[i + 1]):
                partner = annotator[f]
                if upper and partner <= j:
                    continue
                if seen[partner] != j:
                    seen[partner] = j
                    slot[partner] = free
                    partners[free] = partner
                    free += 1
                counts[slot[partner], label_of[e], label[f]] += amount
