"""The container of votes: who said what about which item, checked once and then trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate import _constructors, _export
from aggregate._constructors import AUTO
from aggregate._report import ImportReport
from aggregate._summary import AnnotationsSummary, summarize
from aggregate.kernels.layout import item_of_annotation, stable_order

OnDuplicate = Literal["keep", "first", "last", "error"]


class ByAnnotator(NamedTuple):
    """The same annotations grouped by annotator: ``pointers[j]:pointers[j + 1]`` are j's."""

    pointers: NDArray[np.int64]
    item: NDArray[np.int32]
    label: NDArray[np.int32]


@dataclass(frozen=True, eq=False, repr=False)
class Annotations:
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
        if (np.diff(ptr) < 0).any():
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
            if len(code) and (code.min() < 0 or code.max() >= size):
                raise ValueError(
                    f"{name} codes must lie between 0 and {size - 1}; got values from "
                    f"{code.min()} to {code.max()}."
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
        counts = np.bincount(self.annotator, minlength=self.n_annotators)
        return _frozen_array(counts, np.int64)

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

    # Ways in -------------------------------------------------------------------------------

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
    ) -> Annotations:
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
    ) -> Annotations:
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
    ) -> Annotations:
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
    ) -> Annotations:
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
    ) -> Annotations:
        """Build from ``{item: {annotator: label}}``; a list of labels is several answers.

        Examples
        --------
        >>> from aggregate import Annotations
        >>> Annotations.from_dict({"q1": {"ann": "yes", "bob": ["no", "yes"]}, "q2": {}})
        Annotations(2 items, 2 annotators, 2 classes, 3 annotations)
        """
        return cls(*_constructors.from_dict(votes, classes))

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
        return _export.select(self, items, annotators)

    def describe(self) -> AnnotationsSummary:
        """Return the sizes, the spread of labels over items and annotators, the class counts."""
        return summarize(self)

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
        """Pickle by the constructor, so that a copy is checked and read-only as well."""
        return type(self), tuple(getattr(self, field.name) for field in fields(self))


def _frozen_array(values: Any, dtype: Any) -> NDArray[Any]:
    """Return a contiguous read-only array: one type for kernels, wherever the data came from."""
    array = np.ascontiguousarray(values, dtype=dtype)
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return np.asarray(array)
