"""Door checks of soft labels and truth."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import first_few

Float = NDArray[np.float64]
Codes = NDArray[np.int64]


def known_part(probas: Any, truth: Any, *, sum_to_one: bool = True) -> tuple[Float, Codes]:
    """Return the soft labels and truth of the items whose truth is known.

    Raises
    ------
    ValueError
        If shapes disagree, a soft label is no distribution, a code is out of range or no
        truth is known.
    """
    probas = np.asarray(probas, dtype=np.float64)
    truth = np.asarray(truth)
    if probas.ndim != 2 or truth.shape != probas.shape[:1]:
        raise ValueError(
            "probas must have shape (items, classes) and truth one code per item; got the shapes "
            f"{probas.shape} and {truth.shape}."
        )
    if truth.dtype.kind not in "iu":
        raise ValueError(
            f"truth must hold class codes (whole numbers, -1 where unknown); got {truth.dtype}."
        )
    n_classes = probas.shape[1]
    strange = np.flatnonzero((truth < -1) | (truth >= n_classes))
    if len(strange):
        raise ValueError(
            f"truth must lie between 0 and {n_classes - 1}, or be -1 where unknown; got "
            f"{first_few(truth[strange])} for the items at {first_few(strange)}."
        )
    known = np.flatnonzero(truth >= 0)
    if not len(known):
        raise ValueError("no item has a known truth; there is nothing to measure against.")
    probas = probas[known]
    wrong = ~np.isfinite(probas).all(axis=1) | (probas < 0).any(axis=1)
    if sum_to_one:
        wrong |= abs(probas.sum(axis=1) - 1) > 1e-6
    if wrong.any():
        need = "non-negative rows that sum to 1" if sum_to_one else "finite non-negative scores"
        raise ValueError(
            f"probas must hold {need}; wrong for the items at {first_few(known[wrong])}."
        )
    return probas, truth[known].astype(np.int64)
