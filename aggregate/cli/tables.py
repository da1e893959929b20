"""The tables that are written, and how they look on a screen."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from aggregate.annotations import Annotations
from aggregate.fusion import decide, expected_costs, vote_counts
from aggregate.inspection import Health
from aggregate.inspection.health import ENOUGH

Table = dict[str, NDArray[Any]]

_DIGITS: Final = 6
_ROWS_AT_ONCE: Final = 50_000
_WIDEST: Final = 72


def item_table(
    annotations: Annotations,
    model: Any,
    min_confidence: float,
    known: NDArray[np.bool_],
    costs: NDArray[np.float64] | None = None,
) -> Table:
    """Return one row per item; an item that nobody labelled and gold does not know has no label."""
    probas = model.probas_
    decided = decide(probas, class_prior=model.class_prior_, costs=costs, ties=model.ties)
    row = np.arange(len(probas))
    votes = annotations.labels_per_item
    counts = vote_counts(annotations)
    empty = votes == 0
    agreement = np.full(len(probas), np.nan)
    np.divide(counts[row, decided], votes, out=agreement, where=~empty)
    confidence = np.where(empty & ~known, np.nan, probas[row, decided])
    labels = model.classes_[decided]
    if (empty & ~known).any():
        labels = labels.astype(object)
        labels[empty & ~known] = None
    logs = np.log2(np.where(probas > 0, probas, 1.0))
    table: Table = {
        "item": annotations.items,
        "label": labels,
        "confidence": confidence.round(_DIGITS),
        "votes": votes,
        "agreement": agreement.round(_DIGITS),
        "entropy": abs((probas * logs).sum(axis=1)).round(_DIGITS),
        "uncertain": ~(confidence >= min_confidence),
    }
    if costs is not None:
        price = expected_costs(probas, costs)[row, decided]
        table["cost"] = np.where(empty & ~known, np.nan, price).round(_DIGITS)
    return table


def agreed_labels(
    annotations: Annotations, model: Any, costs: NDArray[np.float64] | None = None
) -> NDArray[np.int64]:
    """Return how many labels of each annotator are what the model decided."""
    label_of_item = decide(
        model.probas_, class_prior=model.class_prior_, costs=costs, ties=model.ties
    )
    agrees = annotations.label == label_of_item[annotations.item]
    return np.bincount(annotations.annotator[agrees], minlength=annotations.n_annotators)


def annotator_table(
    annotations: Annotations,
    model: Any,
    health: Health | None,
    agreed: NDArray[np.int64],
    ends: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
) -> Table:
    """Return one row per annotator, of whom ``agreed`` labels each are what was decided.

    ``ends`` are those of the intervals of the skills.
    """
    given = annotations.labels_per_annotator
    agreement = np.divide(agreed, given, out=np.full(len(given), np.nan), where=given > 0)
    table: Table = {
        "annotator": annotations.annotators,
        "labels": given,
        "skill": model.annotator_skill_.round(_DIGITS),
    }
    if ends is not None:
        table["skill_low"], table["skill_high"] = (end.round(_DIGITS) for end in ends)
    table["agreement"] = agreement.round(_DIGITS)
    if model.gold_given_.any():
        table["gold_labels"] = model.gold_given_
        table["gold_correct"] = model.gold_correct_
    table["note"] = _notes(annotations, health)
    return table


def _notes(annotations: Annotations, health: Health | None) -> NDArray[Any]:
    notes = np.full(annotations.n_annotators, "", dtype=object)
    few = annotations.labels_per_annotator < ENOUGH
    notes[few] = f"fewer than {ENOUGH} labels: skill unknown"
    if health is None:
        return notes
    for names, words in (
        (health.one_label, "always the same label"),
        (health.below_chance, "agrees less than by chance"),
    ):
        marked = set(names.tolist())
        notes[[name in marked for name in annotations.annotators.tolist()]] = words
    return notes


def confusion_table(model: Any) -> Table:
    """Return one row per annotator, true class and reported label."""
    n_annotators, n_classes, _ = model.confusion_.shape
    return {
        "annotator": np.repeat(model.annotators_, n_classes * n_classes),
        "truth": np.tile(np.repeat(model.classes_, n_classes), n_annotators),
        "label": np.tile(model.classes_, n_annotators * n_classes),
        "probability": model.confusion_.ravel().round(_DIGITS),
    }


def print_csv(table: Table) -> None:
    """Write a table to standard output as `aggregate.io.write_table` writes a CSV file."""
    stream = sys.stdout.buffer
    stream.write(_lines([table]))
    n_rows = len(next(iter(table.values())))
    for first in range(0, n_rows, _ROWS_AT_ONCE):
        part = [column[first : first + _ROWS_AT_ONCE].tolist() for column in table.values()]
        stream.write(_lines(zip(*(map(_blank, column) for column in part), strict=True)))
    stream.flush()


def _lines(rows: Iterable[Iterable[Any]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _blank(value: Any) -> Any:
    return "" if value is None or value != value else value


def on_screen(table: Mapping[str, Sequence[Any] | NDArray[Any]], indent: str = "") -> str:
    """Return an aligned table: text to the left, numbers to the right."""
    columns = []
    for name, values in table.items():
        values = list(values)
        numeric = all(isinstance(value, int | float | np.number) for value in values)
        cells = [str(name), *map(_cell, values)]
        width = max(map(len, cells))
        columns.append([cell.rjust(width) if numeric else cell.ljust(width) for cell in cells])
    rows = zip(*columns, strict=True)
    return "\n".join((indent + "  ".join(row)).rstrip() for row in rows)


def _cell(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if value is None or value != value:
        return "-"
    text = f"{value:.3f}" if isinstance(value, float | np.floating) else str(value)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"
