"""The ways into `Annotations`: columns, frames, tables, sparse tables and dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from aggregate._building import group_by_item
from aggregate._columns import recognise_columns
from aggregate._encoding import decode_table, encode, is_missing, match
from aggregate._report import ImportReport
from aggregate._validation import first_few

AUTO: Final = "auto"
ROLES: Final = ("item", "annotator", "label")
_PLURAL: Final = {"item": "items", "annotator": "annotators", "label": "classes"}

Parts = tuple[
    NDArray[np.int64],
    NDArray[np.int32],
    NDArray[np.int32],
    NDArray[Any],
    NDArray[Any],
    NDArray[Any],
    ImportReport,
]


def from_columns(
    items: Any,
    annotators: Any,
    labels: Any,
    *,
    declared: tuple[Any, Any, Any] = (None, None, None),
    on_duplicate: str = "keep",
    columns: Mapping[str, str] | None = None,
    guessed: bool = False,
) -> Parts:
    """Encode three columns and group them; ``declared`` may fix any of the three tables."""
    coded = [
        _encode_role(role, values, table)
        for role, values, table in zip(ROLES, (items, annotators, labels), declared, strict=True)
    ]
    lengths = [len(codes) for codes, _ in coded]
    if len(set(lengths)) > 1:
        raise ValueError(
            "items, annotators and labels must have one entry per row each; got "
            f"{lengths[0]}, {lengths[1]} and {lengths[2]}."
        )
    codes = (coded[0][0], coded[1][0], coded[2][0])
    tables = (coded[0][1], coded[1][1], coded[2][1])
    return _assemble(codes, tables, on_duplicate, lengths[0], columns or {}, guessed)


def _assemble(
    codes: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]],
    tables: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
    on_duplicate: str,
    rows: int,
    columns: Mapping[str, str],
    guessed: bool = False,
) -> Parts:
    """Group coded rows by item and write the report."""
    grouped = group_by_item(*codes, tables, on_duplicate)
    kept = len(grouped.annotator)
    labelled = int((codes[2] >= 0).sum())
    report = ImportReport(
        rows=rows,
        annotations=kept,
        missing_labels=rows - labelled,
        repeats=grouped.repeats,
        dropped_repeats=labelled - kept,
        empty_items=int((np.diff(grouped.item_ptr) == 0).sum()),
        empty_annotators=int((np.bincount(grouped.annotator, minlength=len(tables[1])) == 0).sum()),
        columns=dict(columns),
        guessed=guessed,
    )
    return (grouped.item_ptr, grouped.annotator, grouped.label, *tables, report)


def _encode_role(role: str, values: Any, declared: Any) -> tuple[NDArray[np.int32], NDArray[Any]]:
    codes, table = encode(values, f"{role}s")
    if declared is None:
        return codes, table
    known = decode_table(declared, _PLURAL[role])
    place = match(table, known)
    if (place < 0).any():
        raise ValueError(
            f"the {role} column holds {int((place < 0).sum())} values that are not among the "
            f"declared {_PLURAL[role]}: {first_few(table[place < 0])}. "
            f"Declared are {first_few(known)}."
        )
    return np.append(place, np.int32(-1))[codes], known


def from_frame(
    frame: Any, names: Mapping[str, str | None], classes: Any, on_duplicate: str
) -> Parts:
    """Pick the three columns of a long frame and encode them."""
    import narwhals.stable.v1 as nw

    try:
        wrapped = nw.from_native(frame, eager_only=True)
    except TypeError as error:
        raise TypeError(
            "from_frame needs a pandas, polars or pyarrow data frame; got "
            f"{type(frame).__name__}. Arrays go to from_columns or from_matrix."
        ) from error
    available = {str(name): name for name in wrapped.columns}
    columns, guessed = recognise_columns(list(available), names)
    series = [wrapped.get_column(available[columns[role]]).to_native() for role in ROLES]
    return from_columns(
        *series,
        declared=(None, None, classes),
        on_duplicate=on_duplicate,
        columns=columns,
        guessed=guessed,
    )


def from_matrix(matrix: Any, missing: Any, declared: tuple[Any, Any, Any]) -> Parts:
    """Encode the cells of a dense (N, M) table that are not missing."""
    cells, names = _as_table(matrix)
    items, annotators, classes = declared
    n_items, n_annotators = cells.shape
    present = ~np.ma.getmaskarray(cells)
    cells = np.ma.getdata(cells)
    present[present] = ~_missing_cells(cells[present], missing, classes is not None)
    item, annotator = (index.astype(np.int32) for index in np.nonzero(present))
    label, class_table = _encode_role("label", cells[present], classes)
    if annotators is None:
        annotators = names
    tables = (
        _axis_table(items, n_items, "items"),
        _axis_table(annotators, n_annotators, "annotators"),
        class_table,
    )
    return _assemble((item, annotator, label), tables, "keep", cells.size, {})


def from_sparse(matrix: Any, declared: tuple[Any, Any, Any], on_duplicate: str) -> Parts:
    """Take the stored entries of a scipy sparse table as labels."""
    if not hasattr(matrix, "tocoo") or getattr(matrix, "ndim", 2) != 2:
        raise TypeError(
            f"from_sparse needs a two-dimensional scipy sparse table; got {type(matrix).__name__}."
        )
    entries = matrix.tocoo()  # keeps stored zeros and repeats
    items, annotators, classes = declared
    label, class_table = _encode_role("label", entries.data, classes)
    tables = (
        _axis_table(items, matrix.shape[0], "items"),
        _axis_table(annotators, matrix.shape[1], "annotators"),
        class_table,
    )
    codes = (entries.row.astype(np.int32), entries.col.astype(np.int32), label)
    return _assemble(codes, tables, on_duplicate, len(label), {})


def from_dict(votes: Mapping[Any, Mapping[Any, Any]], classes: Any) -> Parts:
    """Flatten ``{item: {annotator: label or list of labels}}`` into columns."""
    if not isinstance(votes, Mapping):
        raise TypeError(f"from_dict needs a mapping; got {type(votes).__name__}.")
    rows: list[tuple[Any, Any, Any]] = []
    for item, answers in votes.items():
        if not isinstance(answers, Mapping):
            raise TypeError(
                f"from_dict needs {{item: {{annotator: label}}}}; item {item!r} maps to "
                f"{answers!r}."
            )
        for annotator, label in answers.items():
            several = isinstance(label, list | tuple)
            rows += [(item, annotator, one) for one in (label if several else [label])]
    items, annotators, labels = zip(*rows, strict=True) if rows else ((), (), ())
    known_items = encode(list(votes), "items")[1]
    return from_columns(
        list(items), list(annotators), list(labels), declared=(known_items, None, classes)
    )


def _as_table(matrix: Any) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return the cells (perhaps masked) and, of a data frame, the column names."""
    import narwhals.stable.v1 as nw

    wrapped = nw.from_native(matrix, eager_only=True, pass_through=True)
    names = None
    if isinstance(wrapped, nw.DataFrame):
        names = np.asarray(wrapped.columns, dtype=object)
        matrix = _frame_cells(wrapped)
    elif hasattr(matrix, "tocoo"):
        raise TypeError("a sparse table of labels goes to from_sparse; got a scipy sparse table.")
    cells = np.ma.asanyarray(matrix) if isinstance(matrix, np.ma.MaskedArray) else matrix
    cells = np.asanyarray(cells) if not isinstance(cells, list) else _from_lists(cells)
    if cells.ndim != 2:
        raise ValueError(
            "a table of labels has two dimensions, items by annotators; got "
            f"{cells.ndim} (shape {cells.shape})."
        )
    if cells.dtype.kind in "US":
        cells = cells.astype(object)
    return cells, names


