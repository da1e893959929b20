"""Passes over the items of a data set: what EM adds up, by blocks, serial or threaded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aggregate._blocks import item_blocks, run_blocks
from aggregate._tables import aligned_zeros
from aggregate.annotations import Annotations
from aggregate.kernels.em import class_tuple, em_pass, posterior_counts
from aggregate.kernels.em_wide import em_pass_wide
from aggregate.models._em import Counts, State

Float = NDArray[np.float64]

_NO_GOLD = np.empty(0, dtype=np.int32)


def block_counts(
    item_ptr: NDArray[np.int64],
    code: NDArray[np.uint32],
    gold: NDArray[np.int32] | None,
    state: State,
    first: int = 0,
    last: int | None = None,
    *,
    into: Counts | None = None,
) -> Counts:
    """Return what the items ``first`` to ``last`` add to the expected counts under a state.

    Whoever runs blocks (threads here, a file's slices, workers of a cluster) calls this on
    each and adds the answers up in the blocks' order.

    Parameters
    ----------
    item_ptr : ndarray of int64, shape (N + 1,)
        Where each item's codes begin; ``item_ptr[0]`` need not be 0.
    code : ndarray of uint32
        Table row ``annotator·K + label`` of each annotation (see `row_codes`).
    gold : ndarray of int32, shape (N,), or None
        Known class of each item, -1 where unknown.
    state : State
        Class prior (K,) and table (M·K, K), entries at least `FLOOR`.
    first, last : int
        The block; by default, all items.
    into : Counts, optional
        Tables that are added to and returned; new ones by default. Its likelihood is not.
    """
    if into is None:
        into = Counts(np.zeros(len(state.prior)), aligned_zeros(state.table.shape), 0.0)
    mass, table = into.mass, into.table
    unit = class_tuple(len(state.prior))
    run = em_pass if len(unit) == len(state.prior) else em_pass_wide
    value = run(
        item_ptr, code, _NO_GOLD if gold is None else gold,
        np.ascontiguousarray(state.prior), np.ascontiguousarray(state.table),
        first, len(item_ptr) - 1 if last is None else last, table, mass, unit,
    )  # fmt: skip
    return Counts(mass, table, value)


class Passes:
    """The E-step side of a data set: passes over its items, by blocks, serial or threaded."""

    def __init__(
        self,
        annotations: Annotations,
        code: NDArray[np.uint32],
        gold: NDArray[np.int32] | None,
        n_jobs: int | None,
        *,
        n_classes: int | None = None,
    ) -> None:
        self.item_ptr, self.code = annotations.item_ptr, code
        self.gold = _NO_GOLD if gold is None else gold
        n_responses = annotations.n_classes  # more than there are classes, where some abstain
        self.shape = (annotations.n_annotators * n_responses, n_classes or n_responses)
        self.bounds = item_blocks(self.item_ptr, table_size=self.shape[0])
        self.n_jobs = n_jobs

    def expect(self, state: State) -> Counts:
        """Return the expected counts under a state, and its log likelihood."""
        table = aligned_zeros(state.table.shape)
        table[:] = state.table
        state = State(state.prior, table)

        def block(first: int, last: int) -> Counts:
            return block_counts(self.item_ptr, self.code, self.gold, state, first, last)

        return self._sum(block)

    def count(self, posterior: Float) -> Counts:
        """Return the counts under given posteriors."""

        def block(first: int, last: int) -> Counts:
            mass, table = self._zeros()
            posterior_counts(self.item_ptr, self.code, posterior, first, last, table, mass)
            return Counts(mass, table, 0.0)

        return self._sum(block)

    def _zeros(self) -> tuple[Float, Float]:
        return np.zeros(self.shape[1]), np.zeros(self.shape)

    def _sum(self, block: Callable[[int, int], Counts]) -> Counts:
        total: Counts | None = None
        for part in run_blocks(block, self.bounds, self.n_jobs):
            if total is None:
                total = part
            else:
                total.mass[:] += part.mass
                total.table[:] += part.table
                total = total._replace(log_likelihood=total.log_likelihood + part.log_likelihood)
        return total if total is not None else Counts(*self._zeros(), 0.0)
