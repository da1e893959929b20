"""The arrays of annotations: who said what about which item, checked once and then trusted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from aggregate._report import ImportReport
from aggregate.kernels.layout import item_of_annotation, stable_order
from aggregate.storage import count_codes, is_mapped, pieces, release


class ByAnnotator(NamedTuple):
    """The same annotations grouped by annotator: ``pointers[j]:pointers[j + 1]`` are j's."""

    pointers: NDArray[np.int64]
    item: NDArray[np.int32]
    label: NDArray[np.int32]


@dataclass(frozen=True, eq=False, repr=False)
class AnnotationArrays:
    """What `Annotations` holds, and what follows from it: sizes, views, blocks of items."""

    item_ptr: NDArray[np.int64]
    annotator: NDArray[np.int32]
    label: NDArray[np.int32]
    items: NDArray[Any]
    annotators: NDArray[Any]
    classes: NDArray[Any]
    report: ImportReport | None = None

    folder: ClassVar[str | None] = None
    """Where `open` found it; None for annotations in memory."""

    def __post_init__(self) -> None:
        for name, dtype in (("item_ptr", np.int64), ("annotator", np.int32), ("label", np.int32)):
            object.__setattr__(self, name, _frozen_array(getattr(self, name), dtype))
        for name in ("items", "annotators", "classes"):
            object.__setattr__(self, name, _frozen_array(getattr(self, name), None))
        self._check()

    def _check(self) -> None:
        ptr, n_annotations = self.item_ptr, len(self.annotator)
        if len(ptr) != self.n_items + 1 or ptr[0] != 0 or ptr[-1] != n_annotations:
            raise ValueError(
                f"item_ptr must hold {self.n_items + 1} positions from 0 to {n_annotations} "
                f"(one per item and the end); got {len(ptr)} from {ptr[:1]} to {ptr[-1:]}."
            )
        for part in pieces(ptr, overlap=1):
            if (part[1:] < part[:-1]).any():
                raise ValueError("item_ptr must never decrease.")
        if len(self.label) != n_annotations:
            raise ValueError(
                f"annotator and label must be of one length; got {n_annotations} and "
                f"{len(self.label)}."
            )
        for name, code, size in (
            ("annotator", self.annotator, self.n_annotators),
            ("label", self.label, self.n_classes),
        ):
            for part in pieces(code):
                if part.min() < 0 or part.max() >= size:
                    raise ValueError(
                        f"{name} codes must lie between 0 and {size - 1}; got values from "
                        f"{part.min()} to {part.max()}."
                    )

    # Sizes ---------------------------------------------------------------------------------

    @property
    def n_items(self) -> int:
        """Number of items, N."""
        return len(self.items)

    @property
    def n_annotators(self) -> int:
        """Number of annotators, M."""
        return len(self.annotators)

    @property
    def n_classes(self) -> int:
        """Number of classes, K."""
        return len(self.classes)

    @property
    def n_annotations(self) -> int:
        """Number of annotations, E."""
        return len(self.annotator)

    @cached_property
    def labels_per_item(self) -> NDArray[np.int64]:
        """How many labels each item has, shape (N,)."""
        return _frozen_array(np.diff(self.item_ptr), np.int64)

    @cached_property
    def labels_per_annotator(self) -> NDArray[np.int64]:
        """How many labels each annotator gave, shape (M,)."""
        return _frozen_array(count_codes(self.annotator, self.n_annotators), np.int64)

    @cached_property
    def labels_per_class(self) -> NDArray[np.int64]:
        """How often each label was given, shape (K,)."""
        return _frozen_array(count_codes(self.label, self.n_classes), np.int64)

    @cached_property
    def item(self) -> NDArray[np.int32]:
        """Item code of each entry, shape (E,)."""
        item = np.empty(self.n_annotations, dtype=np.int32)
        item_of_annotation(self.item_ptr, item)
        return _frozen_array(item, np.int32)

    @cached_property
    def by_annotator(self) -> ByAnnotator:
        """The entries grouped by annotator (and by item within), made on first use."""
        pointers = np.empty(self.n_annotators + 1, dtype=np.int64)
        order = np.empty(self.n_annotations, dtype=np.int64)
        stable_order(self.annotator, np.arange(self.n_annotations), pointers, order)
        return ByAnnotator(
            _frozen_array(pointers, np.int64),
            _frozen_array(self.item[order], np.int32),
            _frozen_array(self.label[order], np.int32),
        )

    # Block by block --------------------------------------------------------------------------

    @property
    def on_disk(self) -> bool:
        """Whether the arrays are mapped from files (see `open`) instead of held in memory.

        `item_ptr`, `annotator` and `label` are then arrays like any other, to be read in slices;
        what makes an array of one entry per annotation of them (`item`, `by_annotator`) takes
        the memory that mapping has saved.
        """
        return is_mapped(self.item_ptr)

    def blocks(self, n_annotations: int = 1 << 22) -> Iterator[tuple[int, int, Self]]:
        """Yield consecutive blocks of items as annotations in memory.

        Parameters
        ----------
        n_annotations : int, default=4194304
            About how many entries a block has; an item is never divided.

        Yields
        ------
        first, last : int
            The block has the items ``first`` to ``last - 1``.
        annotations : Annotations
            Of those items, with all annotators and classes.

        Examples
        --------
        >>> from aggregate import Annotations
        >>> votes = Annotations.from_matrix([[0, 1], [1, 1], [0, -1]])
        >>> for first, last, part in votes.blocks(3):
        ...     print(first, last, part)
        0 1 Annotations(1 items, 2 annotators, 2 classes, 2 annotations)
        1 3 Annotations(2 items, 2 annotators, 2 classes, 3 annotations)
        """
        first, stop = 0, self.n_items
        while first < stop:
            target = self.item_ptr[first] + n_annotations
            last = int(np.searchsorted(self.item_ptr, target, side="right")) - 1
            last = min(max(last, first + 1), stop)
            yield first, last, self._block(first, last)
            first = last

    def _block(self, first: int, last: int) -> Self:
        start, end = int(self.item_ptr[first]), int(self.item_ptr[last])
        views = self.annotator[start:end], self.label[start:end], self.items[first:last]
        annotator, label, items = (np.array(view) for view in views) if self.on_disk else views
        for view in views:
            release(view)
        pointers = self.item_ptr[first : last + 1] - start
        parts = pointers, annotator, label, items, self.annotators, self.classes
        return type(self)(*parts)


def _frozen_array(values: Any, dtype: Any) -> NDArray[Any]:
    """Return a contiguous read-only array: one type for kernels, wherever the data came from."""
    array = np.ascontiguousarray(values, dtype=dtype)
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return np.asarray(array)