def _frame_cells(frame: Any) -> NDArray[Any]:
    """Return the cells of a frame; whole numbers stay whole beside missing ones."""
    columns = [frame.get_column(name) for name in frame.columns]
    if not columns or not all(column.dtype.is_integer() for column in columns):
        return np.asarray(frame.to_numpy())
    missing = np.column_stack([column.is_null().to_numpy() for column in columns])
    return np.ma.masked_array(
        np.column_stack([column.fill_null(0).to_numpy() for column in columns]), missing
    )


def _from_lists(rows: list[Any]) -> NDArray[Any]:
    """Turn nested lists into an array without letting NumPy write numbers as text."""
    try:
        table = np.array(rows, dtype=object)
    except ValueError as error:
        raise ValueError("the rows of a table of labels must have one length.") from error
    if table.ndim == 2 and all(isinstance(cell, int | float) for cell in table.flat):
        return np.array(rows)
    return table


def _missing_cells(cells: NDArray[Any], missing: Any, classes_given: bool) -> NDArray[np.bool_]:
    """Say of each cell (a flat array) whether it is missing or marked so."""
    if isinstance(missing, str) and missing == AUTO:
        _refuse_ambiguous_minus_one(cells, classes_given)
        marks: list[Any] = [-1]
    else:
        several = isinstance(missing, list | tuple | set | frozenset | np.ndarray)
        marks = list(missing) if several else [missing]
    if cells.dtype != object:
        empty = np.isnan(cells) if cells.dtype.kind == "f" else np.zeros(cells.shape, dtype=bool)
        for mark in marks:
            if isinstance(mark, int | float | np.number):
                empty |= cells == mark
        return empty
    known = [mark for mark in marks if not is_missing(mark)]
    return np.array([is_missing(cell) or cell in known for cell in cells.tolist()], dtype=bool)


def _refuse_ambiguous_minus_one(cells: NDArray[Any], classes_given: bool) -> None:
    if classes_given or cells.dtype.kind not in "if" or not (cells == -1).any():
        return
    observed = cells[~np.isnan(cells)] if cells.dtype.kind == "f" else cells
    if set(np.unique(observed).tolist()) == {-1, 1}:
        raise ValueError(
            "the table holds only -1 and 1: is -1 a label or a missing one? "
            "Say missing=-1, or missing=None (NaN and None stay missing)."
        )


def _axis_table(names: Any, size: int, what: str) -> NDArray[Any]:
    if names is None:
        return np.arange(size)
    table = decode_table(names, what)
    if len(table) != size:
        raise ValueError(f"{what} must name {size} rows or columns; got {len(table)} names.")
    return table
