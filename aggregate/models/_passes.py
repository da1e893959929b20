"""Passes over the items of a data set: what EM adds up, by blocks, serial or threaded."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aggregate._blocks import item_blocks, run_blocks
from aggregate._tables import aligned_zeros
from aggregate.annotations import Annotations
from aggregate.kernels.em import class_tuple, em_pass, posterior_counts
from aggregate.kernels.em_wide import em_pass_wide
from aggregate.models._em import Counts, State
from aggregate.models._one_table import LABELS_PER_ROW, OneTable, is_large, takes_one_table
from aggregate.models._patterns import Visits, collapse

Float = NDArray[np.float64]

_NO_GOLD = np.empty(0, dtype=np.int32)
_NO_WEIGHT = np.empty(0)


def block_counts(
    item_ptr: NDArray[np.int64],
    code: NDArray[np.uint32],
    gold: NDArray[np.int32] | None,
    state: State,
    first: int = 0,
    last: int | None = None,
    *,
    weight: Float | None = None,
    into: Counts | None = None,
    posterior: Float | None = None,
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
    weight : ndarray of shape (N,), optional
        How often each item counts.
    into : Counts, optional
        Tables that are added to and returned; new ones by default. Its likelihood is not.
    posterior : ndarray of shape (last - first, K), optional
        Filled with the posteriors times weights, in place of adding them to the counts.
    """
    if into is None:
        into = Counts(np.zeros(len(state.prior)), aligned_zeros(state.table.shape), 0.0)
    mass, table = into.mass, into.table
    unit, nothing = class_tuple(len(state.prior)), np.empty((0, len(state.prior)))
    run = em_pass if len(unit) == len(state.prior) else em_pass_wide
    value = run(
        item_ptr, code,
        _NO_GOLD if gold is None else gold, _NO_WEIGHT if weight is None else weight,
        np.ascontiguousarray(state.prior), np.ascontiguousarray(state.table),
        first, len(item_ptr) - 1 if last is None else last,
        nothing if posterior is not None else table, mass,
        nothing if posterior is None else posterior, unit,
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
        self._spare: list[Float] = []

    @cached_property
    def visits(self) -> Visits:
        """The items that `expect` walks: each, or each pattern of labels once."""
        return collapse(self.item_ptr, self.code, self.gold)

    @cached_property
    def _visit_bounds(self) -> NDArray[np.int64]:
        room = LABELS_PER_ROW if is_large(self.shape) else 1
        return item_blocks(self.visits.item_ptr, table_size=room * self.shape[0])

    @cached_property
    def _one_table(self) -> OneTable:
        return OneTable(self.visits, self.shape, self.n_jobs)

    def expect(self, state: State) -> Counts:
        """Return the expected counts under a state, and its log likelihood."""
        visits = self.visits
        state = State(state.prior, self._on_cache_lines(state.table))
        if takes_one_table(len(visits.code), self.shape):
            return self._one_table.expect(state, block_counts)

        def block(first: int, last: int) -> Counts:
            return block_counts(
                visits.item_ptr, visits.code, visits.gold, state, first, last,
                weight=visits.weight, into=Counts(*self._zeros(), 0.0),
            )  # fmt: skip

        return self._sum(block, self._visit_bounds)

    def _on_cache_lines(self, table: Float) -> Float:
        """Copy a table whose rows would straddle cache lines for no other reason than its start."""
        aligned = self.shape[1] % 4 or table.ctypes.data % 64 == 0
        if aligned or self.item_ptr[-1] < 8 * self.shape[0]:
            return table
        copy = aligned_zeros(table.shape)
        copy[:] = table
        return copy

    def count(self, posterior: Float) -> Counts:
        """Return the counts under given posteriors."""

        def block(first: int, last: int) -> Counts:
            mass, table = self._zeros()
            posterior_counts(self.item_ptr, self.code, posterior, first, last, table, mass)
            return Counts(mass, table, 0.0)

        return self._sum(block)

    def _zeros(self) -> tuple[Float, Float]:
        """Return tables to add to; those of blocks already added up are used again."""
        try:
            table = self._spare.pop()
        except IndexError:
            table = aligned_zeros(self.shape)
        else:
            table[:] = 0.0
        return np.zeros(self.shape[1]), table

    def _sum(
        self, block: Callable[[int, int], Counts], bounds: NDArray[np.int64] | None = None
    ) -> Counts:
        total: Counts | None = None
        for part in run_blocks(block, self.bounds if bounds is None else bounds, self.n_jobs):
            if total is None:
                total = part
            else:
                total.mass[:] += part.mass
                total.table[:] += part.table
                if part.table.shape == self.shape and not self._spare:
                    self._spare.append(part.table)
                total = total._replace(log_likelihood=total.log_likelihood + part.log_likelihood)
        self._spare.clear()
        return total if total is not None else Counts(*self._zeros(), 0.0)
