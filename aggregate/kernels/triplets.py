"""Triplets and trimmed means on the graph of annotators who share items."""

from __future__ import annotations

from aggregate._jit import helper, kernel


@helper
def _find(partner, first, last, wanted):
    """Return where ``wanted`` stands in a sorted stretch, or -1."""
    low, high = first, last
    while low < high:
        middle = (low + high) // 2
        if partner[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low if low < last and partner[low] == wanted else -1


@kernel
def triplets_of(pointers, partner, shared, value, entries, squares, weight):
    """Fill ``squares`` with what each triplet says of an annotator's squared skill.

    Parameters
    ----------
    pointers : ndarray of int64, shape (M + 1,)
    partner : ndarray of int32, shape (P,)
        Sorted for each annotator.
    shared, value : ndarray of shape (P,)
        Labels in common of each pair, and its moment.
    entries : ndarray of int64, shape (L,)
        Which of the annotator's entries to combine.
    squares, weight : ndarray of shape (L (L - 1) / 2,)
        ``value[ja] * value[jb] / value[ab]`` of every two partners a, b who share items
        themselves, and the size of ``value[ab]`` in units of the noise of the worst pair.

    Returns
    -------
    int
        How many triplets there are.
    """
    n = 0
    for one in range(entries.shape[0]):
        a = partner[entries[one]]
        for two in range(one + 1, entries.shape[0]):
            b = partner[entries[two]]
            across = _find(partner, pointers[a], pointers[a + 1], b)
            if across < 0 or value[across] == 0.0:
                continue
            squares[n] = value[entries[one]] * value[entries[two]] / value[across]
            fewest = min(shared[across], min(shared[entries[one]], shared[entries[two]]))
            weight[n] = abs(value[across]) * fewest**0.5
            n += 1
    return n


@kernel
def trimmed_means(pointers, partner, weight, value, other, current, n_trim, ratio, ordered, out):
    """Fill ``out[j]`` with a mean of ``value[jl] / other[l]`` over partners, extremes left out.

    Of the ratios above ``current[j]`` at most the ``n_trim[j]`` largest are left out, of those
    below at most as many smallest; fewer where nothing would be left. Without any ratio the
    current value stays.

    Parameters
    ----------
    pointers : ndarray of int64, shape (M + 1,)
    partner : ndarray of int32, shape (P,)
    weight : ndarray of shape (P,) or (0,)
        The ratio counts ``weight[jl] * other[l]**2``; empty for one each.
    value : ndarray of shape (P,)
    other, current : ndarray of shape (M,)
        Positive values.
    n_trim : ndarray of int64, shape (M,)
    ratio, ordered : ndarray
        Room for the largest number of partners.
    out : ndarray of shape (M,)
    """
    for j in range(out.shape[0]):
        n = 0
        for p in range(pointers[j], pointers[j + 1]):
            ratio[n] = value[p] / other[partner[p]]
            ordered[n] = ratio[n]
            n += 1
        out[j] = current[j]
        if n == 0:
            continue
        ordered[:n].sort()
        cut = min(n_trim[j], (n - 1) // 2)
        low, high = min(ordered[cut], current[j]), max(ordered[n - 1 - cut], current[j])
        total, mass = 0.0, 0.0
        for q in range(n):
            if low <= ratio[q] <= high:
                p = pointers[j] + q
                w = 1.0
                if weight.shape[0] > 0:
                    w = weight[p] * other[partner[p]] ** 2
                total += w * ratio[q]
                mass += w
        if mass > 0.0:
            out[j] = total / mass
