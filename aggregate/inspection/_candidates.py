"""Who may still be asked about which item."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._encoding import encode, match
from aggregate._validation import first_few
from aggregate.kernels.acquisition import best_label

Float = NDArray[np.float64]
Codes = NDArray[np.int64]

_MOST = 100  # annotators per item among whom to choose


class Candidates:
    """For each item the annotators on offer: its own list, or a common one less who is done."""

    def __init__(
        self, common: Codes, own: dict[int, Codes] | None, done: dict[int, set[int]]
    ) -> None:
        self._common, self._own, self._done = common, own, done

    def of(self, item: int) -> Codes:
        """Return who may be asked about an item."""
        offered = self._common if self._own is None else self._own.get(item, self._common[:0])
        done = self._done.get(item)
        if not done:
            return offered
        return offered[~np.isin(offered, np.fromiter(done, dtype=np.int64))]

    def take(self, item: int, annotator: int) -> None:
        """Withdraw an annotator from an item."""
        self._done.setdefault(item, set()).add(annotator)


def everybody(
    table: Float, usual: Float | None, prices: Float, done: tuple[Codes, Codes], n_items: int
) -> Candidates:
    """Offer all annotators; of very many, those who tell the most of a usual item per price."""
    annotators = np.arange(len(prices))
    if len(annotators) > _MOST and usual is not None:
        nothing = np.empty((0, 0))
        told = [best_label(usual, table, annotators[j : j + 1], prices, 1.0, nothing)[1]
                for j in annotators.tolist()]  # fmt: skip
        order = np.argsort(-np.asarray(told) / prices, kind="stable")
        annotators = np.sort(order[: _MOST + _busiest(done, n_items)])
    return Candidates(annotators, None, _by_item(*done))


def given_pairs(
    pairs: tuple[ArrayLike, ArrayLike],
    items: NDArray[Any],
    annotators: NDArray[Any],
    done: tuple[Codes, Codes],
) -> Candidates:
    """Offer the pairs that the user says can be had.

    Raises
    ------
    ValueError
        If the arrays differ in length or name an unknown item or annotator.
    """
    codes = []
    for name, values, known in (("items", pairs[0], items), ("annotators", pairs[1], annotators)):
        code, table = encode(values, f"candidates' {name}")
        place = match(table, known)
        if (place < 0).any():
            raise ValueError(
                f"candidates name {name} that are not among the annotations or were not fitted: "
                f"{first_few(table[place < 0])}."
            )
        codes.append(place[code].astype(np.int64))
    if len(codes[0]) != len(codes[1]):
        raise ValueError(
            "candidates must be two arrays of one length, items and annotators; got "
            f"{len(codes[0])} and {len(codes[1])}."
        )
    order = np.lexsort((codes[1], codes[0]))
    item, annotator = codes[0][order], codes[1][order]
    starts = np.flatnonzero(np.diff(item, prepend=-1))
    parts = np.split(annotator, starts[1:])
    own = {int(item[start]): np.unique(part) for start, part in zip(starts, parts, strict=False)}
    return Candidates(annotator[:0], own, _by_item(*done))


def _by_item(item: Codes, annotator: Codes) -> dict[int, set[int]]:
    done: dict[int, set[int]] = {}
    for i, j in zip(item.tolist(), annotator.tolist(), strict=True):
        done.setdefault(i, set()).add(j)
    return done


def _busiest(done: tuple[Codes, Codes], n_items: int) -> int:
    """Return the most labels that an item has, all of which may be by the best annotators."""
    return int(np.bincount(done[0], minlength=max(n_items, 1)).max(initial=0))
