"""Count votes: how much weight each class received on each item."""

from __future__ import annotations

from aggregate._jit import kernel


@kernel
def weighted_votes(item_ptr, annotator, label, weight, first, last, votes):
    """Fill ``votes[i, y]`` with the summed weight of the annotators who said ``y``.

    Parameters
    ----------
    item_ptr : ndarray of int64, shape (N + 1,)
    annotator, label : ndarray of int32, shape (E,)
    weight : ndarray of shape (M,) or (0,)
        Weight of each annotator; empty for one each.
    first, last : int
        The block of items.
    votes : ndarray of shape (N, K)
        Rows ``first`` to ``last`` are filled.
    """
    plain = weight.shape[0] == 0
    for i in range(first, last):
        for k in range(votes.shape[1]):
            votes[i, k] = 0.0
        for e in range(item_ptr[i], item_ptr[i + 1]):
            votes[i, label[e]] += 1.0 if plain else weight[annotator[e]]


@kernel
def agreement_sums(item_ptr, annotator, label, consensus, first, last, agreed):
    """Add to ``agreed[j]`` the consensus mass of each label that annotator ``j`` gave.

    Parameters
    ----------
    item_ptr : ndarray of int64, shape (N + 1,)
    annotator, label : ndarray of int32, shape (E,)
    consensus : ndarray of shape (N, K)
        Share of each class on each item, rows summing to one (or zero).
    first, last : int
        The block of items.
    agreed : ndarray of shape (M,)
        Added to.
    """
    for i in range(first, last):
        for e in range(item_ptr[i], item_ptr[i + 1]):
            agreed[annotator[e]] += consensus[i, label[e]]


@kernel
def normalise_rows(table, first, last):
    """Divide rows ``first`` to ``last`` by their sums, in place; rows of zeros stay zero."""
    for i in range(first, last):
        total = 0.0
        for k in range(table.shape[1]):
            total += table[i, k]
        if total > 0.0:
            for k in range(table.shape[1]):
                table[i, k] /= total
