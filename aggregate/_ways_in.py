"""The ways into `Annotations`: columns, frames, tables, dictionaries and folders."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal, Self

from numpy.typing import ArrayLike

from aggregate import _constructors
from aggregate._arrays import AnnotationArrays
from aggregate._constructors import AUTO
from aggregate.storage import open_folder

OnDuplicate = Literal["keep", "first", "last", "error"]


class WaysIn(AnnotationArrays):
    """The constructors of `Annotations` by name, each a thin door to `_constructors`."""

    @classmethod
    def from_columns(
        cls,
        items: ArrayLike,
        annotators: ArrayLike,
        labels: ArrayLike,
        *,
        classes: ArrayLike | None = None,
        known_items: ArrayLike | None = None,
        known_annotators: ArrayLike | None = None,
        on_duplicate: OnDuplicate = "keep",
    ) -> Self:
        """Build from three columns of equal length, one row per label.

        Parameters
        ----------
        items, annotators, labels : array-like of shape (n_rows,)
            Identifiers of any kind (numbers, text, dates); lists, NumPy or Arrow arrays, series.
            A row whose label is missing (None, NaN, NA) makes its item and annotator known.
        classes : array-like, optional
            All classes in the order wanted, when nobody used some of them.
        known_items, known_annotators : array-like, optional
            All items or annotators in the order wanted, when some have no label.
        on_duplicate : {"keep", "first", "last", "error"}
            What to do with several labels by one annotator on one item: count each, take
            the first or last row, or refuse.

        Returns
        -------
        Annotations

        Raises
        ------
        ValueError
            If the columns differ in length, a label has no item or annotator, or a value is
            not among the declared ones.

        Examples
        --------
        >>> from aggregate import Annotations
        >>> Annotations.from_columns([1, 1, 2], ["x", "y", "x"], [0, 1, 1], classes=[0, 1, 2])
        Annotations(2 items, 2 annotators, 3 classes, 3 annotations)
        """
        parts = _constructors.from_columns(
            items,
            annotators,
            labels,
            declared=(known_items, known_annotators, classes),
            on_duplicate=on_duplicate,
        )
        return cls(*parts)

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        item: str | None = None,
        annotator: str | None = None,
        label: str | None = None,
        classes: ArrayLike | None = None,
        on_duplicate: OnDuplicate = "keep",
    ) -> Self:
        """Build from a long data frame (pandas, polars, pyarrow), one row per label.

        Parameters
        ----------
        frame : data frame
            Columns of any dtype; nulls in the label column are missing labels.
        item, annotator, label : str, optional
            Column names. Left out, they are recognised among the usual ones (task, worker,
            question, answer, …) and ``report.columns`` tells the guess.
        classes, on_duplicate
            As in `from_columns`.

        Returns
        -------
        Annotations

        Raises
        ------
        ValueError
            If a column is missing, ambiguous or cannot be recognised.

        Examples
        --------
        >>> import pandas as pd
        >>> from aggregate import Annotations
        >>> frame = pd.DataFrame({"task": [1, 1], "worker": ["u", "v"], "label": ["no", "yes"]})
        >>> votes = Annotations.from_frame(frame)
        >>> votes.report.columns["item"]
        'task'
        """
        names = {"item": item, "annotator": annotator, "label": label}
        return cls(*_constructors.from_frame(frame, names, classes, on_duplicate))

    @classmethod
    def from_matrix(
        cls,
        matrix: Any,
        *,
        missing: Any = AUTO,
        items: ArrayLike | None = None,
        annotators: ArrayLike | None = None,
        classes: ArrayLike | None = None,
    ) -> Self:
        """Build from a table with one row per item and one column per annotator.

        Parameters
        ----------
        matrix : array-like or data frame of shape (N, M)
            Labels of any kind.
        missing : value or list of values, optional
            What marks a missing label besides None and NaN. By default -1 (in numbers).
        items, annotators : array-like of shape (N,), (M,), optional
            Names of the rows and columns. A data frame's column names are used; otherwise
            positions.
        classes : array-like, optional
            As in `from_columns`.

        Returns
        -------
        Annotations

        Raises
        ------
        ValueError
            If the table is not two-dimensional, or holds only -1 and 1 and ``missing`` does
            not say whether -1 is a label.

        Examples
        --------
        >>> from aggregate import Annotations
        >>> Annotations.from_matrix([[0, 1, -1], [1, 1, 1]])
        Annotations(2 items, 3 annotators, 2 classes, 5 annotations)
        """
        return cls(*_constructors.from_matrix(matrix, missing, (items, annotators, classes)))

    @classmethod
    def from_sparse(
        cls,
        matrix: Any,
        *,
        items: ArrayLike | None = None,
        annotators: ArrayLike | None = None,
        classes: ArrayLike | None = None,
        on_duplicate: OnDuplicate = "keep",
    ) -> Self:
        """Build from a scipy sparse table of shape (N, M): its stored entries are the labels.

        A stored zero is the label 0; an entry that is not stored is missing. Entries stored
        twice are two labels.

        Parameters
        ----------
        matrix : scipy sparse matrix or array of shape (N, M)
            Numeric labels.
        items, annotators, classes, on_duplicate
            As in `from_matrix` and `from_columns`.

        Returns
        -------
        Annotations

        Examples
        --------
        >>> from scipy.sparse import coo_array
        >>> from aggregate import Annotations
        >>> Annotations.from_sparse(coo_array(([0, 1, 1], ([0, 0, 1], [0, 2, 1])), shape=(2, 3)))
        Annotations(2 items, 3 annotators, 2 classes, 3 annotations)
        """
        declared = (items, annotators, classes)
        return cls(*_constructors.from_sparse(matrix, declared, on_duplicate))

    @classmethod
    def from_dict(
        cls,
        votes: Mapping[Any, Mapping[Any, Any]],
        *,
        classes: ArrayLike | None = None,
    ) -> Self:
        """Build from ``{item: {annotator: label}}``; a list of labels is several answers.

        Examples
        --------
        >>> from aggregate import Annotations
        >>> Annotations.from_dict({"q1": {"ann": "yes", "bob": ["no", "yes"]}, "q2": {}})
        Annotations(2 items, 2 annotators, 2 classes, 3 annotations)
        """
        return cls(*_constructors.from_dict(votes, classes))

    @classmethod
    def open(cls, folder: str | os.PathLike[str], *, verify: bool | None = None) -> Self:
        """Open a folder that `save` (or `aggregate.group_annotations`) has written.

        The arrays are mapped, not read: opening takes no memory to speak of, and passes over the
        items fetch what they need. Identifiers that are text do become Python objects, here.

        Parameters
        ----------
        folder : str or path-like
        verify : bool, optional
            Whether the content of every file is read and compared with its checksum. By default
            it is for folders of up to 64 MB. Header and lengths are always checked, and so is
            that every code is in its range.

        Returns
        -------
        Annotations
            With ``on_disk`` true.

        Raises
        ------
        aggregate.storage.FolderError
            If the folder is missing, is something else, was cut off or changed, or was written
            by a later version. A `ValueError`.

        Examples
        --------
        >>> import tempfile
        >>> from aggregate import Annotations
        >>> votes = Annotations.from_matrix([["cat", "dog"], ["cat", None]])
        >>> with tempfile.TemporaryDirectory() as place:
        ...     folder = votes.save(f"{place}/votes")
        ...     opened = Annotations.open(folder)
        ...     print(opened, opened.on_disk, opened == votes)
        Annotations(2 items, 2 annotators, 2 classes, 3 annotations) True True
        """
        annotations = cls(*open_folder(folder, verify=verify))
        object.__setattr__(annotations, "folder", os.path.abspath(folder))
        return annotations
