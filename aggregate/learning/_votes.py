"""Votes beside features: in any form, so that row i of the features is item i of the votes."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import check_array
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _num_samples, column_or_1d

from aggregate._columns import candidates
from aggregate._encoding import encode, match
from aggregate._validation import first_few
from aggregate.annotations import Annotations


def read_votes(y: Any, n_rows: int, items: Any = None) -> Annotations:
    """Return the votes with one item per row of the features, in the order of the rows.

    Parameters
    ----------
    y : Annotations, array-like of shape (N, M) or (N,)
        A container; a table in which NaN, None and -1 are missing; or a vector of labels,
        all by one annotator, in which -1 is a label like another.
    n_rows : int
        Rows of the features, N.
    items : array-like of shape (N,), optional
        What the rows are called. The items of a container are then found by name, in any
        order; rows without votes are items without labels. Without it, the rows of a pandas
        table are called as its index says.

    Returns
    -------
    Annotations

    Raises
    ------
    ValueError
        If the numbers of rows differ, a table has a row per vote, names repeat, items with labels
        are not among the rows, a vector holds numbers that are no classes, or there is no label.
    TypeError
        If it is a sparse table.

    Warns
    -----
    DataConversionWarning
        If a table has one column.
    """
    if y is None:
        raise ValueError(
            "this classifier requires y to be passed, but the target y is None: pass the votes, "
            "as Annotations, as a table with a column per annotator, or as a vector of labels."
        )
    if issparse(y):
        raise TypeError(
            "y is a sparse table, of which a dense one would make labels (0) out of missing ones: "
            "pass y=Annotations.from_sparse(y)."
        )
    if isinstance(y, Annotations):
        votes = _in_rows(y, n_rows) if items is None else _by_name(y, n_rows, items)
    else:
        names = None if items is None else _names(items, n_rows)
        votes = _from_array(y, n_rows, names)
    if votes.n_annotations == 0:
        raise ValueError(f"the {n_rows} rows have no label at all; at least one is needed.")
    return votes


def take_items(
    votes: Annotations, place: NDArray[np.integer], names: NDArray[Any] | None = None
) -> Annotations:
    """Return the votes on some items in the order given; annotators and classes stay.

    Parameters
    ----------
    votes : Annotations
    place : ndarray of shape (n,)
        Which items; -1 for one without labels, which then needs a name.
    names : ndarray of shape (n,), optional
        What they are called; by default as before.
    """
    item_ptr, source = entries_of(votes, place)
    return Annotations(
        item_ptr,
        votes.annotator[source],
        votes.label[source],
        votes.items[place] if names is None else names,
        votes.annotators,
        votes.classes,
    )


def entries_of(
    votes: Annotations, place: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pointers of items taken in another order, and where each label comes from."""
    length = np.append(votes.labels_per_item, 0)[place]
    item_ptr = np.concatenate(([0], np.cumsum(length, dtype=np.int64)))
    # Its item's first label, and its rank within the item.
    first = votes.item_ptr[place] - item_ptr[:-1]
    return item_ptr, np.repeat(first, length) + np.arange(item_ptr[-1])


def refuse_another_order(X: Any, y: Any, items: Any, what: str = "votes") -> None:
    """Refuse features whose names are those of the votes' items in another order.

    Row i is taken for item i, and a file read in another order than the votes would train a
    classifier on other items' labels without a word. Rows are called by ``items``, else by the
    index of a pandas X; items by the Annotations or the index of a pandas y. Names 0, 1, 2, …
    are positions and tell nothing.

    Raises
    ------
    ValueError
        If both name the same things, in another order.
    """
    if isinstance(y, Annotations):
        if items is not None:
            return  # they are found by name
        remedy = "pass items=X.index, and items are found by name"
    else:
        remedy = f"bring them into one order, by {what.replace(' ', '_')}.reindex(X.index)"
    theirs = y.items if isinstance(y, Annotations) else index_names(y)
    rows = index_names(X) if items is None else np.asarray(items, dtype=object)
    if rows is None or theirs is None or not in_another_order(rows, theirs):
        return
    row = int(np.argmax(match(rows, theirs) != np.arange(len(rows))))
    raise ValueError(
        f"X names the items of the {what} in another order, and row i would be taken for item i "
        f"(row {row} is {rows[row]!r}, item {row} is {theirs[row]!r}): {remedy}."
    )


def index_names(table: Any) -> NDArray[Any] | None:
    """Return what a pandas table calls its rows, or None where it has no names or equal ones."""
    index = table.index if hasattr(table, "iloc") else None
    if index is None or index.nlevels > 1 or not index.is_unique or index.hasnans:
        return None
    return np.asarray(index, dtype=object)


def in_another_order(names: NDArray[Any] | None, others: NDArray[Any]) -> bool:
    """Say whether two lists hold the same names in different orders; 0, 1, 2, … are no names."""
    if names is None or len(names) != len(others) or _equal(names, others):
        return False
    positions = np.arange(len(names))
    if _equal(names, positions) or _equal(others, positions):
        return False
    return bool((match(names, others) >= 0).all())


