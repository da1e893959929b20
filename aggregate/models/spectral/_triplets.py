"""The triplets of each annotator, a bounded number even for those with thousands of partners."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from aggregate.kernels.triplets import triplets_of
from aggregate.models.voting._agreement import PairTable

Float = NDArray[np.float64]


def triplets(pairs: PairTable, most_partners: int) -> Iterator[tuple[int, Float, Float]]:
    """Yield each annotator with estimates of their squared skill, and the weights of these.

    Parameters
    ----------
    pairs : PairTable
    most_partners : int
        Partners combined with each other, those with most labels in common first.

    Yields
    ------
    (int, ndarray, ndarray)
        The annotator, ``value[ja] * value[jb] / value[ab]`` of each triplet (possibly none),
        and the size of the divisor in units of its noise.
    """
    room = most_partners * (most_partners - 1) // 2
    squares, weight = np.empty(room), np.empty(room)
    for j, (first, last) in enumerate(zip(pairs.pointers[:-1], pairs.pointers[1:], strict=True)):
        entries = np.arange(first, last)
        if len(entries) > most_partners:
            order = np.argsort(-pairs.shared[first:last], kind="stable")
            entries = np.sort(entries[order[:most_partners]])
        n = triplets_of(
            pairs.pointers, pairs.partner, pairs.shared, pairs.value, entries, squares, weight
        )
        yield j, squares[:n], weight[:n]
