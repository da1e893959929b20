"""What `identifiability_report` looks up: annotators, pairs, triples, classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from aggregate.annotations import Annotations
from aggregate.inspection._evidence import (
    RestEvidence,
    clear_kruskal_rank,
    evidence_against_rest,
    pair_evidence,
)
from aggregate.inspection.conditions import ranks_suffice, separability, shares_of_classes
from aggregate.inspection.graph import Overlap, triangles, triple_overlap
from aggregate.inspection.health import Health
from aggregate.inspection.scatter import MOST_EXACT, Scattering, sufficiently_scattered
from aggregate.moments import PairMoments, pair_moments

Float = NDArray[np.float64]
Codes = NDArray[np.int64]

NEAR: Final = 0.1
"""Share of other classes up to which an annotator's label is called a near-anchor."""
_NUMBERS: Final = 20_000_000  # in the tables of pairs held at once
_JUDGED: Final = 10_000  # pairs whose tables are judged
_MOST_ROWS: Final = 1_000  # given to the search with many classes
_ODDS: Final = 0.01


@dataclass(frozen=True, eq=False)
class AnnotatorFacts:
    """One entry per annotator.

    Attributes
    ----------
    labels, shared_items : ndarray of int, shape (M,)
        Labels given, and items that somebody else labelled as well.
    partners, usable_partners : ndarray of int, shape (M,)
        Annotators who share an item, and who share enough of them.
    component : ndarray of int, shape (M,)
        Connected component, the one with the most labels first; -1 without a label.
    rank : ndarray of int, shape (M,)
        How many classes the annotator clearly tells apart, by agreement with the others.
    too_few : ndarray of bool, shape (M,)
        Who has too few shared items for a confusion matrix of their own.
    guessing : ndarray of bool, shape (M,)
        Who has enough of them and cannot be told from someone who guesses.
    """

    labels: Codes
    shared_items: Codes
    partners: Codes
    usable_partners: Codes
    component: Codes
    rank: Codes
    too_few: NDArray[np.bool_]
    guessing: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class PairFacts:
    """Pairs of annotators; the arrays hold those whose table of labels was judged.

    Attributes
    ----------
    n_possible, n_sharing, n_usable : int
        Pairs looked at, those that share an item, those that share enough.
    n_full_rank : int
        Judged pairs whose table clearly has rank K.
    codes : ndarray of int, shape (P, 2)
    overlap, smallest, error, condition : ndarray of shape (P,)
        Shared items; smallest singular value of the table and its standard error; largest
        over smallest singular value (inf if singular).
    rank : ndarray of int, shape (P,)
        Clear rank.
    never_differ : ndarray of int, shape (Q, 2)
        Pairs who agree on everything, too often for chance.
    """

    n_possible: int
    n_sharing: int
    n_usable: int
    n_full_rank: int
    codes: Codes
    overlap: Float
    smallest: Float
    error: Float
    condition: Float
    rank: Codes
    never_differ: Codes


@dataclass(frozen=True)
class TripleFacts:
    """Triples of annotators.

    Attributes
    ----------
    n_examined : int
        Triples looked at: all whose pairs share enough items, or a sample of them.
    is_complete : bool
        Whether it is all of them.
    n_usable : int
        Those that share enough items, all three.
    n_kruskal : int
        Usable ones for which Kruskal's condition clearly holds.
    n_items : int
        Items with labels of three annotators or more.
    """

    n_examined: int
    is_complete: bool
    n_usable: int
    n_kruskal: int
    n_items: int


@dataclass(frozen=True, eq=False)
class ClassFacts:
    """One entry per class that was used.

    Attributes
    ----------
    classes : ndarray of shape (K,)
    unused : ndarray
        Declared classes that nobody used.
    values, errors : ndarray of shape (K,)
        Singular values of the table of the whole crowd against itself, and standard errors.
    rank : int
        How many classes the crowd clearly tells apart.
    doubtful : ndarray
        Classes that lie in what is not clear.
    epsilon : ndarray of shape (K,)
        See `aggregate.inspection.separability`.
    anchors : ndarray of int, shape (K,)
        Annotators with a label that is a near-anchor of the class.
    scattering : Scattering or None
        See `aggregate.inspection.sufficiently_scattered`; None without a model.
    """

    classes: NDArray[Any]
    unused: NDArray[Any]
    values: Float
    errors: Float
    rank: int
    doubtful: NDArray[Any]
    epsilon: Float
    anchors: Codes
    scattering: Scattering | None


def annotator_facts(
    annotations: Annotations, found: Overlap, health: Health, rest: RestEvidence, min_items: int
) -> AnnotatorFacts:
    """Gather what is known of each annotator."""
    return AnnotatorFacts(
        labels=annotations.labels_per_annotator.copy(),
        shared_items=rest.shared_items,
        partners=found.partners,
        usable_partners=found.usable_partners,
        component=health.component_of_annotator,
        rank=rest.ranks,
        too_few=(rest.shared_items < min_items),
        guessing=rest.guessing,
    )


def against_rest(annotations: Annotations, min_items: int) -> RestEvidence:
    """Return the evidence of annotators against the rest, nothing where there is no class."""
    if annotations.n_classes == 0:
        none = np.zeros(annotations.n_annotators, dtype=np.int64)
        empty = np.zeros(0)
        return RestEvidence(none, none, none > 0, empty, empty, 0, empty > 0)
    return evidence_against_rest(annotations, min_items)


