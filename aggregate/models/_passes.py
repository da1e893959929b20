"""Passes over the items of a data set: what EM adds up, by blocks, serial or threaded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aggregate._blocks import item_blocks, run_blocks
from aggregate.annotations import Annotations
from aggregate.kernels.em import class_tuple, em_pass, posterior_counts
from aggregate.models._em import Counts, State

Float = NDArray[np.float64]

_NO_GOLD = np.empty(0, dtype=np.int32)


class Passes:
    """The E-step side of a data set: passes over its items, by blocks, serial or threaded."""

    def __init__(
        self,
        annotations: Annotations,
        code: NDArray[np.uint32],
        gold: NDArray[np.int32] | None,
        n_jobs: int | None,
    ) -> None:
        self.item_ptr, self.code = annotations.item_ptr, code
        self.gold = _NO_GOLD if gold is None else gold
        self.shape = (annotations.n_annotators * annotations.n_classes, annotations.n_classes)
        self.bounds = item_blocks(self.item_ptr, table_size=self.shape[0])
        self.n_jobs = n_jobs
        self.unit = class_tuple(annotations.n_classes)

    def expect(self, state: State) -> Counts:
        """Return the expected counts under a state, and its log likelihood."""

        def block(first: int, last: int) -> Counts:
            mass, table = self._zeros()
            value = em_pass(
                self.item_ptr, self.code, self.gold, state.prior, state.table,
                first, last, table, mass, self.unit,
            )  # fmt: skip
            return Counts(mass, table, value)

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
