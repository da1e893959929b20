"""Counting label pairs block by block of first annotators; every block reads all votes in order."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate._blocks import count_threads, fill_blocks, item_blocks, run_blocks
from aggregate.annotations import Annotations
from aggregate.kernels.pairs import add_colabels, count_colabels, sort_by_first, sort_by_second
from aggregate.storage import release

Float = NDArray[np.float64]
Codes = NDArray[np.int64]
Small = NDArray[np.int32]

_COLABELS_AT_ONCE = 1 << 24  # held in memory, at 16 bytes each (24 with weights)
_NO_ITEMS = np.empty(0, dtype=np.int32)


class CoLabels(NamedTuple):
    """The co-labels of a block of first annotators, sorted by first and second annotator."""

    first: int
    first_ptr: Codes
    seconds: Small
    cell: Small
    item: Small
    n_pairs: int


def count_pairs(
    annotations: Annotations, follower: Codes, weight: Float, n_jobs: int | None
) -> tuple[Small, Float]:
    """Return the pairs (P, 2), sorted, and the weights (P, K, K) of their label pairs.

    The weights of a pair are summed in the order of the items, whatever the blocks.
    """
    n_classes, n_annotators = annotations.n_classes, annotations.n_annotators
    everybody = _count(annotations, follower, 0, n_annotators)
    ends = np.cumsum(everybody[0])
    bounds = _bounds(ends, count_threads(n_jobs))

    def sort(first: int, last: int) -> CoLabels:
        whole = last - first == n_annotators
        sizes = everybody if whole else _count(annotations, follower, first, last)
        return _sort(annotations, follower, bool(len(weight)), first, last, sizes)

    held: list[CoLabels] = []
    if n_annotators and ends[-1] <= _COLABELS_AT_ONCE:
        held = list(run_blocks(sort, bounds, n_jobs))
        n_pairs = [block.n_pairs for block in held]
    else:  # too many to hold: sort once to know the sizes and once more to count
        n_pairs = list(run_blocks(lambda first, last: sort(first, last).n_pairs, bounds, n_jobs))
    edges = np.cumsum([0, *n_pairs])
    pairs = np.empty((edges[-1], 2), dtype=np.int32)
    counts = np.zeros((edges[-1], n_classes**2))

    def add(b: int, _: int) -> None:
        block = held[b] if held else sort(int(bounds[b]), int(bounds[b + 1]))
        mine = slice(edges[b], edges[b + 1])
        add_colabels(
            block.first_ptr, block.first, block.seconds, block.cell, block.item, weight,
            pairs[mine], counts[mine],
        )  # fmt: skip

    fill_blocks(add, np.arange(len(edges)), n_jobs)
    return pairs, counts.reshape(-1, n_classes, n_classes)


def _bounds(ends: Codes, n_threads: int) -> Codes:
    """Return the bounds of blocks of annotators with about equally many co-labels."""
    total = int(ends[-1]) if len(ends) else 0
    n_blocks = max(-(-n_threads * total // _COLABELS_AT_ONCE), n_threads)
    inner = np.searchsorted(ends, np.linspace(0, total, n_blocks + 1)[1:-1])
    return np.unique(np.concatenate(([0], inner, [len(ends)]))).astype(np.int64)


def _count(annotations: Annotations, follower: Codes, first: int, last: int) -> tuple[Codes, Codes]:
    """Return how many co-labels each annotator is the first of, and the second."""
    by_first = np.zeros(last - first, dtype=np.int64)
    by_second = np.zeros(annotations.n_annotators, dtype=np.int64)
    for start, stop in _spans(annotations):
        count_colabels(
            annotations.item_ptr, annotations.annotator, follower, start, stop, first, last,
            by_first, by_second,
        )  # fmt: skip
        _release(annotations, start, stop)
    return by_first, by_second


def _sort(
    annotations: Annotations,
    follower: Codes,
    weighted: bool,
    first: int,
    last: int,
    sizes: tuple[Codes, Codes],
) -> CoLabels:
    """Sort the co-labels of a block of first annotators, given what `_count` says of them."""
    first_ptr, second_ptr = (np.concatenate(([0], np.cumsum(n))) for n in sizes)
    size = int(first_ptr[-1])

    def room() -> tuple[Small, Small, Small]:
        item = np.empty(size, dtype=np.int32) if weighted else _NO_ITEMS
        return np.empty(size, dtype=np.int32), np.empty(size, dtype=np.int32), item

    firsts, cell, item = room()
    place = second_ptr[:-1].copy()
    for start, stop in _spans(annotations):
        sort_by_second(
            annotations.item_ptr, annotations.annotator, annotations.label, follower, start, stop,
            first, last, annotations.n_classes, place, firsts, cell, item,
        )  # fmt: skip
        _release(annotations, start, stop)
    seconds, sorted_cell, sorted_item = room()
    n_partners = np.empty(last - first, dtype=np.int64)
    sort_by_first(
        second_ptr, first, firsts, cell, item, first_ptr[:-1].copy(), seconds, sorted_cell,
        sorted_item, n_partners,
    )  # fmt: skip
    return CoLabels(first, first_ptr, seconds, sorted_cell, sorted_item, int(n_partners.sum()))


def _spans(annotations: Annotations) -> list[tuple[int, int]]:
    """Return runs of items; all of them at once, unless their pages are to be given back."""
    if not annotations.on_disk:
        return [(0, annotations.n_items)]
    bounds = item_blocks(annotations.item_ptr)
    return list(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True))


def _release(annotations: Annotations, start: int, stop: int) -> None:
    """Give back the pages of these items' votes, where they are mapped from a file."""
    if annotations.on_disk:
        ptr = annotations.item_ptr
        for array in (annotations.annotator, annotations.label):
            release(array[ptr[start] : ptr[stop]])
