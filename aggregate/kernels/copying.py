"""A chance of copying the truth and a spam pattern per annotator: tables, and what labels show.

Annotators are columns, so that every array is read and written in order of the distributions.
"""

from __future__ import annotations

from aggregate._jit import kernel


@kernel
def counts_of_shares(shares, totals, pseudo, coin, spam):
    """Fill the counts of copies and spam that shares of an annotator's labels stand for.

    No count is less than what is believed beforehand, whatever the shares.

    Parameters
    ----------
    shares : ndarray of shape (1 + K, M)
        Share of copies and of spam with each label; every column sums to one.
    totals : ndarray of shape (M,)
        Labels and pseudo-labels of the annotators, those of the coin's second side left out.
    pseudo : ndarray of shape (2 + K,)
        Pseudo-labels that copy, that are spam, and of spam by label.
    coin : ndarray of shape (2, M)
        Filled with copies and spam.
    spam : ndarray of shape (K, M)
        Filled with spam by label.
    """
    for j in range(shares.shape[1]):
        coin[0, j] = max(shares[0, j] * totals[j], pseudo[0])
        coin[1, j] = pseudo[1]
    for y in range(spam.shape[0]):
        for j in range(shares.shape[1]):
            spam[y, j] = max(shares[y + 1, j] * totals[j], pseudo[y + 2])
            coin[1, j] += spam[y, j] - pseudo[y + 2]


@kernel
def fill_table(copy, noise, floor, table):
    """Fill the chance of each label under each truth.

    Parameters
    ----------
    copy : ndarray of shape (M,)
        Chance of a copy.
    noise : ndarray of shape (K, M)
        Chance of spam with each label.
    floor : float
        Smallest chance.
    table : ndarray of shape (M·K, K)
        Filled: ``table[j·K + y, k]`` is the chance that j says y where k is true.
    """
    n_classes = noise.shape[0]
    for j in range(copy.shape[0]):
        for y in range(n_classes):
            row = j * n_classes + y
            for k in range(n_classes):
                table[row, k] = max(noise[y, j], floor)
            table[row, y] = max(noise[y, j] + copy[j], floor)


@kernel
def share_out(counts, copy, noise, pseudo, shares):
    """Share the expected labels out between copies and spam.

    Parameters
    ----------
    counts : ndarray of shape (M·K, K)
        Expected labels by annotator and label, and truth.
    copy : ndarray of shape (M,)
        Chance of a copy.
    noise : ndarray of shape (K, M)
        Chance of spam with each label.
    pseudo : ndarray of shape (2 + K,)
        As in `counts_of_shares`.
    shares : ndarray of shape (1 + K, M)
        Filled with the shares that the labels and the pseudo-labels make together.
    """
    n_classes = noise.shape[0]
    for j in range(copy.shape[0]):
        copies, total = pseudo[0], pseudo[0]
        for y in range(n_classes):
            row = j * n_classes + y
            given = 0.0
            for k in range(n_classes):
                given += counts[row, k]
            copied = counts[row, y] * (copy[j] / (copy[j] + noise[y, j]))
            copies += copied
            shares[y + 1, j] = max(given - copied, 0.0) + pseudo[y + 2]
            total += given + pseudo[y + 2]
        shares[0, j] = copies
        for y in range(n_classes + 1):
            shares[y, j] /= total
