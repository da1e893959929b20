"""The ways out of `Annotations`: long frames, wide tables, selections."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from aggregate._arrays import AnnotationArrays
from aggregate._encoding import decode_table, match
from aggregate._validation import check_choice, first_few

Votes = TypeVar("Votes", bound=AnnotationArrays)


def to_frame(annotations: AnnotationArrays, backend: str) -> Any:
    """Write one row per label; see `Annotations.to_frame`."""
    check_choice("backend", backend, ("pandas", "polars", "pyarrow"))
    columns = {
        "item": annotations.items[annotations.item],
        "annotator": annotations.annotators[annotations.annotator],
        "label": annotations.classes[annotations.label],
    }
    if backend == "pandas":
        import pandas as pd

        return pd.DataFrame(columns)
    import pyarrow as pa

    table = pa.table({name: _as_arrow(values) for name, values in columns.items()})
    if backend == "pyarrow":
        return table
    import polars as pl

    return pl.from_arrow(table)


def _as_arrow(values: NDArray[Any]) -> Any:
    """Return an Arrow array; identifiers of several kinds become text."""
    import pyarrow as pa

    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([str(value) for value in values.tolist()], pa.string())


def to_matrix(annotations: AnnotationArrays) -> NDArray[Any]:
    """Spread the labels over an (N, M) table; see `Annotations.to_matrix`."""
    cell = annotations.item.astype(np.int64) * annotations.n_annotators + annotations.annotator
    repeated = np.flatnonzero(np.diff(cell) == 0)
    if len(repeated):
        items = annotations.items[annotations.item[repeated]]
        raise ValueError(
            f"{len(repeated)} labels repeat an item and annotator (items {first_few(items)}) and "
            "a table has one cell for each. Build with on_duplicate='first' or 'last', or use "
            "to_frame()."
        )
    classes = annotations.classes
    if classes.dtype.kind in "iu" and len(classes) and (classes == -1).any():
        raise ValueError("-1 is a class here and would read as missing; use to_frame().")
    matrix = _empty_table(classes.dtype, (annotations.n_items, annotations.n_annotators))
    matrix[annotations.item, annotations.annotator] = classes[annotations.label]
    return matrix


def _empty_table(dtype: np.dtype[Any], shape: tuple[int, int]) -> NDArray[Any]:
    if dtype.kind in "iu":
        return np.full(shape, -1, dtype=np.int64)
    if dtype.kind == "f":
        return np.full(shape, np.nan, dtype=dtype)
    return np.full(shape, None, dtype=object)


def select(annotations: Votes, items: Any, annotators: Any) -> Votes:
    """Keep some items and annotators; see `Annotations.select`."""
    keep_item = _mask(items, annotations.items, "items")
    keep_annotator = _mask(annotators, annotations.annotators, "annotators")
    keep = keep_item[annotations.item] & keep_annotator[annotations.annotator]
    new_code = (np.cumsum(keep_annotator) - 1).astype(np.int32)
    per_item = np.bincount(annotations.item[keep], minlength=annotations.n_items)[keep_item]
    return type(annotations)(
        np.concatenate(([0], np.cumsum(per_item))),
        new_code[annotations.annotator[keep]],
        annotations.label[keep],
        annotations.items[keep_item],
        annotations.annotators[keep_annotator],
        annotations.classes,
    )


def _mask(wanted: Any, table: NDArray[Any], what: str) -> NDArray[np.bool_]:
    if wanted is None:
        return np.ones(len(table), dtype=bool)
    values = np.asarray(wanted)
    if values.dtype == bool:
        if values.shape != table.shape:
            raise ValueError(
                f"a mask over the {what} needs {len(table)} entries; got shape {values.shape}."
            )
        return values
    names = decode_table(wanted, what)
    place = match(names, table)
    if (place < 0).any():
        raise KeyError(f"unknown {what}: {first_few(names[place < 0])}.")
    mask = np.zeros(len(table), dtype=bool)
    mask[place] = True
    return mask
