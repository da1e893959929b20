"""The ways out of `Annotations`: frames, tables, selections, blocks of items, folders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate import _export
from aggregate._summary import AnnotationsSummary, summarize
from aggregate.storage import is_mapped, release, save_folder

if TYPE_CHECKING:
    from aggregate.annotations import Annotations


class WaysOut:
    """What can be had from `Annotations` beside its arrays."""

    if TYPE_CHECKING:
        item_ptr: NDArray[np.int64]
        annotator: NDArray[np.int32]
        label: NDArray[np.int32]
        items: NDArray[Any]
        annotators: NDArray[Any]
        classes: NDArray[Any]

        @property
        def n_items(self) -> int: ...

    @property
    def _itself(self) -> Annotations:
        return cast("Annotations", self)

    # Block by block --------------------------------------------------------------------------

    folder: ClassVar[str | None] = None
    """Where `open` found it; None for annotations in memory."""

    @property
    def on_disk(self) -> bool:
        """Whether the arrays are mapped from files (see `open`) instead of held in memory.

        `item_ptr`, `annotator` and `label` are then arrays like any other, to be read in slices;
        what makes an array of one entry per annotation of them (`item`, `by_annotator`) takes
        the memory that mapping has saved.
        """
        return is_mapped(self.item_ptr)

    def blocks(self, n_annotations: int = 1 << 22) -> Iterator[tuple[int, int, Annotations]]:
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

    def _block(self, first: int, last: int) -> Annotations:
        start, end = int(self.item_ptr[first]), int(self.item_ptr[last])
        views = self.annotator[start:end], self.label[start:end], self.items[first:last]
        annotator, label, items = (np.array(view) for view in views) if self.on_disk else views
        for view in views:
            release(view)
        pointers = self.item_ptr[first : last + 1] - start
        parts = pointers, annotator, label, items, self.annotators, self.classes
        return type(self._itself)(*parts)

    # Ways out ------------------------------------------------------------------------------

    def to_frame(self, backend: Literal["pandas", "polars", "pyarrow"] = "pandas") -> Any:
        """Return a long table with the columns item, annotator and label, one row per label.

        Items and annotators without a label are not in it.

        Examples
        --------
        >>> from aggregate import Annotations
        >>> Annotations.from_matrix([["cat", None], ["dog", "dog"]]).to_frame()
           item  annotator label
        0     0          0   cat
        1     1          0   dog
        2     1          1   dog
        """
        return _export.to_frame(self._itself, backend)

    def to_matrix(self) -> NDArray[Any]:
        """Return the (N, M) table of labels; missing is -1, NaN or None, as the labels' kind asks.

        `from_matrix` reads it back, given the names of items and annotators (and, where -1.0 is
        a class, ``missing=None``).

        Raises
        ------
        ValueError
            If an annotator labelled an item more than once, or -1 is a class.
        """
        return _export.to_matrix(self._itself)

    def select(
        self, *, items: ArrayLike | None = None, annotators: ArrayLike | None = None
    ) -> Annotations:
        """Return the annotations of some items and annotators; the classes stay.

        Parameters
        ----------
        items, annotators : array-like, optional
            The identifiers to keep, or a Boolean mask over all of them. The order stays.

        Raises
        ------
        KeyError
            If an identifier is unknown.

        Examples
        --------
        >>> from aggregate import Annotations
        >>> votes = Annotations.from_matrix([[0, 1], [1, 1], [0, 0]])
        >>> votes.select(items=[0, 2], annotators=[True, False])
        Annotations(2 items, 1 annotators, 2 classes, 2 annotations)
        """
        return _export.select(self._itself, items, annotators)

    def save(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write everything to a folder that `open` maps: raw arrays and a header in JSON.

        The folder is written beside its place under a hidden name and renamed when all of it is
        on disk, so there is never half a folder. Nothing is pickled.

        Parameters
        ----------
        folder : str or path-like
            A folder that does not exist yet, in one that does.
        overwrite : bool, default=False
            Replace annotations that were saved there before (and nothing else).

        Returns
        -------
        Path
            The folder, absolute.

        Raises
        ------
        aggregate.storage.FolderError
            If the place is taken or cannot be written, or identifiers are neither numbers, text,
            truth values nor dates. A `ValueError`.
        """
        return save_folder(self._itself, folder, overwrite=overwrite)

    def describe(self) -> AnnotationsSummary:
        """Return the sizes, the spread of labels over items and annotators, the class counts."""
        return summarize(self._itself)
