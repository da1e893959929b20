"""The M-step of free confusions: counts plus pseudo-counts, divided by their sums."""

from __future__ import annotations

import math

import numpy as np

from aggregate._jit import kernel

FLOOR = 2.0**-52  # as in `em.py`


@kernel
def normalise_counts(counts, pseudo, fallback, table):
    """Fill ``table`` with (counts + pseudo) divided by their sum over the labels.

    Parameters
    ----------
    counts : ndarray of shape (M·K, K)
    pseudo : ndarray of shape (K, K) or (M·K, K)
        Dirichlet pseudo-counts ``[y, k]``, the same for all annotators or one block each.
    fallback : ndarray of shape (K, K)
        Column taken where an annotator has neither counts nor pseudo-counts for a class.
    table : ndarray of shape (M·K, K)
        Filled, entries raised to machine epsilon.
    """
    n_classes = counts.shape[1]
    period = pseudo.shape[0]
    total = np.empty(n_classes)
    for base in range(0, counts.shape[0], n_classes):
        for k in range(n_classes):
            total[k] = 0.0
        for row in range(base, base + n_classes):
            for k in range(n_classes):
                total[k] += counts[row, k] + pseudo[row % period, k]
        for row in range(base, base + n_classes):
            for k in range(n_classes):
                share = fallback[row - base, k]
                if total[k] > 0.0:
                    share = (counts[row, k] + pseudo[row % period, k]) / total[k]
                table[row, k] = max(share, FLOOR)


@kernel
def log_dirichlet(table, pseudo):
    """Return the sum of pseudo-count times log probability (see `normalise_counts`)."""
    period = pseudo.shape[0]
    value = 0.0
    for row in range(table.shape[0]):
        for k in range(table.shape[1]):
            if pseudo[row % period, k] > 0.0:
                value += pseudo[row % period, k] * math.log(table[row, k])
    return value
