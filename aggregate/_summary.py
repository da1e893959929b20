"""Sizes and spreads of an `Annotations`, to be read before anything is fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate._arrays import AnnotationArrays
from aggregate.storage import count_codes


class Spread(NamedTuple):
    """Smallest, median, mean and largest of some counts."""

    smallest: int
    median: float
    mean: float
    largest: int

    def __str__(self) -> str:
        """Write the four figures on one line."""
        return (
            f"{self.smallest:,} to {self.largest:,} (median {self.median:,g}, "
            f"mean {self.mean:,.2f})"
        )


@dataclass(frozen=True)
class AnnotationsSummary:
    """What `Annotations.describe` returns; printing it gives a short table."""

    n_items: int
    n_annotators: int
    n_classes: int
    n_annotations: int
    labels_per_item: Spread
    labels_per_annotator: Spread
    empty_items: int
    empty_annotators: int
    repeats: int
    class_counts: dict[Any, int]

    def __str__(self) -> str:
        """Tell it in a few lines."""
        lines = [
            f"{self.n_items:,} items, {self.n_annotators:,} annotators, "
            f"{self.n_classes:,} classes, {self.n_annotations:,} annotations",
            f"labels per item: {self.labels_per_item}",
            f"labels per annotator: {self.labels_per_annotator}",
            f"items without a label: {self.empty_items:,}; "
            f"annotators without a label: {self.empty_annotators:,}; "
            f"repeated item and annotator: {self.repeats:,}",
        ]
        counts = list(self.class_counts.items())
        total = max(self.n_annotations, 1)
        shown = ", ".join(f"{name} {count / total:.1%}" for name, count in counts[:12])
        more = f" and {len(counts) - 12} more classes" if len(counts) > 12 else ""
        return "\n".join([*lines, f"share of labels: {shown}{more}"])


def summarize(annotations: AnnotationArrays) -> AnnotationsSummary:
    """Count what `Annotations.describe` reports."""
    per_item, per_annotator = annotations.labels_per_item, annotations.labels_per_annotator
    repeats = 0
    for _, _, part in annotations.blocks():
        item, annotator = part.item, part.annotator
        repeats += int(((item[1:] == item[:-1]) & (annotator[1:] == annotator[:-1])).sum())
    counts = count_codes(annotations.label, annotations.n_classes)
    return AnnotationsSummary(
        n_items=annotations.n_items,
        n_annotators=annotations.n_annotators,
        n_classes=annotations.n_classes,
        n_annotations=annotations.n_annotations,
        labels_per_item=_spread(per_item),
        labels_per_annotator=_spread(per_annotator),
        empty_items=int((per_item == 0).sum()),
        empty_annotators=int((per_annotator == 0).sum()),
        repeats=repeats,
        class_counts=dict(zip(annotations.classes.tolist(), counts.tolist(), strict=True)),
    )


def _spread(counts: NDArray[np.int64]) -> Spread:
    if not len(counts):
        return Spread(0, 0.0, 0.0, 0)
    return Spread(
        int(counts.min()), float(np.median(counts)), float(counts.mean()), int(counts.max())
    )
