"""What a `DaskAnnotations` holds: parts on the workers, names and sizes here."""

from __future__ import annotations

from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from aggregate._report import ImportReport
from aggregate.distributed._parts import Parts
from aggregate.distributed._rows import Size, Tables
from aggregate.models._remote import RemoteVotes


class Built(NamedTuple):
    """What a `DaskAnnotations` is made of."""

    parts: Parts
    items: Parts
    tables: Parts
    names: Tables
    labels: NDArray[np.int64]
    sizes: list[Size]
    item_dtype: np.dtype[Any]
    report: ImportReport


class HeldVotes(RemoteVotes):
    """The parts of votes by item, and what is known of them without asking the workers."""

    def __init__(self, built: Built) -> None:
        self._parts, self._items, self._tables = built.parts, built.items, built.tables
        self.annotators, self.classes = built.names
        self.label_counts, self.sizes = built.labels, built.sizes
        self.item_dtype, self.report = built.item_dtype, built.report
        self._gold: WeakKeyDictionary[Any, tuple[str, Parts | None]] = WeakKeyDictionary()

    @property
    def n_items(self) -> int:
        """Number of items, N."""
        return sum(size.n_items for size in self.sizes)

    @property
    def n_annotations(self) -> int:
        """Number of annotations, E."""
        return sum(size.n_annotations for size in self.sizes)

    @property
    def labels_per_class(self) -> NDArray[np.int64]:
        """How often each label was given, shape (K,)."""
        return np.asarray(self.label_counts.sum(axis=0))

    @property
    def npartitions(self) -> int:
        """Number of parts."""
        return len(self.sizes)

    def gold_of(self, model: Any) -> Parts | None:
        """Return the gold of a model, where these are the votes it was last fitted to."""
        fitted, gold = self._gold.get(model, (None, None))
        return gold if getattr(model.probas_, "name", None) == fitted else None
