"""Ranges of items, one after the other, into the arrays of a folder."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._building import refuse_repeats
from aggregate._report import ImportReport
from aggregate.grouping.assemble import Range
from aggregate.grouping.identifiers import from_keys
from aggregate.grouping.runs import text_buffers
from aggregate.storage import FolderWriter


class Output:
    """The arrays of a folder, appended to range by range.

    Parameters
    ----------
    writer : FolderWriter
    dtype : dtype or None
        Of the table of items; None for text.
    tables : (annotators, classes)
    on_duplicate : str
    """

    def __init__(
        self,
        writer: FolderWriter,
        dtype: np.dtype[Any] | None,
        tables: tuple[NDArray[Any], NDArray[Any]],
        on_duplicate: str,
    ) -> None:
        self._writer, self._dtype, self._on_duplicate = writer, dtype, on_duplicate
        self._annotators = tables[0]
        writer.table("annotators", tables[0])
        writer.table("classes", tables[1])
        self._item_ptr = writer.array("item_ptr", "<i8")
        self._annotator = writer.array("annotator", "<i4")
        self._label = writer.array("label", "<i4")
        self._item_ptr.append([0])
        if dtype is None:
            self._offsets = writer.array("items.offsets", "<i8")
            self._text = writer.array("items.utf8", "u1")
            self._offsets.append([0])
        else:
            self._items = writer.array("items", dtype)
        self._given = np.zeros(len(tables[0]), dtype=np.int64)
        self._n_items = self._empty_items = self._n_repeats = 0
        self._repeated: list[tuple[Any, Any]] = []

    def append(self, found: Range) -> None:
        """Write one more range."""
        ends = self._annotator.length + np.cumsum(found.n_labels)
        self._note_repeats(found)
        self._item_ptr.append(ends)
        self._annotator.append(found.annotator)
        self._label.append(found.label)
        self._append_items(found.items)
        self._given += np.bincount(found.annotator, minlength=len(self._given))
        self._n_items += len(found.n_labels)
        self._empty_items += int((found.n_labels == 0).sum())

    def _append_items(self, items: Any) -> None:
        if self._dtype is not None:
            self._items.append(from_keys(items, self._dtype))
            return
        where, text = text_buffers(items)
        self._offsets.append(where[1:] - where[0] + self._text.length)
        self._text.append(text[where[0] : where[-1]])

    def _note_repeats(self, found: Range) -> None:
        self._n_repeats += found.n_repeats
        if self._on_duplicate != "error" or len(self._repeated) >= 5:
            return
        for place, who in found.repeated.tolist():
            if self._dtype is None:
                name = found.items[place].as_py()
            else:
                name = from_keys(found.items[place : place + 1], self._dtype)[0]
            self._repeated.append((name, self._annotators[who]))

    def finish(self, report: ImportReport) -> ImportReport:
        """Declare the table of items; return the report with all its counts.

        Raises
        ------
        ValueError
            If pairs repeat and that is an error.
        """
        if self._repeated:
            refuse_repeats(self._n_repeats, self._repeated[:5])
        if self._dtype is None:
            self._writer.declare_table("items", "text", self._n_items)
        else:
            self._writer.declare_table("items", "raw", self._n_items)
        kept = self._annotator.length
        return replace(
            report,
            annotations=kept,
            repeats=self._n_repeats,
            dropped_repeats=report.rows - report.missing_labels - kept,
            empty_items=self._empty_items,
            empty_annotators=int((self._given == 0).sum()),
        )
