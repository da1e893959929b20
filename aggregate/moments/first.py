"""First moments: how often each annotator uses each label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregate.annotations import Annotations

Float = NDArray[np.float64]


@dataclass(frozen=True)
class LabelShares:
    """Counts of each annotator's labels.

    Attributes
    ----------
    counts : ndarray of shape (M, K)
        How often annotator j said y. Counts of blocks of items add up.
    """

    counts: Float

    @property
    def totals(self) -> Float:
        """Labels of each annotator, shape (M,)."""
        return np.asarray(self.counts.sum(axis=1))

    @property
    def shares(self) -> Float:
        """Frequency of each label per annotator, shape (M, K); zero for who gave none."""
        return self.counts / np.maximum(self.totals, 1)[:, np.newaxis]

    def __add__(self, other: LabelShares) -> LabelShares:
        return LabelShares(self.counts + other.counts)


def label_shares(annotations: Annotations) -> LabelShares:
    """Count each annotator's labels.

    Examples
    --------
    >>> from aggregate import Annotations
    >>> from aggregate.moments import label_shares
    >>> label_shares(Annotations.from_matrix([[0, 1], [1, 1]])).shares
    array([[0.5, 0.5],
           [0. , 1. ]])
    """
    n_annotators, n_classes = annotations.n_annotators, annotations.n_classes
    counts = np.zeros(n_annotators * n_classes, dtype=np.int64)
    for _, _, part in annotations.blocks():
        code = part.annotator.astype(np.int64) * n_classes + part.label
        counts += np.bincount(code, minlength=len(counts))
    return LabelShares(counts.astype(np.float64).reshape(n_annotators, n_classes))
