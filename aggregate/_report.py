"""What became of the rows on their way into an `Annotations`: nothing is dropped in silence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ImportReport:
    """Count of what was read, skipped and merged, and what was guessed.

    Attributes
    ----------
    rows : int
        Rows (or cells, of a wide table or matrix) that were looked at.
    annotations : int
        Labels that were kept.
    missing_labels : int
        Rows or cells without a label.
    repeats : int
        Labels beyond the first by one annotator on one item.
    dropped_repeats : int
        How many of those the duplicate policy left out.
    empty_items, empty_annotators : int
        Items and annotators that are known but have no label.
    columns : dict
        Role (item, annotator, label) to the column it was read from.
    guessed : bool
        Whether those columns were recognised by name instead of being named by the user.
    source, format, layout : str
        Where a file was read: its name, its format and whether it was long or wide.
    ignored_columns : tuple of str
        Columns of the file that were not used.
    missing_as : dict
        How missing labels were written, and how many so.
    """

    rows: int
    annotations: int
    missing_labels: int = 0
    repeats: int = 0
    dropped_repeats: int = 0
    empty_items: int = 0
    empty_annotators: int = 0
    columns: Mapping[str, str] = field(default_factory=dict)
    guessed: bool = False
    source: str = ""
    format: str = ""
    layout: str = ""
    ignored_columns: tuple[str, ...] = ()
    missing_as: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        """Tell it in a few lines of plain words."""
        kind = ", ".join(word for word in (self.format, self.layout) if word)
        lines = [f"{self.source}: {kind}" if kind else self.source] if self.source else []
        if self.columns:
            how = "recognised" if self.guessed else "as named"
            roles = ", ".join(f"{role} = {name!r}" for role, name in self.columns.items())
            lines.append(f"columns ({how}): {roles}")
        lines.append(f"{self.rows:,} rows read, {self.annotations:,} annotations kept")
        notes = [
            (self.missing_labels, "without a label"),
            (self.repeats, "repeat an item and annotator"),
            (self.dropped_repeats, "of the repeats dropped"),
            (self.empty_items, "items without a label"),
            (self.empty_annotators, "annotators without a label"),
        ]
        lines += [f"{count:,} {words}" for count, words in notes if count]
        return "\n".join(lines)
