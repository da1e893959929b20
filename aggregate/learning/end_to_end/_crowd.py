"""The labels of the training rows in the form that the coupled cross-entropy is computed from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate._tables import row_codes
from aggregate.annotations import Annotations

Float = NDArray[np.float64]
Codes = NDArray[np.int32]

_ROWS, _MOST_BLOCKS = 2048, 16


class Crowd(NamedTuple):
    """Labels of some rows, coded; rows are counted from 0 without gaps.

    Attributes
    ----------
    item : ndarray of int32, shape (E,)
        Row of each label, never falling.
    code : ndarray of uint32, shape (E,)
        ``annotator·K + label``.
    weight : ndarray of shape (E,)
        How often each label counts.
    gold : ndarray of int32, shape (N,)
        Known class of each row, -1 where unknown.
    row_weight : ndarray of shape (N,)
        How often each row counts.
    n_annotators, n_classes : int
    """

    item: Codes
    code: NDArray[np.uint32]
    weight: Float
    gold: Codes
    row_weight: Float
    n_annotators: int
    n_classes: int

    @property
    def n_rows(self) -> int:
        """Number of rows, N."""
        return len(self.gold)

    @property
    def total(self) -> float:
        """Weight of all labels, a known class counting as one more label that is always right."""
        return float(self.weight.sum() + self.row_weight[self.gold >= 0].sum())

    def take(self, chosen: NDArray[np.bool_]) -> Crowd:
        """Return the labels of some rows, counted anew."""
        place = np.cumsum(chosen, dtype=np.int64) - 1
        kept = chosen[self.item]
        return self._replace(
            item=place[self.item[kept]].astype(np.int32),
            code=self.code[kept],
            weight=self.weight[kept],
            gold=self.gold[chosen],
            row_weight=self.row_weight[chosen],
        )

    def tells(self) -> NDArray[np.bool_]:
        """Return which rows have a label or a known class, of any weight, shape (N,)."""
        labels = np.bincount(self.item, weights=self.weight, minlength=self.n_rows)
        return (labels > 0) | ((self.gold >= 0) & (self.row_weight > 0))

    def uses(self) -> Float:
        """Return how often each annotator gave each label, shape (M, K)."""
        size = self.n_annotators * self.n_classes
        found = np.bincount(self.code, weights=self.weight, minlength=size)
        return found.reshape(-1, self.n_classes).astype(np.float64)  # without labels: counts

    def blocks(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the bounds of blocks of rows and of their labels; they depend on the data alone.

        As few as the tables of the annotators, one per block, are large.
        """
        n_blocks = max(1, min(_MOST_BLOCKS, self.n_rows // _ROWS))
        table = self.n_annotators * self.n_classes**2
        while n_blocks > 1 and self.n_rows * self.n_classes < n_blocks * table:
            n_blocks //= 2
        rows = np.linspace(0, self.n_rows, n_blocks + 1).astype(np.int64)
        return rows, np.searchsorted(self.item, rows)


def code_crowd(
    votes: Annotations, gold: Codes | None, row_weight: Float, label_weight: Float | None
) -> Crowd:
    """Return the labels of all rows, in code.

    Parameters
    ----------
    votes : Annotations
        Item i is row i.
    gold : ndarray of int32, shape (N,), or None
    row_weight : ndarray of shape (N,)
    label_weight : ndarray of shape (E,), or None
        Multiplies the weight of the label's row.
    """
    weight = row_weight[votes.item]
    if label_weight is not None:
        weight = weight * label_weight
    unknown = np.full(votes.n_items, -1, dtype=np.int32)
    code = row_codes(votes.annotator, votes.label, votes.n_annotators, votes.n_classes)
    counts = weight > 0
    return Crowd(
        item=votes.item[counts],
        code=code[counts],
        weight=weight[counts],
        gold=unknown if gold is None else gold,
        row_weight=row_weight,
        n_annotators=votes.n_annotators,
        n_classes=votes.n_classes,
    )
