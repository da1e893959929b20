"""Sums over each annotator's labels beside what the others said of the same items."""

from __future__ import annotations

import numpy as np

from aggregate._jit import kernel


@kernel
def pooled_sums(item_ptr, annotator, label, first, last, n_labels, votes, labels, cross, squares):
    """Add items ``first`` to ``last`` to the sums of every annotator on them.

    For each label of annotator j on an item that others labelled too, let v be the shares of
    the others' labels (own repeats do not count).

    Parameters
    ----------
    item_ptr : ndarray of int64, shape (N + 1,)
    annotator, label : ndarray of int32, shape (E,)
        Sorted by annotator within an item.
    first, last : int
        The block of items.
    n_labels : ndarray of shape (M,)
        Added to: number of such labels.
    votes : ndarray of shape (M, K)
        Added to: sum of v.
    labels : ndarray of shape (M, K)
        Added to: number of times j said y.
    cross : ndarray of shape (M, K, K)
        Added to: ``cross[j, y]``, sum of v over the labels y.
    squares : ndarray of shape (M, K, K)
        Added to: sum of the outer product of v with itself.
    """
    n_classes = votes.shape[1]
    total = np.empty(n_classes)
    share = np.empty(n_classes)
    for i in range(first, last):
        start, stop = item_ptr[i], item_ptr[i + 1]
        for k in range(n_classes):
            total[k] = 0.0
        for e in range(start, stop):
            total[label[e]] += 1.0
        begin = start
        while begin < stop:
            j = annotator[begin]
            end = begin
            for k in range(n_classes):
                share[k] = total[k]
            while end < stop and annotator[end] == j:
                share[label[end]] -= 1.0
                end += 1
            others = (stop - start) - (end - begin)
            if others > 0:
                for k in range(n_classes):
                    share[k] /= others
                for e in range(begin, end):
                    n_labels[j] += 1.0
                    labels[j, label[e]] += 1.0
                    for k in range(n_classes):
                        votes[j, k] += share[k]
                        cross[j, label[e], k] += share[k]
                        for m in range(n_classes):
                            squares[j, k, m] += share[k] * share[m]
            begin = end
