"""The verdict of `identifiability_report`: yes, partly or no, and the sentences that apply."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill
from typing import TYPE_CHECKING, Final

from aggregate.inspection import _sentences as sentences
from aggregate.inspection._facts import NEAR

if TYPE_CHECKING:
    from aggregate.inspection.identifiability import IdentifiabilityReport

YES: Final = "yes"
PARTLY: Final = "partly"
NO: Final = "no"

_MOST_OF_IT: Final = 0.95
_HALF: Final = 0.5
_SCATTERED: Final = 0.9


_WIDTH: Final = 100

_HEADLINES: Final = {
    YES: "Yes: if annotators err independently, these votes determine the classes of the items and "
    "how well annotators do.",
    PARTLY: "Partly: these votes determine some of what a model would estimate, not all of it.",
    NO: "No: these votes do not determine how good annotators are, nor which label is right.",
}


def decide_level(report: IdentifiabilityReport) -> str:
    """Return yes, partly or no."""
    classes, annotators = report.classes, report.annotators
    n_classes = len(classes.classes)
    if not annotators.shared_items.any():
        return NO
    if n_classes == 1:
        return YES
    if classes.rank <= 1:
        return NO
    whole = (
        classes.rank == n_classes
        and report.share_of_largest >= _MOST_OF_IT
        and share_unclear(report) < _HALF
        and (report.triples.n_items >= report.min_overlap or pairs_suffice(report))
        and (report.optima is None or not report.optima.rivals)
    )
    return YES if whole else PARTLY


def pairs_suffice(report: IdentifiabilityReport) -> bool:
    """Tell whether pairs alone nearly determine the confusions: anchors, or wide scattering."""
    classes = report.classes
    scattered = classes.scattering is not None and classes.scattering.coverage >= _SCATTERED
    anchored = bool((classes.epsilon <= NEAR).all()) and report.annotators.labels.any()
    return report.pairs.n_full_rank > 0 and bool(scattered or anchored)


def share_unclear(report: IdentifiabilityReport) -> float:
    """Return the share of the labels by annotators with too few labels or who may guess."""
    labels = report.annotators.labels
    unclear = report.annotators.too_few | report.annotators.guessing
    return float(labels[unclear].sum() / max(labels.sum(), 1))


def findings(report: IdentifiabilityReport, level: str) -> Iterator[sentences.Finding]:
    """Yield the sentences that apply, the gravest first."""
    annotators = report.annotators
    if not annotators.labels.any():
        yield sentences.Finding("no labels", "There are no labels: nothing can be learned.")
        return
    if not annotators.shared_items.any():
        yield sentences.Finding(
            "nothing shared",
            "No item has labels of two annotators, so nobody can be compared with anybody: "
            "collect a second and third label for some items, or give gold labels.",
        )
        yield from sentences.unused(report)
        return
    if len(report.classes.classes) == 1:
        yield sentences.one_class(report)
        yield from sentences.unused(report)
        return
    yield sentences.Finding("headline", _HEADLINES[level])
    yield from sentences.unused(report)
    yield from sentences.components(report)
    yield from sentences.many_classes(report)
    yield from sentences.crowd(report)
    if report.classes.rank > 1:
        yield from sentences.pairs(report)
        yield from sentences.triples(report)
        yield from sentences.anchors(report)
    yield from sentences.optima(report)
    yield from sentences.people(report)


def render(found: tuple[sentences.Finding, ...]) -> str:
    """Write the verdict, a line or two per finding, the first as the headline."""
    lines = [
        fill(
            text,
            _WIDTH,
            initial_indent="- " if number else "",
            subsequent_indent="  " if number else "",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for number, (_, text) in enumerate(found)
    ]
    return "\n".join(lines)
