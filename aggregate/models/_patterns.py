"""Items with the very same labels, visited once: what a pass walks in place of all items."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate.kernels.patterns import copy_patterns, find_patterns

_FEWEST_ANNOTATIONS = 1 << 16  # below, a pass is too short to be worth shortening
_SAMPLE = 1 << 16
_SAMPLE_SHARE = 0.5  # of patterns among the sample's items, up to which all items are tried
_SHARE = 0.25  # of patterns among all items, up to which they are taken


class Visits(NamedTuple):
    """Items to walk: labels, known classes (or none) and how often each counts (or none)."""

    item_ptr: NDArray[np.int64]
    code: NDArray[np.uint32]
    gold: NDArray[np.int32]
    weight: NDArray[np.float64]


def collapse(
    item_ptr: NDArray[np.int64], code: NDArray[np.uint32], gold: NDArray[np.int32]
) -> Visits:
    """Return one item for each pattern of labels, with weights, or all items where that is dear.

    A sample of the items is looked at first: with many annotators hardly any two items have one
    pattern, and nothing more is done. All items are gone through where up to half of the
    sample's have a pattern of their own, and the patterns are taken where they are at most a
    quarter of the items. Patterns stand in the order of their first items, so what a pass adds
    up depends on the items alone.
    """
    everything = Visits(item_ptr, code, gold, np.empty(0))
    n_items = len(item_ptr) - 1
    if len(code) < _FEWEST_ANNOTATIONS or n_items < 2:
        return everything
    step = -(-n_items // _SAMPLE)
    if step > 1 and _find(item_ptr, code, gold, step, _SAMPLE_SHARE) is None:
        return everything
    found = _find(item_ptr, code, gold, 1, _SHARE)
    if found is None:
        return everything
    first, weight = found
    pointers = np.concatenate(([0], np.cumsum(item_ptr[first + 1] - item_ptr[first])))
    codes = np.empty(pointers[-1], dtype=code.dtype)
    copy_patterns(item_ptr, code, first, pointers, codes)
    return Visits(pointers, codes, gold[first] if len(gold) else gold, weight)


def _find(
    item_ptr: NDArray[np.int64],
    code: NDArray[np.uint32],
    gold: NDArray[np.int32],
    step: int,
    share: float,
) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
    """Return the patterns' first items and weights, or None if they are more than ``share``."""
    most = max(1, int(share * (-(-(len(item_ptr) - 1) // step))))
    slots = np.empty(1 << (2 * most - 1).bit_length(), dtype=np.int64)
    first, weight = np.empty(most, dtype=np.int64), np.empty(most)
    n_patterns = find_patterns(item_ptr, code, gold, step, slots, first, weight)
    return None if n_patterns < 0 else (first[:n_patterns].copy(), weight[:n_patterns].copy())
