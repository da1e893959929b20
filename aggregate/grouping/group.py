"""External grouping: votes from many files, sorted by item, in memory for ids and one chunk.

Two passes. The first sends every row to the range of items that it belongs to, one temporary
file per range, and learns who the annotators are and what the labels. The second takes the
ranges in order, each small enough for memory, and appends its items to the folder.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from aggregate._blocks import count_threads, run_blocks
from aggregate._building import DUPLICATE_POLICIES
from aggregate._constructors import _encode_role
from aggregate._report import ImportReport
from aggregate._validation import check_choice, check_number
from aggregate.annotations import Annotations, OnDuplicate
from aggregate.grouping.assemble import Coding, assemble
from aggregate.grouping.files import Files
from aggregate.grouping.identifiers import survey
from aggregate.grouping.output import Output
from aggregate.grouping.partition import Read, partition
from aggregate.grouping.runs import Runs
from aggregate.io.errors import ReadError
from aggregate.io.text import USUAL_MISSING, restored, restored_with
from aggregate.storage import FolderWriter

_BYTES_PER_ROW: Final = 64  # of a range that is being assembled, everything counted
_ROWS_PER_RANGE: Final = 4_000_000  # more of them would leave the processor's cache
_MOST_RANGES: Final = 500  # files open at once
AUTO: Final = "auto"


def group_annotations(
    paths: Sequence[str | os.PathLike[str]] | str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    item: str | None = None,
    annotator: str | None = None,
    label: str | None = None,
    format: Literal["csv", "tsv", "semicolon", "parquet", "jsonl"] | None = None,
    missing: Any = AUTO,
    classes: ArrayLike | None = None,
    on_duplicate: OnDuplicate = "keep",
    memory: float = 2e9,
    overwrite: bool = False,
    n_jobs: int | None = None,
    progress: Callable[[str, int, int], object] | None = None,
) -> Annotations:
    r"""Group votes from many files by item into a folder, without ever holding the table.

    The result is what `aggregate.read_annotations` makes of the files put one after the other:
    the same items, annotators and classes in the same order, the same repeats kept or dropped,
    and an import report that counts the same rows. Memory is needed for the identifiers of the
    annotators, for the classes and for about ``memory`` bytes of rows; disk, besides the result,
    for one copy of the rows at eight bytes each (more where ids are text), beside the folder.

    Parameters
    ----------
    paths : path-like, or sequence of them
        Parquet, CSV, TSV or JSON-lines files, plain or gzip, or folders of such files (taken in
        the order of their names). Long: one row per label.
    folder : str or path-like
        Where the annotations go, as `Annotations.save` would write them.
    item, annotator, label : str, optional
        Column names, the same in all files; recognised by name where left out.
    format, missing, classes, on_duplicate
        As in `aggregate.read_annotations`.
    memory : float, default=2e9
        Bytes that the rows being worked on may take, about.
    overwrite : bool, default=False
        Replace annotations that were saved there before (and nothing else).
    n_jobs : int, optional
        Threads of the second pass; the first reads ahead in a thread of its own.
    progress : callable, optional
        Called as ``progress(stage, done, total)`` with rows, the stages being "reading" and
        "grouping".

    Returns
    -------
    Annotations
        Opened from the folder.

    Raises
    ------
    aggregate.io.ReadError
        If a file is missing, damaged or has other columns than the rest, or a label has no item
        or annotator.
    ValueError
        If a pair repeats under ``on_duplicate="error"``, or a label is not declared.
    aggregate.storage.FolderError
        If the folder exists or cannot be written.

    See Also
    --------
    aggregate.read_annotations : The same in memory, from one file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from aggregate import group_annotations
    >>> with tempfile.TemporaryDirectory() as place:
    ...     one, two = pathlib.Path(place, "1.csv"), pathlib.Path(place, "2.csv")
    ...     size = one.write_text("task,worker,label\nq2,ann,yes\nq1,bob,no\n")
    ...     size = two.write_text("task,worker,label\nq1,ann,no\n")
    ...     votes = group_annotations([one, two], pathlib.Path(place, "votes"))
    ...     print(votes, votes.on_disk)
    Annotations(2 items, 2 annotators, 2 classes, 3 annotations) True
    """
    check_choice("on_duplicate", on_duplicate, DUPLICATE_POLICIES)
    check_number("memory", memory, low=1)
    marks = USUAL_MISSING if missing is AUTO else _list(missing)
    tell = progress or (lambda stage, done, total: None)
    names = {"item": item, "annotator": annotator, "label": label}
    with (
        FolderWriter(folder, overwrite=overwrite) as writer,
        Files(_several(paths), names, format, marks) as files,
    ):
        scratch = writer.folder / "runs"
        scratch.mkdir()
        _group(files, writer, scratch, (classes, on_duplicate, memory, n_jobs), tell)
    return Annotations.open(folder, verify=False)


def _several(paths: Any) -> list[Any]:
    return [paths] if isinstance(paths, str | os.PathLike) else list(paths)


def _list(missing: Any) -> list[Any]:
    return list(missing) if isinstance(missing, list | tuple | set | frozenset) else [missing]


def _group(
    files: Files,
    writer: FolderWriter,
    scratch: Path,
    options: tuple[Any, str, float, int | None],
    tell: Callable[[str, int, int], object],
) -> None:
    classes, on_duplicate, memory, n_jobs = options
    identifiers = survey(files)
    affordable = int(memory / _BYTES_PER_ROW / count_threads(n_jobs))
    rows_at_once = max(min(affordable, _ROWS_PER_RANGE), 1)
    n_parts = min(-(-identifiers.n_rows // rows_at_once), _MOST_RANGES)
    splitters = identifiers.splitters(max(n_parts, 1))
    n_done = 0

    def read_rows(n_rows: int) -> None:
        nonlocal n_done
        n_done += n_rows
        tell("reading", n_done, identifiers.n_rows)

    with Runs(scratch, len(splitters) + 1) as runs:
        read = partition(files, identifiers, splitters, runs, read_rows)
        runs.finish()
        if not read.n_rows:
            raise ReadError(f"{files.name}: there are columns but no rows.")
        coding, tables = _tables(files, read, classes)
        output = Output(writer, identifiers.dtype, tables, on_duplicate)

        def one(part: int, _: int) -> Any:
            rows = runs.read(part, text=identifiers.dtype is None)
            return assemble(rows, coding, on_duplicate)

        n_done = 0
        bounds = np.arange(len(runs.n_rows) + 1)
        for n_rows, found in zip(
            runs.n_rows.tolist(), run_blocks(one, bounds, n_jobs), strict=True
        ):
            output.append(found)
            n_done += n_rows
            tell("grouping", n_done, int(runs.n_rows.sum()))
    scratch.rmdir()
    writer.commit(output.finish(_report(files, read)))


def _tables(files: Files, read: Read, classes: Any) -> tuple[Coding, tuple[Any, Any]]:
    """Sort the annotators and the classes as they are sorted in memory."""
    said, declared = restored_with(read.labels.values(), classes)
    try:
        rank, annotators = _encode_role("annotator", restored(read.annotators.values()), None)
        new_label, table = _encode_role("label", said, declared)
    except ValueError as error:
        raise ReadError(f"{files.name}: {error}") from error
    return Coding(rank, new_label, len(table)), (annotators, table)


def _report(files: Files, read: Read) -> ImportReport:
    """Return the report, but for what only grouping can count."""
    assert files.plan is not None  # there is at least one file
    plain = ImportReport(rows=read.n_rows, annotations=0)
    return replace(
        plain,
        missing_labels=read.n_rows - read.n_labelled,
        columns=files.plan.columns,
        guessed=files.plan.guessed,
        source=files.name,
        format=", ".join(sorted(files.formats)),
        layout="long",
        ignored_columns=files.plan.ignored,
        missing_as=read.missing_as,
    )
