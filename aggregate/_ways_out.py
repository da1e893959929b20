"""The ways out of `Annotations`: frames, tables, selections, folders, summaries."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal, Self

from numpy.typing import ArrayLike, NDArray

from aggregate import _export
from aggregate._arrays import AnnotationArrays
from aggregate._summary import AnnotationsSummary, summarize
from aggregate.storage import Stored, save_folder


class WaysOut(AnnotationArrays):
    """What can be had from `Annotations` beside its arrays."""

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
        return _export.to_frame(self, backend)

    def to_matrix(self) -> NDArray[Any]:
        """Return the (N, M) table of labels; missing is -1, NaN or None, as the labels' kind asks.

        `from_matrix` reads it back, given the names of items and annotators (and, where -1.0 is
        a class, ``missing=None``).

        Raises
        ------
        ValueError
            If an annotator labelled an item more than once, or -1 is a class.
        """
        return _export.to_matrix(self)

    def select(
        self, *, items: ArrayLike | None = None, annotators: ArrayLike | None = None
    ) -> Self:
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
        return _export.select(self, items, annotators)

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
        parts = (getattr(self, name) for name in Stored._fields)
        return save_folder(Stored(*parts), folder, overwrite=overwrite)

    def describe(self) -> AnnotationsSummary:
        """Return the sizes, the spread of labels over items and annotators, the class counts."""
        return summarize(self)
