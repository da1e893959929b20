"""The container of votes: who said what about which item, checked once and then trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate._report import ImportReport
from aggregate._ways_in import OnDuplicate, WaysIn
from aggregate._ways_out import WaysOut
from aggregate.kernels.layout import item_of_annotation, stable_order
from aggregate.storage import count_codes, pieces

__all__ = ["Annotations", "ByAnnotator", "OnDuplicate"]


class ByAnnotator(NamedTuple):
    """The same annotations grouped by annotator: ``pointers[j]:pointers[j + 1]`` are j's."""

    pointers: NDArray[np.int64]
    item: NDArray[np.int32]
    label: NDArray[np.int32]


@dataclass(frozen=True, eq=False, repr=False)
class Annotations(WaysIn, WaysOut):
    r"""Labels given by annotators to items, in arrays that kernels can walk.

    Make one with `from_columns`, `from_frame`, `from_matrix`, `from_sparse` or `from_dict`,
    or from a file with `aggregate.read_annotations`; the constructor itself is for arrays that
    are already coded and grouped.

    Item ``i`` was labelled in the entries ``item_ptr[i]:item_ptr[i + 1]``; entry ``e`` says
    that annotator ``annotators[annotator[e]]`` gave the label ``classes[label[e]]``. Within an
    item, entries are sorted by annotator and label, so nothing computed from the container
    depends on the order of the rows it came from. Items and annotators without any label are
    legal. A missing label is the absence of an entry. An annotator may label an item more than
    once; each time counts.

    Parameters
    ----------
    item_ptr : ndarray of int64, shape (N + 1,)
        Where each item's entries begin; the last value is E.
    annotator : ndarray of int32, shape (E,)
        Annotator code of each entry, from 0 to M - 1.
    label : ndarray of int32, shape (E,)
        Class code of each entry, from 0 to K - 1.
    items, annotators, classes : ndarray of shape (N,), (M,), (K,)
        What the codes stand for, in the user's own dtype.
    report : ImportReport, optional
        What became of the rows it was read from.

    Raises
    ------
    ValueError
        If the arrays contradict each other or a code is out of range.

    Examples
    --------
    >>> from aggregate import Annotations
    >>> votes = Annotations.from_columns(
    ...     items=["a", "a", "b", "b", "b"],
    ...     annotators=["ann", "bob", "ann", "bob", "cyd"],
    ...     labels=["cat", "dog", "dog", "dog", None],
    ... )
    >>> votes
    Annotations(2 items, 3 annotators, 2 classes, 4 annotations)
    >>> votes.label
    array([0, 1, 1, 1], dtype=int32)
    >>> votes.to_matrix()
    array([['cat', 'dog', None],
           ['dog', 'dog', None]], dtype=object)
    """

    item_ptr: NDArray[np.int64]
    annotator: NDArray[np.int32]
    label: NDArray[np.int32]
    items: NDArray[Any]
    annotators: NDArray[Any]
    classes: NDArray[Any]
    report: ImportReport | None = None

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

    # Manners -------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return (
            f"Annotations({self.n_items} items, {self.n_annotators} annotators, "
            f"{self.n_classes} classes, {self.n_annotations} annotations)"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Annotations):
            return NotImplemented
        names: Sequence[str] = ("item_ptr", "annotator", "label", "items", "annotators", "classes")
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in names)

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the constructor, so that a copy is checked; on disk, by the folder's name."""
        if self.folder is not None:
            return _reopen, (type(self), self.folder)
        return type(self), tuple(getattr(self, field.name) for field in fields(self))


def _reopen(kind: type[Annotations], folder: str) -> Annotations:
    return kind.open(folder, verify=False)


def _frozen_array(values: Any, dtype: Any) -> NDArray[Any]:
    """Return a contiguous read-only array: one type for kernels, wherever the data came from."""
    array = np.ascontiguousarray(values, dtype=dtype)
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return np.asarray(array)
