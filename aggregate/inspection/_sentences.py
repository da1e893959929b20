"""The sentences of the verdict: each appears with its cause and goes with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import first_few
from aggregate.inspection._facts import NEAR, AnnotatorFacts, ClassFacts, PairFacts, TripleFacts
from aggregate.inspection.optima import SAME, SWAPPED, Optima

_FEW_PER_CELL: Final = 5
_FEW_CLASSES: Final = 3


class Finding(NamedTuple):
    """One sentence of the verdict and the cause that put it there."""

    cause: str
    text: str


def one_class(classes: ClassFacts) -> Finding:
    """Tell that there is nothing to tell apart."""
    return Finding(
        "one class",
        f"Every label is {first_few(classes.classes)}: the answer is known, and nothing "
        "tells a careful annotator from a careless one.",
    )


def unused(classes: ClassFacts) -> Iterator[Finding]:
    """Tell of declared classes without a label."""
    unused = classes.unused
    if len(unused):
        yield Finding(
            "unused classes",
            f"Nobody used {_classes(unused)}: nothing can be learned about "
            f"{'it' if len(unused) == 1 else 'them'}; what follows is about the other classes.",
        )


def components(n_components: int, share_of_largest: float) -> Iterator[Finding]:
    """Tell of groups of annotators that were never compared."""
    if n_components > 1:
        yield Finding(
            "components",
            f"The annotators fall into {n_components:,} groups that share no item (the "
            f"largest has {share_of_largest:.0%} of the labels): skills cannot be compared "
            "across groups, and a group may have its classes swapped. Let some annotators of "
            "each group label items of another.",
        )


def many_classes(classes: ClassFacts, annotators: AnnotatorFacts) -> Iterator[Finding]:
    """Tell of more classes than the labels can fill."""
    n_classes, n_labels = len(classes.classes), int(annotators.labels.sum())
    if n_classes > _FEW_CLASSES and n_labels < _FEW_PER_CELL * n_classes**2:
        yield Finding(
            "many classes",
            f"{n_classes:,} classes for {n_labels:,} labels are too many to learn who takes what "
            "for what. If the labels are numbers or an ordered scale, merge them into few classes.",
        )


def crowd(classes: ClassFacts) -> Iterator[Finding]:
    """Tell whether the crowd as a whole tells the classes apart."""
    n_classes = len(classes.classes)
    if classes.rank <= 1:
        yield Finding(
            "no agreement",
            "Labels of different annotators on one item do not clearly go together. Either the "
            "annotators guess, or there are too few labels to tell: collect more labels per item, "
            "check the instructions, or give gold labels.",
        )
    elif classes.rank < n_classes:
        yield Finding(
            "classes not told apart",
            f"The crowd clearly tells apart {classes.rank} of {n_classes} classes; what is "
            f"doubtful involves {_classes(classes.doubtful)} (rare, or taken for one another). "
            "Merge such classes, or collect more labels on items that may belong to them.",
        )
    else:
        signal = float((classes.values / np.maximum(classes.errors, 1e-12)).min())
        yield Finding(
            "classes told apart",
            f"The crowd as a whole tells all {n_classes} classes apart: the weakest distinction "
            f"stands {_times(signal)} standard errors above zero.",
        )


def _often(n: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(n, f"{n} times")


def _times(signal: float) -> str:
    return f"{signal:.0f}" if signal < 100 else "more than 100"


def pairs(pairs: PairFacts, min_overlap: int, is_complete: bool) -> Iterator[Finding]:
    """Tell of pairs of annotators."""
    enough = f"at least {min_overlap} items"
    looked = "" if is_complete else " that were looked at"
    if not pairs.n_usable:
        yield Finding(
            "no usable pairs",
            f"None of {pairs.n_sharing:,} pairs of annotators with a common item shares {enough}: "
            "methods that work on single pairs will fail. Use EM (DawidSkene), which pools the "
            "whole crowd, or let fewer annotators do more each.",
        )
        return
    judged = len(pairs.codes)
    share = pairs.n_usable / max(pairs.n_possible, 1)
    of = f"{judged:,} of them judged" if judged < pairs.n_usable else "them"
    text = (
        f"Pairs: {pairs.n_usable:,} of {pairs.n_possible:,}{looked} ({share:.0%}) share {enough}; "
        f"the labels of {pairs.n_full_rank:,} of {of} tell all classes apart by themselves."
    )
    if not pairs.n_full_rank:
        text += " Methods that work on single pairs will fail; EM pools the whole crowd."
    yield Finding("usable pairs", text)


def triples(triples: TripleFacts, min_overlap: int) -> Iterator[Finding]:
    """Tell of triples of annotators."""
    if not triples.n_items:
        yield Finding(
            "no triples",
            "No item has three annotators: pairs alone leave a choice unless annotators are "
            "nearly perfect on each class. Ask for a third label on some items.",
        )
    elif triples.n_usable:
        kind = "" if triples.is_complete else "sampled "
        yield Finding(
            "usable triples",
            f"Triples: {triples.n_usable:,} of {triples.n_examined:,} {kind}triples of such pairs "
            f"share as many; Kruskal's condition, which makes their confusions unique, clearly "
            f"holds for {triples.n_kruskal:,}.",
        )
    else:
        yield Finding(
            "no usable triples",
            f"No three annotators share {min_overlap} items; the "
            f"{triples.n_items:,} items with three annotators speak only for the crowd together.",
        )


def anchors(classes: ClassFacts) -> Iterator[Finding]:
    """Tell whether pairs alone would do."""
    if not len(classes.epsilon) or classes.scattering is None:
        return
    far = classes.epsilon > NEAR
    if not far.any():
        yield Finding(
            "anchors",
            "Every class has an annotator whose use of some label nearly proves it "
            f"(at most {classes.epsilon.max():.0%} other classes).",
        )
        return
    covered = f"{classes.scattering.coverage:.0%}"
    spread = (
        f"; as a set, answers reach {covered} of what identification from pairs alone needs"
        if len(classes.classes) > 2
        else ""
    )
    yield Finding(
        "no anchors",
        f"Nobody's label nearly proves {_classes(classes.classes[far])} (the best still holds "
        f"{classes.epsilon[far].max():.0%} other classes){spread}.",
    )


def optima(optima: Optima | None, names_doubtful: bool) -> Iterator[Finding]:
    """Tell of other answers, and of other names for the same answer."""
    if names_doubtful:
        yield Finding(
            "names doubtful",
            "The fitted confusions fit the names of the classes better after swapping some: most "
            "annotators may be worse than chance there. Check a few items by hand or give gold.",
        )
    if optima is None or not optima.kinds:
        return
    n, swapped = len(optima.kinds), optima.kinds.count(SWAPPED)
    if optima.rivals:
        changed = optima.changed[optima.is_rival].max()
        yield Finding(
            "rival optima",
            f"EM from {n} random starts ended {_often(optima.rivals)} at another answer, not "
            f"clearly less likely than the one from the votes, that changes up to {changed:.0%} of "
            "the labels: the votes do not decide between them. Give gold labels for some items.",
        )
    elif swapped:
        yield Finding(
            "swapped optima",
            f"EM from {n} random starts found the same answer {_often(optima.kinds.count(SAME))}, "
            f"and {_often(swapped)} the same with classes renamed: only the belief that annotators "
            "are mostly right names the classes (EM started from the votes has it).",
        )
    else:
        yield Finding(
            "one optimum",
            f"EM from {n} random starts found no other answer as likely as the one from the votes.",
        )


def people(
    annotators: AnnotatorFacts, names: NDArray[Any], min_items: int, pairs: PairFacts
) -> Iterator[Finding]:
    """Tell of annotators about whom little can be said."""
    few = annotators.too_few & (annotators.labels > 0)
    present = int((annotators.labels > 0).sum())
    if few.any():
        yield Finding(
            "too few labels",
            f"{_of(few, present, names)} have fewer than {min_items} items in common with "
            f"others ({_share(few, annotators.labels)} of the labels): too few for a confusion "
            "matrix of their own, so they are judged by the prior. Give them more items.",
        )
    if annotators.guessing.any():
        yield Finding(
            "guessing",
            f"{_of(annotators.guessing, present, names)} cannot be told from someone who guesses "
            f"({_share(annotators.guessing, annotators.labels)} of the labels): do not rely on "
            "what a model says of them before they have labelled more.",
        )
    copies = pairs.never_differ
    if len(copies):
        told = [" and ".join(repr(name) for name in names[pair].tolist()) for pair in copies[:3]]
        more = f" and {len(copies) - 3} more pairs" if len(copies) > 3 else ""
        yield Finding(
            "never differ",
            f"{'; '.join(told)}{more} never differ, more often than chance allows: copies look "
            "like proof, and no method that sees only votes can tell.",
        )


def _share(mask: NDArray[np.bool_], labels: NDArray[np.int64]) -> str:
    return f"{labels[mask].sum() / max(labels.sum(), 1):.0%}"


def _of(mask: NDArray[np.bool_], present: int, names: NDArray[Any]) -> str:
    return f"{int(mask.sum()):,} of {present:,} annotators ({first_few(names[mask], most=3)})"


def _classes(names: NDArray[Any]) -> str:
    return f"{'class' if len(names) == 1 else 'classes'} {first_few(names, most=4)}"
