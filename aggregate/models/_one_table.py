"""A pass that fills one large table: threads share it, each adding to rows of its own.

A table per block of items would have to be cleared and added up, which costs more than the pass
where the table is large beside the data. Here items are walked in rounds. In each, threads take
blocks of items and keep their posteriors; then they take ranges of annotators and add the
posteriors to these rows. A single thread adds each posterior at once. Every row takes its labels
in the items' order either way, and all other sums are taken block by block, so the result is the
same to the last bit for any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from aggregate._blocks import count_threads, fill_blocks, run_blocks
from aggregate._tables import aligned_zeros
from aggregate.kernels.em import class_tuple
from aggregate.kernels.em_ranges import add_posteriors
from aggregate.models._em import Counts, State
from aggregate.models._patterns import Visits

Float = NDArray[np.float64]
Bounds = NDArray[np.int64]

_LARGE = 1 << 22  # bytes of a table beyond which it is worth sharing
LABELS_PER_ROW = 16  # in a block: then a table of its own costs little beside the pass
_ROUND = 1 << 26  # bytes of posteriors in a round
_BLOCKS = 16  # per round
_ITEMS = 1 << 12  # in a block, at least
_FEWEST = 1 << 18  # labels, below which threads are not worth starting
_SAMPLE = 1 << 14


def takes_one_table(n_annotations: int, shape: tuple[int, int]) -> bool:
    """Whether a pass fills one table rather than one per block; data and shape decide.

    Examples
    --------
    >>> takes_one_table(10**7, (10**6, 10)), takes_one_table(10**7, (10**5, 10))
    (True, False)
    """
    return is_large(shape) and n_annotations < 2 * LABELS_PER_ROW * shape[0]


def is_large(shape: tuple[int, int]) -> bool:
    """Whether a table is beyond the nearer caches, so that clearing it takes time.

    Examples
    --------
    >>> is_large((10**6, 10)), is_large((1000, 10))
    (True, False)
    """
    return 8 * shape[0] * shape[1] >= _LARGE


class OneTable:
    """Passes over items that fill one table of counts.

    Parameters
    ----------
    visits : Visits
        The items.
    shape : (rows, K)
        Of the table.
    n_jobs : int or None
    """

    def __init__(self, visits: Visits, shape: tuple[int, int], n_jobs: int | None) -> None:
        self.visits, self.shape = visits, shape
        self.n_threads = count_threads(n_jobs) if len(visits.code) > _FEWEST else 1
        step = max(1, len(visits.code) // _SAMPLE)
        sample = np.sort(visits.code[::step])
        cuts = [sample[len(sample) * t // self.n_threads] for t in range(1, self.n_threads)]
        self._row_bounds = np.unique(np.array([0, *cuts, shape[0]], dtype=np.int64))

    def rounds(self) -> Iterator[Bounds]:
        """Yield the bounds of a round's blocks of items, round after round."""
        n_items = len(self.visits.item_ptr) - 1
        in_round = max(1, _ROUND // (8 * self.shape[1]))
        for first in range(0, n_items, in_round):
            last = min(first + in_round, n_items)
            n_blocks = max(1, min(_BLOCKS, (last - first) // _ITEMS))
            yield np.linspace(first, last, n_blocks + 1).astype(np.int64)

    def expect(self, state: State, block_counts: Callable[..., Counts]) -> Counts:
        """Return the expected counts under a state (see `_passes.block_counts`)."""
        mass, table, value = np.zeros(self.shape[1]), aligned_zeros(self.shape), 0.0
        posterior: Float | None = None
        for bounds in self.rounds():
            if self.n_threads > 1 and posterior is None:  # the first round is the largest
                posterior = np.empty((bounds[-1] - bounds[0], self.shape[1]))
            for part in self._round(bounds, state, block_counts, table, posterior):
                mass += part.mass
                value += part.log_likelihood
            if posterior is not None:
                self._add(bounds, posterior, table)
        return Counts(mass, table, value)

    def _round(
        self,
        bounds: Bounds,
        state: State,
        block_counts: Callable[..., Counts],
        table: Float,
        posterior: Float | None,
    ) -> Iterator[Counts]:
        """Yield what each block of a round counts; fill the posteriors or else the table."""
        visits, start = self.visits, bounds[0]

        def block(first: int, last: int) -> Counts:
            own = None if posterior is None else posterior[first - start : last - start]
            return block_counts(
                visits.item_ptr, visits.code, visits.gold, state, first, last,
                weight=visits.weight, into=Counts(np.zeros(self.shape[1]), table, 0.0),
                posterior=own,
            )  # fmt: skip

        return run_blocks(block, bounds, self.n_threads)

    def _add(self, bounds: Bounds, posterior: Float, table: Float) -> None:
        """Add a round's posteriors to the table, each thread to a range of rows."""
        visits, unit = self.visits, class_tuple(self.shape[1])

        def rows(start: int, stop: int) -> None:
            add_posteriors(
                visits.item_ptr, visits.code, posterior, bounds[0], bounds[-1], start, stop,
                table, unit,
            )  # fmt: skip

        fill_blocks(rows, self._row_bounds, self.n_threads)
