"""Passes over annotations that are mapped from files: memory for the tables and a chunk."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aggregate._chunks import chunk_codes, chunks
from aggregate._tables import row_codes
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
    change : callable, optional
        Makes soft labels of shares, row by row, before gold is applied.
    """

    def __init__(
        self,
        annotations: Annotations,
        gold: NDArray[np.int32] | None,
        change: Callable[[Float], Float] | None = None,
    ) -> None:
        self.annotations, self.gold, self._change = annotations, gold, change

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
        if self._change is not None:
            shares = self._change(shares)
        return clamp(shares, None if self.gold is None else self.gold[first:last])


class StoredPasses(Passes):
    """What `Passes` is, over mapped arrays; counts are the same but for rounding.

    They are the same to the last bit unless `Passes` walks patterns or fills one large table.
    """

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
        del self.code  # see below

    if not TYPE_CHECKING:

        @cached_property
        def code(self) -> Rows:
            """All table rows at once, for a pass that asks for them: four bytes each."""
            votes = self.annotations
            return row_codes(votes.annotator, votes.label, votes.n_annotators, votes.n_classes)

    def expect(self, state: State) -> Counts:
        """Return the expected counts under a state, and its log likelihood."""
        state = State(state.prior, self._on_cache_lines(state.table))

        def chunk(bounds: tuple[int, int], pointers: Pointers, code: Rows, into: Counts) -> float:
            return block_counts(pointers, code, self.known(bounds), state, into=into).log_likelihood

        return self.add_up(chunk)

    def count(self, posterior: Any) -> Counts:
        """Return the counts under given posteriors, or under `SharesOnDisk`."""

        def chunk(bounds: tuple[int, int], pointers: Pointers, code: Rows, into: Counts) -> float:
            lazy = isinstance(posterior, SharesOnDisk)
            soft = posterior.rows(*bounds) if lazy else posterior[slice(*bounds)]
            posterior_counts(pointers, code, soft, 0, len(soft), into.table, into.mass)
            return 0.0

        return self.add_up(chunk)

    def known(self, bounds: tuple[int, int]) -> NDArray[np.int32]:
        """Return the gold of a chunk, empty where nothing is known at all."""
        return self.gold[slice(*bounds)]

    def add_up(self, chunk: Callable[[tuple[int, int], Pointers, Rows, Counts], float]) -> Counts:
        """Return the counts to which chunks of items have added, and the sum of what they return.

        ``chunk(bounds, pointers, code, into)`` adds the items between the bounds, whose table
        rows are ``code`` and begin at ``pointers``, to the tables of ``into``.
        """
        n_annotators, n_responses = self.annotations.n_annotators, self.annotations.n_classes

        def block(first: int, last: int) -> Counts:
            total = Counts(*self._zeros(), 0.0)
            value = 0.0
            for bounds in chunks(self.item_ptr, first, last):
                codes = chunk_codes(self.annotations, *bounds, n_annotators, n_responses)
                value += chunk(bounds, *codes, total)
            return total._replace(log_likelihood=value)

        return self._sum(block)
