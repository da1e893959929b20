"""Votes as patterns: which labels an item has, how often each, and how many items are alike."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._blocks import fill_blocks, item_blocks
from aggregate._validation import first_few
from aggregate.annotations import Annotations
from aggregate.kernels.agreement import group_keys, item_keys, pattern_runs

Float = NDArray[np.float64]

_BITS = 62  # of a sum of salts


@dataclass(frozen=True, eq=False)
class Patterns:
    """The different ways in which items are labelled, and how many items each has.

    Attributes
    ----------
    pointers : ndarray of int64, shape (U + 1,)
        Pattern u has the entries ``pointers[u]:pointers[u + 1]``.
    label : ndarray of int32, shape (R,)
        Class of each entry.
    count : ndarray of shape (R,)
        How often the pattern has that class.
    frequency : ndarray of int64, shape (U,)
        Items of each pattern; items without labels have none.
    classes : ndarray of shape (K,)
    """

    pointers: NDArray[np.int64]
    label: NDArray[np.int32]
    count: Float
    frequency: NDArray[np.int64]
    classes: NDArray[Any]

    @cached_property
    def owner(self) -> NDArray[np.int64]:
        """Pattern of each entry, shape (R,)."""
        return np.repeat(np.arange(len(self.frequency)), np.diff(self.pointers))

    @cached_property
    def size(self) -> Float:
        """Labels of an item of each pattern, shape (U,)."""
        return self.gather(self.count)

    @property
    def n_classes(self) -> int:
        """Number of classes, K."""
        return len(self.classes)

    def gather(self, entries: Float) -> Float:
        """Return the sum of a quantity of the entries for each pattern, shape (U,)."""
        sums = np.bincount(self.owner, entries, minlength=len(self.frequency))
        return sums.astype(np.float64)

    def pool(self, weight: Float) -> Float:
        """Return how often each class occurs if patterns have a weight, shape (K,)."""
        return np.bincount(
            self.label, weight[self.owner] * self.count, minlength=self.n_classes
        ).astype(np.float64)

    def select(self, keep: NDArray[np.bool_]) -> Patterns:
        """Return the patterns under a mask."""
        entries = keep[self.owner]
        lengths = np.diff(self.pointers)[keep]
        return Patterns(
            np.concatenate(([0], np.cumsum(lengths))),
            self.label[entries],
            self.count[entries],
            self.frequency[keep],
            self.classes,
        )


def read_votes(votes: Any, *, numeric: bool = False) -> Annotations:
    """Return votes as annotations; in a table of numbers to compute with, -1 is no gap."""
    if isinstance(votes, Annotations):
        return votes
    if np.ndim(votes) != 2:
        raise ValueError(
            "votes must be Annotations or a table of shape (items, annotators); got "
            f"{type(votes).__name__} of shape {np.shape(votes)}."
        )
    return Annotations.from_matrix(votes, **({"missing": None} if numeric else {}))


def find_patterns(votes: Annotations, n_jobs: int | None = None) -> Patterns:
    """Return the patterns of the items that have labels.

    Raises
    ------
    ValueError
        If no item has two labels.
    """
    ptr, label, n_items = votes.item_ptr, votes.label, votes.n_items
    longest = int(votes.labels_per_item.max(initial=0))
    if longest < 2:
        raise ValueError(
            f"agreement needs items with two labels or more; none of the {n_items:,} items has "
            "them. Let several annotators label the same items."
        )
    keys = np.empty((n_items, 2), dtype=np.int64)
    largest = 1 << (_BITS - longest.bit_length())
    salt = np.random.default_rng(0).integers(1, largest, size=(votes.n_classes, 2))
    fill_blocks(
        lambda first, last: item_keys(ptr, label, salt, first, last, keys),
        item_blocks(ptr),
        n_jobs,
    )
    slots = np.full(1 << (n_items.bit_length() + 1), -1, dtype=np.int32)
    example, frequency = np.empty(n_items, dtype=np.int64), np.empty(n_items, dtype=np.int64)
    found = group_keys(keys, slots, example, frequency)
    example = example[:found]
    n_entries = int(votes.labels_per_item[example].sum())
    pointers = np.empty(found + 1, dtype=np.int64)
    classes, counts = np.empty(n_entries, dtype=np.int32), np.empty(n_entries)
    used = pattern_runs(ptr, label, example, pointers, classes, counts)
    return Patterns(
        pointers, classes[:used].copy(), counts[:used].copy(), frequency[:found], votes.classes
    )


def class_values(classes: NDArray[Any], scale: str) -> Float:
    """Return the classes as numbers to compute with.

    Raises
    ------
    ValueError
        If a class is no number, or is not finite, or is negative on a ratio scale.
    """
    try:
        values = np.asarray(classes).astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"on the {scale} scale labels must be numbers; the classes are {first_few(classes)}. "
            "Use scale='ordinal' (graded names) or 'nominal'."
        ) from error
    if not np.isfinite(values).all():
        raise ValueError(f"on the {scale} scale labels must be finite numbers.")
    if scale == "ratio" and (values < 0).any():
        raise ValueError(
            "the ratio scale has no negative labels; got "
            f"{first_few(values[values < 0])}. Use scale='interval'."
        )
    return values
