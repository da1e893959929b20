"""Passes over annotations that are mapped from files: memory for the tables and a chunk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._chunks import chunk_codes, chunks
from aggregate._tables import aligned_zeros
from aggregate.annotations import Annotations
from aggregate.fusion.posterior import clamp
from aggregate.kernels.em import posterior_counts
from aggregate.kernels.votes import normalise_rows, weighted_votes
from aggregate.models._em import Counts, State
from aggregate.models._passes import Passes, block_counts

Float = NDArray[np.float64]
Pointers = NDArray[np.int64]
Rows = NDArray[np.uint32]

_EQUAL = np.empty(0)


class SharesOnDisk:
    """The shares of the votes, gold items held to it, computed where they are counted.

    Parameters
    ----------
    annotations : Annotations
        Of which the shares are (without abstentions, if there are any).
    gold : ndarray of int32, shape (N,), or None
    """

    def __init__(self, annotations: Annotations, gold: NDArray[np.int32] | None) -> None:
        self.annotations, self.gold = annotations, gold

    def rows(self, first: int, last: int) -> Float:
        """Return the shares of the items ``first`` to ``last``."""
        votes = self.annotations
        start, stop = int(votes.item_ptr[first]), int(votes.item_ptr[last])
        shares = np.empty((last - first, votes.n_classes))
        weighted_votes(
            votes.item_ptr[first : last + 1] - start, votes.annotator[start:stop],
            votes.label[start:stop], _EQUAL, 0, last - first, shares,
        )  # fmt: skip
        normalise_rows(shares, 0, last - first)
        return clamp(shares, None if self.gold is None else self.gold[first:last])


class StoredPasses(Passes):
    """What `Passes` is, over mapped arrays; counts are the same to the last bit."""

    def __init__(
        self,
        annotations: Annotations,
        gold: NDArray[np.int32] | None,
        n_jobs: int | None,
        *,
        n_classes: int | None = None,
    ) -> None:
        super().__init__(
            annotations, np.empty(0, dtype=np.uint32), gold, n_jobs, n_classes=n_classes
        )
        self.annotations = annotations

    def expect(self, state: State) -> Counts:
        """Return the expected counts under a state, and its log likelihood."""
        table = aligned_zeros(state.table.shape)
        table[:] = state.table
        state = State(state.prior, table)

        def chunk(bounds: tuple[int, int], pointers: Pointers, code: Rows, into: Counts) -> float:
            gold = self.gold[slice(*bounds)] if len(self.gold) else None
            return block_counts(pointers, code, gold, state, into=into).log_likelihood

        return self._sum(self._block(chunk))

    def count(self, posterior: Any) -> Counts:
        """Return the counts under given posteriors, or under `SharesOnDisk`."""

        def chunk(bounds: tuple[int, int], pointers: Pointers, code: Rows, into: Counts) -> float:
            lazy = isinstance(posterior, SharesOnDisk)
            soft = posterior.rows(*bounds) if lazy else posterior[slice(*bounds)]
            posterior_counts(pointers, code, soft, 0, len(soft), into.table, into.mass)
            return 0.0

        return self._sum(self._block(chunk))

    def _block(
        self, chunk: Callable[[tuple[int, int], Pointers, Rows, Counts], float]
    ) -> Callable[[int, int], Counts]:
        """Return the task of a block, which is to go through its chunks."""
        n_annotators, n_responses = self.annotations.n_annotators, self.annotations.n_classes

        def block(first: int, last: int) -> Counts:
            total = Counts(np.zeros(self.shape[1]), aligned_zeros(self.shape), 0.0)
            value = 0.0
            for bounds in chunks(self.item_ptr, first, last):
                codes = chunk_codes(self.annotations, *bounds, n_annotators, n_responses)
                value += chunk(bounds, *codes, total)
            return total._replace(log_likelihood=value)

        return block
