"""An order of annotators and items that follows from the votes alone, for random choices.

A draw such as "every third annotator" depends on the order in which annotators happen to stand.
Drawn from an order that the votes determine, it does not.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate._blocks import run_blocks
from aggregate.annotations import Annotations
from aggregate.storage import release

Signature = NDArray[np.uint64]
Ranks = NDArray[np.int64]

_ROUNDS = 4
_AT_ONCE = 1 << 20  # votes
_ODD = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_STEP = np.uint64(0x9E3779B97F4A7C15)


class ContentRanks(NamedTuple):
    """Place of each annotator, shape (M,), and of each item, shape (N,), in the order."""

    annotators: Ranks
    items: Ranks


def content_ranks(annotations: Annotations, *, n_jobs: int | None = None) -> ContentRanks:
    """Rank annotators and items by who agrees with whom, and not by where they stand.

    Every annotator starts with the same signature. An item gets a signature from those of the
    annotators behind each of its labels, an annotator from those of their items and of who
    says the same there, and so on, some rounds (colour refinement of the graph of votes, with
    hashes as colours). Neither the order nor the names of annotators, items or classes enter.
    Annotators who still have the same signature play the same part in the votes, save rare
    symmetries, and keep the order in which they stand.

    Parameters
    ----------
    annotations : Annotations
    n_jobs : int, optional
        Threads; sums of whole numbers are the same in any order.

    Returns
    -------
    ContentRanks

    References
    ----------
    B. Weisfeiler and A. Leman, The reduction of a graph to canonical form and the algebra which
    appears therein, Nauchno-Technicheskaya Informatsia 2(9):12-16, 1968.

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate import Annotations
    >>> from aggregate.moments import content_ranks
    >>> table = np.array([[0, 0, 1], [1, 1, -1], [0, 1, 0]])
    >>> one = content_ranks(Annotations.from_matrix(table)).annotators
    >>> other = content_ranks(Annotations.from_matrix(1 - table[:, ::-1], missing=2)).annotators
    >>> bool((one == other[::-1]).all())
    True
    """
    bounds = _bounds(annotations.item_ptr)
    annotators = np.full(annotations.n_annotators, _STEP)
    items = np.zeros(annotations.n_items, dtype=np.uint64)
    for _ in range(_ROUNDS):
        total = np.zeros_like(annotators)

        def sign(first: int, last: int, known: Signature = annotators) -> Signature:
            return _sign_block(annotations, known, first, last, items)

        for part in run_blocks(sign, bounds, n_jobs):
            total += part
        annotators = _scramble(annotators + total)
    return ContentRanks(_ranks(annotators), _ranks(items))


def _bounds(item_ptr: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the bounds of blocks of items small enough for a few arrays of their votes."""
    ends = np.arange(_AT_ONCE, item_ptr[-1], _AT_ONCE)
    inner = np.searchsorted(item_ptr, ends)
    return np.unique(np.concatenate(([0], inner, [len(item_ptr) - 1]))).astype(np.int64)


def _sign_block(
    annotations: Annotations, known: Signature, first: int, last: int, items: Signature
) -> Signature:
    """Fill the signatures of a block of items; return what it adds to each annotator's."""
    start, stop = annotations.item_ptr[first], annotations.item_ptr[last]
    annotator = annotations.annotator[start:stop]
    n_labels = np.diff(annotations.item_ptr[first : last + 1])
    cell = np.repeat(np.arange(last - first), n_labels) * annotations.n_classes
    cell += annotations.label[start:stop]
    cells = np.zeros((last - first) * annotations.n_classes, dtype=np.uint64)
    np.add.at(cells, cell, known[annotator])
    cells = _scramble(cells)  # zero stays zero: labels that nobody gave do not count
    items[first:last] = _scramble(cells.reshape(last - first, -1).sum(axis=1) + _STEP)
    seen = _scramble(np.repeat(items[first:last], n_labels) + cells[cell])
    added = np.zeros_like(known)
    np.add.at(added, annotator, seen)
    for array in (annotations.annotator, annotations.label):
        release(array[start:stop])
    return added


def _scramble(x: Signature) -> Signature:
    """Mix the bits of each number, one to one and with zero in place."""
    for odd, shift in zip(_ODD, (np.uint64(30), np.uint64(27)), strict=True):
        x = (x ^ (x >> shift)) * odd
    return np.asarray(x ^ (x >> np.uint64(31)))


def _ranks(signature: Signature) -> Ranks:
    ranks = np.empty(len(signature), dtype=np.int64)
    ranks[np.argsort(signature, kind="stable")] = np.arange(len(signature))
    return ranks