def _equal(names: NDArray[Any], others: NDArray[Any]) -> bool:
    return bool(np.array_equal(names, others))


def is_vector(y: Any) -> bool:
    """Say whether y is one label per row: a truth, or one annotator's votes."""
    return not isinstance(y, Annotations) and np.asarray(y).ndim == 1


def _in_rows(votes: Annotations, n_rows: int) -> Annotations:
    if votes.n_items != n_rows:
        raise ValueError(
            f"X has {n_rows} rows and the annotations {votes.n_items} items, and row i is taken "
            "for item i. If the rows have names, pass them (items=), and items are found by name."
        )
    return votes


def _by_name(votes: Annotations, n_rows: int, items: Any) -> Annotations:
    names = _names(items, n_rows)
    place = match(names, votes.items)
    labelled = np.flatnonzero(votes.labels_per_item > 0)
    lost = np.setdiff1d(labelled, place)
    if len(lost):
        raise ValueError(
            f"{len(lost)} items with labels are not among the rows of X: "
            f"{first_few(votes.items[lost])}. Compare their spelling and type (1 is not '1'), or "
            "leave them out: annotations.select(items=...)."
        )
    return take_items(votes, place, names)


def _names(items: Any, n_rows: int) -> NDArray[Any]:
    codes, table = encode(items, "items")
    if len(codes) != n_rows:
        raise ValueError(f"items must name the {n_rows} rows of X; got {len(codes)} names.")
    if (codes < 0).any():
        raise ValueError(f"items must not be missing (row {int(np.argmin(codes))}).")
    if len(table) < n_rows:
        repeated = np.bincount(codes) > 1
        raise ValueError(f"items must name each row once; repeated: {first_few(table[repeated])}.")
    return table[codes]


def _from_array(y: Any, n_rows: int, names: NDArray[Any] | None) -> Annotations:
    n_labels = _num_samples(y)
    columns = getattr(y, "columns", None)
    if columns is not None:
        _refuse_a_row_per_vote(list(columns))
    if n_labels != n_rows:
        raise ValueError(
            "Found input variables with inconsistent numbers of samples: X has "
            f"{n_rows} rows and y {n_labels}. A table of votes has a row for each row of X, in the "
            "same order; a pandas one is put so by votes.reindex(X.index)."
        )
    if is_vector(y):
        return _one_annotator(y, names)
    names = _index_as_items(y) if names is None else names
    table = check_array(
        y, dtype=None, ensure_all_finite="allow-nan", ensure_min_features=1, input_name="y"
    )
    if table.shape[1] == 1:
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected: it is taken for the votes "
            "of one annotator, -1 for a missing one.",
            DataConversionWarning,
            stacklevel=5,
        )
    annotators = None if columns is None else np.asarray(columns, dtype=object)
    try:
        return Annotations.from_matrix(table, items=names, annotators=annotators)
    except ValueError as error:
        error.add_note("Here: pass y=Annotations.from_matrix(table, missing=...).")
        raise


def _refuse_a_row_per_vote(columns: list[Any]) -> None:
    """Refuse a table whose columns are item, annotator and label: they are no three annotators."""
    available = [column for column in columns if isinstance(column, str)]
    found = [candidates(role, available) for role in ("item", "annotator", "label")]
    if all(found):
        item, annotator, label = (names[0] for names in found)
        raise ValueError(
            f"y seems to have one row per vote (columns {item!r}, {annotator!r} and {label!r}), "
            "not one per row of X: pass y=Annotations.from_frame(y), with items= naming the rows "
            "of X."
        )


def _index_as_items(y: Any) -> NDArray[Any] | None:
    """Return the index of a pandas table, if it holds plain names or numbers, in its order."""
    names = index_names(y)
    if names is None or {type(name) for name in names.tolist()} not in ({str}, {int}):
        return None
    return _names(names, len(names))


def _one_annotator(y: Any, names: NDArray[Any] | None) -> Annotations:
    try:
        labels = column_or_1d(y)
        check_array(labels.reshape(-1, 1), dtype=None, input_name="y")
        if labels.dtype == object and any(label is None for label in labels):
            raise ValueError("Input y contains None.")
    except ValueError as error:
        error.add_note(
            "Here: a vector has a label for each row. Where some have none, pass a table of one "
            "column, in which NaN, None and -1 are missing."
        )
        raise
    check_classification_targets(labels)
    table, codes = np.unique(labels, return_inverse=True)
    n_items = len(labels)
    return Annotations(
        np.arange(n_items + 1),
        np.zeros(n_items, dtype=np.int32),
        codes.astype(np.int32),
        np.arange(n_items) if names is None else names,
        np.zeros(1, dtype=np.int64),
        table,
    )
