"""The container of votes: its arrays, the ways into it and out of it, and its manners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from aggregate._arrays import ByAnnotator
from aggregate._ways_in import OnDuplicate, WaysIn
from aggregate._ways_out import WaysOut

__all__ = ["Annotations", "ByAnnotator", "OnDuplicate"]


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
