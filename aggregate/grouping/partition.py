"""The first pass: every row to the range of its item, annotators and labels coded on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import first_few
from aggregate.grouping.files import Chunk, Files
from aggregate.grouping.identifiers import Identifiers, to_keys
from aggregate.grouping.runs import Runs, text_buffers
from aggregate.grouping.vocabulary import Vocabulary
from aggregate.io.errors import ReadError
from aggregate.io.text import Column
from aggregate.kernels.grouping import number_parts, stable_places, text_parts

Codes = NDArray[np.int32]


class Read(NamedTuple):
    """What the first pass has found out."""

    annotators: Vocabulary
    labels: Vocabulary
    n_rows: int
    n_labelled: int
    missing_as: dict[str, int]


def partition(
    files: Files,
    identifiers: Identifiers,
    splitters: Any,
    runs: Runs,
    progress: Callable[[int], object],
) -> Read:
    """Send every row of the files to its range.

    Raises
    ------
    ReadError
        If a label has no item or no annotator.
    """
    annotators, labels = Vocabulary(), Vocabulary()
    n_rows = n_labelled = 0
    missing_as: dict[str, int] = {}
    send = _text_sender(splitters) if identifiers.dtype is None else _number_sender(splitters)
    for chunk in _ahead(files.chunks()):
        who = _codes(chunk, "annotator", annotators, chunk.annotators)
        said = _codes(chunk, "label", labels, chunk.labels)
        items, missing = _items(chunk.items, identifiers)
        _refuse_orphans(chunk, "item", missing, said)
        _refuse_orphans(chunk, "annotator", who < 0, said)
        if missing is not None:
            who, said = who[~missing], said[~missing]
            items = items.filter(_arrow(~missing)) if identifiers.dtype is None else items[~missing]
        if len(who):
            send(runs, items, who, said)
        n_rows += len(chunk.items)
        n_labelled += int((said >= 0).sum())
        for spelling, count in chunk.missing_as.items():
            missing_as[spelling] = missing_as.get(spelling, 0) + count
        progress(len(chunk.items))
    return Read(annotators, labels, n_rows, n_labelled, missing_as)


def _codes(chunk: Chunk, role: str, vocabulary: Vocabulary, column: Column) -> Codes:
    try:
        return vocabulary.codes(column)
    except ValueError as error:
        raise ReadError(f"{chunk.place}: the {role} column {error}.") from error


def _items(items: Any, identifiers: Identifiers) -> tuple[Any, NDArray[np.bool_] | None]:
    """Return the items of a chunk as they are kept, and which are missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if identifiers.dtype is not None:
        return to_keys(items, identifiers.dtype)
    items = items.cast(pa.large_string())
    if items.null_count:
        items = items.fill_null("")
    missing = np.asarray(pc.equal(items, "").to_numpy(zero_copy_only=False))
    return items, missing if missing.any() else None


def _number_sender(splitters: NDArray[np.int64]) -> Callable[[Runs, Any, Codes, Codes], None]:
    def send(runs: Runs, keys: NDArray[np.int64], who: Codes, said: Codes) -> None:
        part = np.empty(len(keys), dtype=np.int32)
        number_parts(keys, splitters, part)
        order, starts = _by_part(part, len(runs.n_rows))
        keys, who, said = keys[order], who[order], said[order]
        for p in np.flatnonzero(np.diff(starts)):
            rows = slice(starts[p], starts[p + 1])
            runs.append_numbers(int(p), keys[rows], who[rows], said[rows])

    return send


def _text_sender(splitters: Any) -> Callable[[Runs, Any, Codes, Codes], None]:
    bounds = text_buffers(splitters)

    def send(runs: Runs, texts: Any, who: Codes, said: Codes) -> None:
        part = np.empty(len(texts), dtype=np.int32)
        text_parts(*text_buffers(texts), *bounds, part)
        order, starts = _by_part(part, len(runs.n_rows))
        texts, who, said = texts.take(_arrow(order)), who[order], said[order]
        for p in np.flatnonzero(np.diff(starts)):
            rows = slice(starts[p], starts[p + 1])
            piece = texts.slice(starts[p], starts[p + 1] - starts[p])
            runs.append_text(int(p), piece, who[rows], said[rows])

    return send


def _by_part(part: Codes, n_parts: int) -> tuple[Codes, NDArray[np.int64]]:
    starts = np.empty(n_parts + 1, dtype=np.int64)
    order = np.empty(len(part), dtype=np.int32)
    stable_places(part, starts, order)
    return order, starts


def _refuse_orphans(
    chunk: Chunk, what: str, missing: NDArray[np.bool_] | None, said: Codes
) -> None:
    if missing is None or not missing.any():
        return
    orphans = np.flatnonzero(missing & (said >= 0))
    if len(orphans):
        rows = first_few(orphans + chunk.first_row + 1)
        raise ReadError(
            f"{chunk.place}: {len(orphans)} labels have no {what} (data rows {rows}, counted from "
            f"1): give each an {what}, or remove those rows."
        )


def _arrow(values: Any) -> Any:
    import pyarrow as pa

    return pa.array(values)


def _ahead(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Yield the chunks, the next one being read and decoded meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, chunks, None)
        while (chunk := coming.result()) is not None:
            coming = pool.submit(next, chunks, None)
            yield chunk