def pair_facts(
    annotations: Annotations, found: Overlap, health: Health, random: np.random.Generator
) -> PairFacts:
    """Judge the tables of pairs with enough shared items, a sample if they are very many."""
    pairs = found.usable_pairs()
    moments = _moments(annotations, found, pairs, random)
    if len(moments.pairs) > _JUDGED:
        keep = np.zeros(len(moments.pairs), dtype=bool)
        keep[random.choice(len(keep), size=_JUDGED, replace=False)] = True
        moments = moments.select(keep)
    smallest, error, rank = pair_evidence(moments)
    agreed = np.trace(moments.counts, axis1=1, axis2=2)
    rate = np.nan_to_num(health.agreement)[moments.pairs].max(axis=1, initial=0.0)
    lucky = rate**moments.totals * len(pairs) < _ODDS
    return PairFacts(
        n_possible=found.n_possible,
        n_sharing=found.n_pairs,
        n_usable=len(pairs),
        n_full_rank=int((rank == annotations.n_classes).sum()),
        codes=moments.pairs.astype(np.int64),
        overlap=moments.totals,
        smallest=smallest,
        error=error,
        condition=moments.conditions() if len(moments.pairs) else np.zeros(0),
        rank=rank,
        never_differ=moments.pairs[(agreed == moments.totals) & lucky].astype(np.int64),
    )


def _moments(
    annotations: Annotations, found: Overlap, pairs: Codes, random: np.random.Generator
) -> PairMoments:
    """Return the tables of the usable pairs, of fewer annotators if they fill the memory."""
    n_annotators, n_classes = annotations.n_annotators, annotations.n_classes
    kept = np.zeros(n_annotators, dtype=bool)
    kept[pairs.ravel()] = True
    kept &= found.candidates  # of a sample, the pairs within it
    size = max(n_classes**2, 1)
    while kept.sum() > 2 and found.shared[kept][:, kept].nnz // 2 * size > _NUMBERS:
        kept[random.choice(np.flatnonzero(kept), size=int(kept.sum()) // 2, replace=False)] = False
    if not kept.any():
        none = np.zeros((0, 2), dtype=np.int32)
        return PairMoments(none, np.zeros((0, n_classes, n_classes)), n_annotators)
    part = pair_moments(annotations.select(annotators=kept))
    back = np.flatnonzero(kept).astype(np.int32)[part.pairs]
    usable = np.isin(_key(back, n_annotators), _key(pairs, n_annotators))
    return PairMoments(back[usable], part.counts[usable], n_annotators)


def _key(pairs: NDArray[Any], width: int) -> Codes:
    return np.asarray(pairs[:, 0].astype(np.int64) * width + pairs[:, 1])


def triple_facts(
    annotations: Annotations,
    found: Overlap,
    model: Any,
    ranks: Codes,
    random: np.random.Generator,
) -> TripleFacts:
    """Count the triples with enough shared items, and those that satisfy Kruskal's condition."""
    triples, complete = triangles(found, random)
    usable = triples[triple_overlap(annotations, triples) >= found.min_overlap]
    kruskal = ranks.copy()
    n_classes = annotations.n_classes
    for j in np.unique(usable).tolist():
        if 2 <= ranks[j] < n_classes:
            seen = model.class_prior * annotations.labels_per_annotator[j]
            kruskal[j] = clear_kruskal_rank(model.confusion[j], seen, int(ranks[j]))
    holds = sum(ranks_suffice(int(kruskal[triple].sum()), n_classes) for triple in usable)
    new = np.ones(annotations.n_annotations, dtype=bool)
    item, annotator = annotations.item, annotations.annotator
    new[1:] = (item[1:] != item[:-1]) | (annotator[1:] != annotator[:-1])
    per_item = np.bincount(item[new], minlength=annotations.n_items)
    return TripleFacts(len(triples), complete, len(usable), int(holds), int((per_item >= 3).sum()))


def class_facts(
    annotations: Annotations,
    unused: NDArray[Any],
    rest: RestEvidence,
    model: Any,
    min_uses: int,
    random: np.random.Generator,
) -> ClassFacts:
    """Gather what is known of the classes, from the moments and from the fitted model."""
    n_annotators, n_classes = annotations.n_annotators, annotations.n_classes
    epsilon, anchors = np.ones(n_classes), np.zeros(n_classes, dtype=np.int64)
    scattering = None
    if model is not None:
        code = annotations.annotator.astype(np.int64) * n_classes + annotations.label
        uses = np.bincount(code, minlength=n_annotators * n_classes).reshape(n_annotators, -1)
        prior = model.class_prior
        epsilon = separability(model.confusion, prior, uses=uses, min_uses=min_uses).epsilon
        share = shares_of_classes(model.confusion, prior)
        near = (share >= 1 - NEAR) & (uses >= min_uses)[:, np.newaxis, :]
        anchors = near.any(axis=2).sum(axis=0)
        rows = (np.sqrt(prior)[:, np.newaxis] * model.confusion).transpose(0, 2, 1)
        rows = rows[uses >= min_uses]
        if n_classes > MOST_EXACT and len(rows) > _MOST_ROWS:
            most = np.argsort(-uses[uses >= min_uses], kind="stable")[:_MOST_ROWS]
            rows = rows[most]
        scattering = sufficiently_scattered(rows, n_starts=3, random_state=random)
    doubtful = annotations.classes[rest.doubtful]
    return ClassFacts(
        annotations.classes,
        unused,
        rest.values,
        rest.errors,
        rest.rank,
        doubtful,
        epsilon,
        np.asarray(anchors, dtype=np.int64),
        scattering,
    )
