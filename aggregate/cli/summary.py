"""What is told on the screen about the votes, the model and the annotators."""

from __future__ import annotations

from collections import Counter
from textwrap import wrap
from typing import Any, Final, NamedTuple

import numpy as np

from aggregate._summary import Spread
from aggregate.cli.tables import Table, on_screen
from aggregate.cli.votes import Votes
from aggregate.inspection import Health
from aggregate.inspection.health import ENOUGH

_ENDS: Final = 3  # best and worst annotators shown
_CLASSES: Final = 5
_WIDTH: Final = 76


def count(number: int, word: str) -> str:
    """Return the number with its word in the right number.

    Examples
    --------
    >>> count(1, "class"), count(2000, "class"), count(2, "item")
    ('1 class', '2,000 classes', '2 items')
    """
    ending = "" if number == 1 else "es" if word.endswith("s") else "s"
    return f"{number:,} {word}{ending}"


def tell_source(data: Votes) -> list[str]:
    """Tell what was read and what was guessed."""
    if data.built_in:
        return [f"{data.name} (built-in set)"]
    report = data.annotations.report
    return [data.name] if report is None else str(report).splitlines()


def tell_votes(data: Votes, health: Health | None) -> str:
    """Tell the sizes and what looks odd."""
    first, *rest = tell_source(data)
    votes, summary = data.annotations, data.annotations.describe()
    lines = [
        *rest,
        f"{count(votes.n_items, 'item')}, {count(votes.n_annotators, 'annotator')}, "
        f"{count(votes.n_classes, 'class')}, {count(votes.n_annotations, 'label')}",
        f"{tell_spread(summary.labels_per_item)} labels per item, "
        f"{tell_spread(summary.labels_per_annotator)} per annotator",
        *tell_oddities(data, health),
    ]
    return "\n".join([first, *(f"  {line}" for line in lines)])


def tell_spread(counts: Spread) -> str:
    """Return the range and the median, or the one value there is."""
    if counts.smallest == counts.largest:
        return f"{counts.largest:,}"
    return f"{counts.smallest:,} to {counts.largest:,} (median {counts.median:,g})"


def tell_oddities(data: Votes, health: Health | None) -> list[str]:
    """Return a line for each thing worth knowing before the labels are trusted."""
    votes, lines = data.annotations, []
    if votes.n_classes == 1:
        lines.append(f"every label is {votes.classes[0]}: there is nothing to decide")
    if votes.n_annotators == 1:
        lines.append("one annotator only: nothing can be checked against anybody else")
    if data.built_in and (repeats := votes.describe().repeats):
        lines.append(f"{repeats:,} labels repeat an item and annotator; each counts")
    if health is None:
        lines.append("too many labels to look for separate groups and odd annotators")
        return lines
    if health.single_label_items:
        lines.append(f"items with a single label: {health.single_label_items:,}")
    if health.n_components > 1:
        lines.append(
            f"{health.n_components:,} groups of annotators share no item, so they cannot be "
            "compared with each other"
        )
    return lines


class Tally(NamedTuple):
    """What is told about the table of items, added up over blocks of it."""

    labels: Counter[Any]
    n_items: int
    n_uncertain: int
    n_labelled: int
    confidence: float
    """Summed over the items that have one."""

    @classmethod
    def of(cls, items: Table) -> Tally:
        """Count one block."""
        labels = Counter(value for value in items["label"].tolist() if value is not None)
        confidence = items["confidence"]
        known = ~np.isnan(confidence)
        uncertain = int(items["uncertain"].sum())
        total = float(confidence[known].sum())
        return cls(labels, len(confidence), uncertain, int(known.sum()), total)

    def plus(self, other: Tally) -> Tally:
        """Count another block as well."""
        return Tally(
            self.labels + other.labels,
            self.n_items + other.n_items,
            self.n_uncertain + other.n_uncertain,
            self.n_labelled + other.n_labelled,
            self.confidence + other.confidence,
        )


def tell_model(
    name: str, model: Any, tally: Tally, min_confidence: float, known: dict[Any, Any] | None
) -> str:
    """Tell how the fit ended, which labels came out and how many are uncertain."""
    n_passes = int(getattr(model, "n_iter_", 1))
    ending = "converged after" if getattr(model, "converged_", True) else "not converged after"
    n_items = tally.n_items
    counts = Counter(dict.fromkeys(model.classes_.tolist(), 0))
    counts.update(tally.labels)
    usual = [value for value, _ in counts.most_common()]
    shown = ", ".join(
        f"{value}: {counts[value]:,} ({counts[value] / n_items:.0%})" for value in usual[:_CLASSES]
    )
    more = f" and {len(usual) - _CLASSES} more classes" if len(usual) > _CLASSES else ""
    mean = tally.confidence / max(tally.n_labelled, 1)
    lines = [
        f"labels      {shown}{more}",
        f"confidence  {mean:.2f} on average; {tally.n_uncertain:,} of "
        f"{n_items:,} items uncertain (below {min_confidence:g})",
    ]
    if known is not None:
        lines.append(f"gold        {count(len(known), 'known label')} kept")
    title = f"{name}, {ending} {count(n_passes, 'pass')}"
    lines += _reasons(model)
    return "\n".join([title, *(f"  {line}" for line in lines)])


def _reasons(model: Any) -> list[str]:
    """Return what a model that chooses says of its choice."""
    said = [line for text in getattr(model, "explanation_", ()) for line in wrap(text, _WIDTH)]
    return [f"{'' if place else 'because':12}{line}" for place, line in enumerate(said)]


def tell_annotators(people: Table) -> str:
    """Tell the best and the worst annotators of whom enough is known."""
    given, skill = people["labels"], people["skill"]
    enough = np.flatnonzero(given >= ENOUGH)
    unknown = len(given) - len(enough)
    ranked = enough[np.argsort(-skill[enough], kind="stable")]
    all_fit = len(ranked) <= 2 * _ENDS
    rows = ranked if all_fit else np.concatenate((ranked[:_ENDS], ranked[-_ENDS:]))
    ends = "" if all_fit else f", the best and the worst {_ENDS} of {len(ranked):,}"
    lines = [f"annotators by skill (probability of being right){ends}"]
    if len(rows):
        shown = {name: values[rows] for name, values in people.items()}
        if not any(shown["note"]):
            del shown["note"]
        lines.append(on_screen(shown, "  "))
    if unknown:
        lines.append(f"  {unknown:,} with fewer than {ENOUGH} labels: skill unknown")
    return "\n".join(lines)
