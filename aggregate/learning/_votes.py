"""Votes beside features: in any form, so that row i of the features is item i of the votes."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import check_array
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _num_samples, column_or_1d

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
        order; rows without votes are items without labels.

    Returns
    -------
    Annotations

    Raises
    ------
    ValueError
        If the numbers of rows differ, names repeat, items with labels are not among the rows,
        a vector holds numbers that are no classes, or there is no label at all.

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
    if isinstance(y, Annotations):
        votes = _in_rows(y, n_rows) if items is None else _by_name(y, n_rows, items)
    else:
        names = None if items is None else _names(items, n_rows)
        votes = _from_array(y, n_rows, names)
    if votes.n_annotations == 0:
        raise ValueError(f"the {n_rows} rows have no label at all; at least one is needed.")
    return votes


def refuse_another_order(X: Any, y: Any, items: Any) -> None:
    """Refuse features whose index names the items of the votes in another order.

    Row i is taken for item i where ``items`` says nothing, and a file read in another order than
    the votes would train a classifier on other items' labels without a word. Names that are whole
    numbers may be positions and tell nothing.

    Raises
    ------
    ValueError
        If the index holds the names of all items, in another order.
    """
    if items is not None or not isinstance(y, Annotations) or not hasattr(X, "iloc"):
        return
    kinds = {type(name) for name in y.items.tolist()}
    if len(X) != y.n_items or int in kinds:
        return
    place = match(np.asarray(X.index, dtype=object), y.items)
    if (place >= 0).all() and (place != np.arange(len(place))).any():
        row = int(np.argmax(place != np.arange(len(place))))
        raise ValueError(
            "the index of X names the items of the annotations in another order, and row i would "
            f"be taken for item i (row {row} is {X.index[row]!r}, item {row} is "
            f"{y.items[row]!r}): pass items=X.index, and items are found by name."
        )


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
    order = place[place >= 0]
    length = np.zeros(n_rows, dtype=np.int64)
    length[place >= 0] = votes.labels_per_item[order]
    item_ptr = np.concatenate(([0], np.cumsum(length)))
    # Where each label comes from: its item's first label, and its rank within the item.
    start = np.zeros(n_rows, dtype=np.int64)
    start[place >= 0] = votes.item_ptr[order]
    source = np.repeat(start - item_ptr[:-1], length) + np.arange(item_ptr[-1])
    return Annotations(
        item_ptr,
        votes.annotator[source],
        votes.label[source],
        names,
        votes.annotators,
        votes.classes,
    )


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
    if n_labels != n_rows:
        raise ValueError(
            "Found input variables with inconsistent numbers of samples: X has "
            f"{n_rows} rows and y {n_labels}."
        )
    if is_vector(y):
        return _one_annotator(y, names)
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
    columns = getattr(y, "columns", None)
    annotators = None if columns is None else np.asarray(columns, dtype=object)
    try:
        return Annotations.from_matrix(table, items=names, annotators=annotators)
    except ValueError as error:
        error.add_note("Here: pass y=Annotations.from_matrix(table, missing=...).")
        raise


def _one_annotator(y: Any, names: NDArray[Any] | None) -> Annotations:
    labels = column_or_1d(y)
    check_array(labels.reshape(-1, 1), dtype=None, input_name="y")
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
