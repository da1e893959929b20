"""From a source on the cluster to the parts of a `DaskAnnotations`, and back into memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._encoding import decode_table, match
from aggregate._report import ImportReport
from aggregate._validation import first_few
from aggregate.annotations import Annotations
from aggregate.distributed import _sources
from aggregate.distributed._cluster import count_threads
from aggregate.distributed._held import Built, HeldVotes
from aggregate.distributed._ids import Ids, as_array, join_ids
from aggregate.distributed._parts import Parts
from aggregate.distributed._rows import Part, Size, Tables, code_piece, tables_of, unite
from aggregate.distributed._shuffle import shuffle

Names = Mapping[str, str | None]


def from_parquet(
    path: Any, names: Names, classes: Any, on_duplicate: str, n_parts: int | None
) -> Built:
    """Read Parquet files."""
    source = _sources.from_parquet(path, names, n_parts or count_threads())
    n_parts = n_parts or max(count_threads(), len(source.tables))
    return _build(source, classes, on_duplicate, n_parts)


def from_dask(
    frame: Any, names: Names, classes: Any, on_duplicate: str, n_parts: int | None
) -> Built:
    """Take the partitions of a Dask data frame."""
    source = _sources.from_frame(frame, names)
    return _build(source, classes, on_duplicate, n_parts or len(source.tables))


def _build(source: _sources.Source, classes: Any, on_duplicate: str, n_parts: int) -> Built:
    declared = None if classes is None else decode_table(classes, "classes")
    coded = source.tables.map("code", code_piece).persist("read the votes", n_parts)
    united = coded.map("tables", tables_of).reduce("unite", unite)
    # The workers finish the tables for themselves: so they can be made again from the source.
    tables = united.map("tables-of-all", _finished, declared, source.orders)
    (found,) = united.compute("unite the annotators and classes", n_parts)
    names = _finished(found, declared, source.orders)
    kept = _grouped(coded, tables, n_parts, on_duplicate)
    parts, items, sizes = kept
    (labels,) = count_labels(parts, names).compute("count the labels")
    held = [Size(*size) for size in sizes.compute("count the items")]
    report = ImportReport(
        rows=found[2],
        annotations=int(labels.sum()),
        missing_labels=found[2] - found[3],
        repeats=sum(size.repeats for size in held),
        dropped_repeats=found[3] - int(labels.sum()),
        empty_items=sum(size.empty_items for size in held),
        empty_annotators=int((labels.sum(axis=1) == 0).sum()),
        columns=dict(source.columns),
        guessed=source.guessed,
    )
    kinds = set(items.map("kind", _kind).compute("look at the items")) - {None}
    dtype = kinds.pop() if len(kinds) == 1 else np.dtype(object)
    tables = tables.persist("keep the tables")
    return Built(parts, items, tables, names, labels, held, dtype, report)


def _grouped(coded: Parts, tables: Parts, n_parts: int, on_duplicate: str) -> list[Parts]:
    """Return parts, names of items and sizes, each kept under keys of its own.

    The names are not touched by a pass: workers short of memory put them on disk first.
    """
    made = shuffle(coded, tables, n_parts, on_duplicate)
    three = [made.pick(name, place) for place, name in enumerate(("part", "items", "size"))]
    graph = three[0].graph | three[1].graph | three[2].graph
    keys = [key for one in three for key in one.keys]
    kept = Parts(graph, keys).persist("group the votes by item", n_parts)
    return [Parts({key: kept.graph[key] for key in one.keys}, one.keys) for one in three]


def count_labels(parts: Parts, tables: Tables) -> Parts:
    """Return how often each annotator gave each label, shape (M, K)."""
    shape = len(tables.annotators), len(tables.classes)
    return parts.map("count-labels", _label_counts, shape).reduce("add-counts", sum)


def _label_counts(part: Part, shape: tuple[int, int]) -> NDArray[np.int64]:
    return np.bincount(part.code, minlength=shape[0] * shape[1]).reshape(shape)


def _kind(items: Ids) -> np.dtype[Any] | None:
    """Return the dtype of names, None where there are none."""
    if not len(items):
        return None
    return items.dtype if isinstance(items, np.ndarray) else np.dtype(object)


def _finished(
    united: tuple[Any, Any, int, int],
    declared: NDArray[Any] | None,
    orders: Mapping[str, Sequence[Any]],
) -> Tables:
    """Return the tables in the order wanted."""
    annotators, used = united[:2]
    if declared is None:
        declared = _as_ordered(used, orders.get("label"))
    else:
        _refuse_strangers(used, declared)
    return Tables(_as_ordered(annotators, orders.get("annotator")), declared)


def _refuse_strangers(used: NDArray[Any], declared: NDArray[Any]) -> None:
    strange = used[match(used, declared) < 0]
    if len(strange):
        raise ValueError(
            f"the label column holds {len(strange)} values that are not among the declared "
            f"classes: {first_few(strange)}. Declared are {first_few(declared)}."
        )


def _as_ordered(table: NDArray[Any], order: Sequence[Any] | None) -> NDArray[Any]:
    """Put a table in the order of its categories, where those have one."""
    if order is None:
        return table
    categories = np.empty(len(order), dtype=object)
    categories[:] = order
    return table[np.argsort(match(table, categories), kind="stable")]


def gather(votes: HeldVotes) -> Annotations:
    """Bring all parts here."""
    parts = votes._parts.compute("bring the votes here")
    items = votes._items.compute("bring the names of the items here")
    starts = np.cumsum([0] + [len(part.code) for part in parts])
    pointers = [part.item_ptr[:-1] + start for part, start in zip(parts, starts, strict=False)]
    annotator, label = np.divmod(
        np.concatenate([part.code for part in parts]), np.uint32(max(votes.n_classes, 1))
    )
    return Annotations(
        np.concatenate([*pointers, starts[-1:]]),
        annotator.astype(np.int32),
        label.astype(np.int32),
        as_array(join_ids(items)),
        votes.annotators,
        votes.classes,
        votes.report,
    )
