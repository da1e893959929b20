"""What is known of each item, where the items are: names, soft labels, decisions, files of them."""

from __future__ import annotations

import os
from copy import copy
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from aggregate.annotations import Annotations
from aggregate.distributed._cluster import Shared
from aggregate.distributed._held import HeldVotes
from aggregate.distributed._ids import Ids, as_array
from aggregate.distributed._parts import Parts, each, given
from aggregate.distributed._passes import annotations_of
from aggregate.distributed._rows import Part, Tables
from aggregate.io import write_table
from aggregate.models._gold_start import gold_gain
from aggregate.models._new_items import align

Float = NDArray[np.float64]
Gold = NDArray[np.int32] | None
Shape = tuple[int, int]

_PER_ITEM: Final = ("items_", "labels_", "probas_", "init")


def without_items(model: Any) -> Any:
    """Return a fitted model without what has a row per item: small enough to send around."""
    light = copy(model)
    for name in _PER_ITEM:
        vars(light).pop(name, None)
    light.n_jobs = None
    return light


def item_array(votes: HeldVotes) -> Any:
    """Return the names of the items as a Dask array."""
    return _array(votes, votes._items.map("names", as_array), (), votes.item_dtype)


def soft_labels(votes: HeldVotes, model: Any, gold: Parts | None) -> Any:
    """Return the posterior of each item as a Dask array of shape (N, K)."""
    computed = _per_part(votes, model, gold, "soft-labels", _soft)
    return _array(votes, computed, (len(model.classes_),), np.dtype(np.float64))


def decisions(votes: HeldVotes, model: Any, gold: Parts | None, **options: Any) -> Any:
    """Return one label per item as a Dask array of shape (N,)."""
    decided = _per_part(votes, model, gold, "decide", _decided, options)
    abstains = options.get("min_confidence") is not None
    return _array(votes, decided, (), np.dtype(object) if abstains else model.classes_.dtype)


def gain_on_gold(votes: HeldVotes, model: Any, gold: Parts) -> Float:
    """Return by how much a fit foretells gold better than the frequencies of classes do."""
    gains = _per_part(votes, model, gold, "gold-gain", _gain)
    return np.sum(gains.compute("look at the gold"), axis=0)


def label_frame(votes: HeldVotes, model: Any) -> Any:
    """Return names, decisions and soft labels as a Dask data frame."""
    import dask.dataframe as dd
    from dask.delayed import Delayed

    frames = _tables(votes, model).map("frame", _to_pandas)
    nothing = Part(np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.uint32))
    probas = np.empty((0, len(model.classes_)))
    items = np.empty(0, dtype=votes.item_dtype)
    empty = _columns(items, nothing, probas, np.empty(0, dtype=np.int64), model.classes_)
    delayed = [Delayed(key, frames.graph) for key in frames.keys]
    return dd.from_delayed(delayed, meta=_to_pandas(empty), verify_meta=False)


def write_labels(votes: HeldVotes, model: Any, folder: str | os.PathLike[str]) -> list[str]:
    """Write a Parquet file for each part."""
    place = Path(folder).resolve()
    place.mkdir(parents=True, exist_ok=True)
    if any(place.iterdir()):
        raise ValueError(
            f"{place} holds something, and old and new labels would mix: name a new folder."
        )
    width = len(str(votes.npartitions - 1))
    files = [str(place / f"labels-{part:0{width}d}.parquet") for part in range(votes.npartitions)]
    targets = given("target", str, files)
    return _tables(votes, model).map("write", _write, targets).compute("write the labels")


# On the workers --------------------------------------------------------------------------------


def _soft(part: Part, gold: Gold, tables: Tables | None, model: Any, shape: Shape) -> Float:
    annotations = annotations_of(part, shape)
    if tables is not None:
        annotations = Annotations(
            annotations.item_ptr,
            annotations.annotator,
            annotations.label,
            annotations.items,
            tables.annotators,
            tables.classes,
        )
        strangers = model.unknown_annotators
        annotations = align(annotations, model.annotators_, model.classes_, strangers)
    probas: Float = model._soft_labels(annotations, gold)
    return probas


def _gain(
    part: Part, gold: NDArray[np.int32], tables: Tables | None, model: Any, shape: Shape
) -> Float:
    return gold_gain(model, annotations_of(part, shape), gold)


def _decided(
    part: Part, gold: Gold, tables: Tables | None, model: Any, shape: Shape, options: Any
) -> NDArray[Any]:
    decided: NDArray[Any] = model._decide(_soft(part, gold, tables, model, shape), **options)
    return decided


def _table(
    part: Part, gold: Gold, tables: Tables | None, model: Any, shape: Shape, items: Ids
) -> dict[str, Any]:
    probas = _soft(part, gold, tables, model, shape)
    return _columns(items, part, probas, model._codes(probas), model.classes_)


def _columns(
    items: Ids, part: Part, probas: Float, decided: NDArray[np.int64], classes: NDArray[Any]
) -> dict[str, Any]:
    return {
        "item": items,
        "label": classes[decided],
        "confidence": probas[np.arange(len(probas)), decided],
        "votes": np.diff(part.item_ptr),
    } | {f"proba_{name}": probas[:, k] for k, name in enumerate(classes.tolist())}


def _to_pandas(columns: dict[str, Any]) -> Any:
    import pandas as pd

    named = {name: _series(values) for name, values in columns.items()}
    return pd.DataFrame(named)


def _series(values: Any) -> Any:
    """Return text as Arrow text, which Dask would make of it anyway."""
    import pandas as pd

    if isinstance(values, np.ndarray) and values.dtype != object:
        return values
    texts = isinstance(values, np.ndarray) and all(isinstance(one, str) for one in values.tolist())
    if isinstance(values, np.ndarray) and not texts:
        return values
    return pd.array(as_array(values), dtype="string[pyarrow]")


def _write(columns: dict[str, Any], target: str) -> str:
    write_table(columns, target)
    return target


# Graphs ----------------------------------------------------------------------------------------


def _tables(votes: HeldVotes, model: Any) -> Parts:
    return _per_part(votes, model, votes.gold_of(model), "label-table", _table, votes._items)


def _per_part(
    votes: HeldVotes, model: Any, gold: Parts | None, name: str, function: Any, *more: Any
) -> Parts:
    """Run a function of part, gold, tables (None where the model's are the same) and model."""
    same = np.array_equal(votes.annotators, model.annotators_) and np.array_equal(
        votes.classes, model.classes_
    )
    shape = votes.n_annotators, votes.n_classes
    tables = None if same else votes._tables
    return each(
        name, function, votes._parts, gold, tables, Shared(without_items(model)), shape, *more
    )


def _array(votes: HeldVotes, parts: Parts, width: tuple[int, ...], dtype: Any) -> Any:
    """Return a Dask array made of one chunk per part."""
    import dask.array as da
    from dask.highlevelgraph import HighLevelGraph

    name = f"array-{uuid4().hex}"
    rest = (0,) * len(width)
    graph = {(name, part, *rest): (_itself, key) for part, key in enumerate(parts.keys)}
    chunks = (tuple(size.n_items for size in votes.sizes), *((columns,) for columns in width))
    layers = HighLevelGraph.from_collections(name, parts.graph | graph, dependencies=())
    return da.Array(layers, name, chunks, dtype=dtype)


def _itself(value: Any) -> Any:
    return value
