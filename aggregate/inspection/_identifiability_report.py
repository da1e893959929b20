"""What `identifiability_report` returns: facts, a verdict on them, and the sentences that apply."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from textwrap import fill
from typing import Any, Final

from numpy.typing import NDArray

from aggregate.inspection import _sentences as sentences
from aggregate.inspection._facts import NEAR, AnnotatorFacts, ClassFacts, PairFacts, TripleFacts
from aggregate.inspection._sentences import Finding
from aggregate.inspection.optima import Optima

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


@dataclass(frozen=True, eq=False)
class IdentifiabilityReport:
    """What `identifiability_report` returns; printing it gives the verdict in about ten lines.

    Attributes
    ----------
    annotator_names : ndarray of shape (M,)
    annotators : AnnotatorFacts
        Per annotator: labels, partners, component, classes clearly told apart, who cannot be
        estimated.
    pairs : PairFacts
        Pairs of annotators: overlap, rank, conditioning, noise.
    triples : TripleFacts
        Triples of annotators: overlap, Kruskal's condition.
    classes : ClassFacts
        Per class: whether it is told apart, anchors, scattering, classes nobody used.
    n_components : int
        Groups of annotators that share no item.
    share_of_largest : float
        Share of the labels in the largest of them.
    optima : Optima or None
        Where EM ends from random starts; None if it was not run.
    names_doubtful : bool
        Whether the fitted confusions are nearer to the diagonal with other names of the classes.
    min_overlap, min_items : int
        Shared items that were taken as enough for a pair or triple, and for an annotator.
    is_complete : bool
        Whether all pairs of annotators were looked at, or a random sample.
    """

    annotator_names: NDArray[Any]
    annotators: AnnotatorFacts
    pairs: PairFacts
    triples: TripleFacts
    classes: ClassFacts
    n_components: int
    share_of_largest: float
    optima: Optima | None
    names_doubtful: bool
    min_overlap: int
    min_items: int
    is_complete: bool

    @cached_property
    def level(self) -> str:
        """``"yes"``, ``"partly"`` or ``"no"``: whether the votes determine what a model estimates.

        Yes means that the crowd clearly tells all classes apart, 95 % of the labels belong to
        one component, half of them come from annotators who have enough and do not seem to
        guess, no other optimum is as likely, and either enough items have three annotators or
        pairs alone suffice.
        """
        return _decide_level(self)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """The sentences of the verdict, each with its cause."""
        return tuple(_findings(self))

    def __str__(self) -> str:
        """Write the verdict, one cause per paragraph."""
        return _render(self.findings)


def _decide_level(report: IdentifiabilityReport) -> str:
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
        and _share_unclear(report) < _HALF
        and (report.triples.n_items >= report.min_overlap or _pairs_suffice(report))
        and (report.optima is None or not report.optima.rivals)
    )
    return YES if whole else PARTLY


def _pairs_suffice(report: IdentifiabilityReport) -> bool:
    """Tell whether pairs alone nearly determine the confusions: anchors, or wide scattering."""
    classes = report.classes
    scattered = classes.scattering is not None and classes.scattering.coverage >= _SCATTERED
    anchored = bool((classes.epsilon <= NEAR).all()) and report.annotators.labels.any()
    return report.pairs.n_full_rank > 0 and bool(scattered or anchored)


def _share_unclear(report: IdentifiabilityReport) -> float:
    """Return the share of the labels by annotators with too few labels or who may guess."""
    labels = report.annotators.labels
    unclear = report.annotators.too_few | report.annotators.guessing
    return float(labels[unclear].sum() / max(labels.sum(), 1))


def _findings(report: IdentifiabilityReport) -> Iterator[Finding]:
    """Yield the sentences that apply, the gravest first."""
    annotators, classes, pairs = report.annotators, report.classes, report.pairs
    if not annotators.labels.any():
        yield Finding("no labels", "There are no labels: nothing can be learned.")
        return
    if not annotators.shared_items.any():
        yield Finding(
            "nothing shared",
            "No item has labels of two annotators, so nobody can be compared with anybody: "
            "collect a second and third label for some items, or give gold labels.",
        )
        yield from sentences.unused(classes)
        return
    if len(classes.classes) == 1:
        yield sentences.one_class(classes)
        yield from sentences.unused(classes)
        return
    yield Finding("headline", _HEADLINES[report.level])
    yield from sentences.unused(classes)
    yield from sentences.components(report.n_components, report.share_of_largest)
    yield from sentences.many_classes(classes, annotators)
    yield from sentences.crowd(classes)
    if classes.rank > 1:
        yield from sentences.pairs(pairs, report.min_overlap, report.is_complete)
        yield from sentences.triples(report.triples, report.min_overlap)
        yield from sentences.anchors(classes)
    yield from sentences.optima(report.optima, report.names_doubtful)
    yield from sentences.people(annotators, report.annotator_names, report.min_items, pairs)


def _render(found: tuple[Finding, ...]) -> str:
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
