"""Copiers found one pair after another: nobody's copy may pass for the truth.

A few annotators who always agree are taken for nearly perfect, and their agreement is explained.
So everybody is left out of the fit once, and their confusion taken from what the others
say. Still, a copied mistake that passes for the truth makes those who are right look as if they
erred together. So only the clearest pair is believed, one of the two set aside, and
everything is looked at again. Of three or more who hardly ever differ, two are looked at first.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from aggregate.annotations import Annotations
from aggregate.fusion import posterior
from aggregate.inspection._copying import RATES, Evidence, Pairs, copying, log_odds
from aggregate.inspection._dependence_facts import ALIKE, FEWEST

Float = NDArray[np.float64]

_PASSES = 50
_PSEUDO_LABELS = 2.0  # per row, as the others answer on average


class Judged(NamedTuple):
    """Log odds of copying, log likelihood ratios of `RATES`, expected evidence, what was found."""

    evidence: Float
    odds: Float
    growth: Float
    tested: NDArray[np.bool_]
    found: NDArray[np.bool_]


def judge_one_by_one(
    annotations: Annotations,
    model: Any,
    pairs: Pairs,
    agreement: Float,
    ordinary: float,
    level: float,
    limit: Callable[[int, int], float],
    awaited: float,
) -> Judged:
    """Judge all pairs, the clearest first.

    Parameters
    ----------
    annotations : Annotations
    model : unfitted aggregator with confusions
    pairs : ndarray of int32, shape (P, 2)
    agreement : ndarray of shape (P,)
        Share of their common items on which they say the same.
    ordinary : float
        Rate that copiers must exceed.
    level : float
        Pairs are tested where a copier at the rate ``awaited`` is expected to give odds of at
        least one over it.
    limit : callable
        The p-value needed, given how many pairs were found and tested.
    awaited : float
    """
    search = _Search(annotations, model, pairs, ordinary, awaited)
    order = np.argsort(-annotations.labels_per_annotator, kind="stable")
    stand_in, waiting = _alike(pairs[agreement >= ALIKE], order)
    present = ~waiting
    search.look(present, search.within(present))
    found = np.zeros(len(pairs), dtype=bool)

    def needed() -> float:
        return -float(np.log(limit(int(found.sum()), int(search.tested(level).sum()))))

    while (left := search.tested(level) & ~found & search.within(present)).any():
        best = int(np.argmax(np.where(left, search.evidence, -np.inf)))
        if search.evidence[best] < needed():
            break
        found[best] = True
        kept, aside = sorted(pairs[best], key=lambda j: -annotations.labels_per_annotator[j])
        present[aside] = False
        waiting[aside] = False
        stand_in[stand_in == stand_in[aside]] = kept
        same = order[waiting[order] & (stand_in[order] == kept)]
        present[same[:1]], waiting[same[:1]] = True, False
        search.look(present, search.within(present))
    tested = search.tested(level)
    strangers = ~present[pairs].any(axis=1) & (np.diff(stand_in[pairs]).ravel() != 0)
    search.evidence[strangers], search.growth[strangers] = -np.inf, 0.0
    for aside in np.flatnonzero(~present):  # in place of whom they agree with
        crowd = present.copy()
        crowd[stand_in[aside]], crowd[aside] = False, True
        search.look(crowd, search.within(crowd) & (pairs == aside).any(axis=1))
    search.infer(stand_in)
    rest = np.flatnonzero(tested & ~found & ~search.within(present))
    for p in rest[np.argsort(-search.evidence[rest], kind="stable")]:
        found[p] = search.evidence[p] >= needed()
    return Judged(search.evidence, search.odds, search.growth, tested, found)


def _alike(twins: Pairs, order: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return one stand-in for each set of three or more who hardly differ, and who has to wait.

    Two of each set are looked at first, those with most labels.
    """
    size = len(order)
    links = coo_array((np.ones(len(twins)), (twins[:, 0], twins[:, 1])), shape=(size, size))
    n_sets, part = connected_components(links, directed=False)
    stand_in, waiting = np.arange(size), np.zeros(size, dtype=bool)
    for number in np.flatnonzero(np.bincount(part, minlength=n_sets) > 2):
        members = order[part[order] == number]
        stand_in[members] = members[0]
        waiting[members[2:]] = True
    return stand_in, waiting


class _Search:
    """The evidence on pairs as it was last looked at."""

    def __init__(
        self, annotations: Annotations, model: Any, pairs: Pairs, ordinary: float, awaited: float
    ) -> None:
        self.annotations, self.model, self.pairs = annotations, model, pairs
        self.ordinary, self.awaited = ordinary, awaited
        self.evidence, self.growth = np.full(len(pairs), -np.inf), np.zeros(len(pairs))
        self.first_growth = np.full(len(pairs), np.inf)
        self.odds = np.zeros((len(pairs), len(RATES)))

    def within(self, crowd: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which pairs are both of the crowd."""
        return np.asarray(crowd[self.pairs].all(axis=1))

    def tested(self, level: float) -> NDArray[np.bool_]:
        """Return which pairs could show copying when first looked at, or still wait for that."""
        return np.asarray(self.first_growth >= -np.log(level))

    def look(self, crowd: NDArray[np.bool_], which: NDArray[np.bool_]) -> None:
        """Look at pairs of a crowd that leaves some out, with each of the two left out besides."""
        if not which.any():
            return
        code = np.cumsum(crowd) - 1
        votes = self.annotations if crowd.all() else self.annotations.select(annotators=crowd)
        pairs = code[self.pairs[which]].astype(np.int32)
        sides = _both_sides(votes, self.model, pairs, self.awaited)
        self.evidence[which] = np.minimum(*(log_odds(side.odds, self.ordinary) for side in sides))
        self.growth[which] = np.minimum(sides[0].growth, sides[1].growth)
        self.odds[which] = (sides[0].odds + sides[1].odds) / 2
        new = which & np.isinf(self.first_growth)
        self.first_growth[new] = self.growth[new]

    def infer(self, stand_in: NDArray[np.intp]) -> None:
        """Take for pairs never looked at the weaker evidence of the two on their stand-in."""
        place = {pair: p for p, pair in enumerate(map(tuple, self.pairs.tolist()))}
        for p in np.flatnonzero(np.isinf(self.first_growth)):
            via = [int(stand_in[j]) for j in self.pairs[p]]
            links = [
                place.get((min(j, rep), max(j, rep)))
                for j, rep in zip(self.pairs[p].tolist(), via, strict=True)
            ]
            known = [q for q in links if q is not None]
            if via[0] != via[1] or len(known) < 2:
                continue
            weaker = min(known, key=lambda q: float(self.evidence[q]))
            for column in (self.evidence, self.growth, self.odds):
                column[p] = column[weaker]


def _both_sides(
    annotations: Annotations, model: Any, pairs: Pairs, awaited: float
) -> tuple[Evidence, Evidence]:
    """Return the evidence on each pair with the first left out of the fit, and with the second.

    Where that leaves too few, both are the evidence of the fit to all.
    """
    if annotations.n_annotators < FEWEST:
        fitted = _fit(model, annotations)
        found = copying(annotations, fitted.confusion_, fitted.class_prior_, pairs, awaited)
        return found, found
    sides: list[list[tuple[NDArray[np.intp], Evidence]]] = [[], []]
    for one in range(annotations.n_annotators):
        mine = np.flatnonzero((pairs == one).any(axis=1))
        if not len(mine):
            continue
        confusion, class_prior = _without(annotations, model, one)
        found = copying(annotations, confusion, class_prior, pairs[mine], awaited)
        for side in range(2):
            here = pairs[mine, side] == one
            sides[side].append((mine[here], Evidence(*(part[here] for part in found))))
    return _in_order(sides[0]), _in_order(sides[1])


def _in_order(parts: list[tuple[NDArray[np.intp], Evidence]]) -> Evidence:
    order = np.argsort(np.concatenate([place for place, _ in parts]))
    columns = zip(*(found for _, found in parts), strict=True)
    return Evidence(*(np.concatenate(column)[order] for column in columns))


def _fit(model: Any, annotations: Annotations) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the fit to all has told already
        return clone(model).fit(annotations)


def _without(annotations: Annotations, model: Any, one: int) -> tuple[Float, Float]:
    """Return confusions (M, K, K) and class prior of a fit that has not seen one annotator."""
    others = np.arange(annotations.n_annotators) != one
    rest = annotations.select(annotators=others)
    fitted = _fit(model, rest)
    soft = posterior(rest, fitted.confusion_, fitted.class_prior_, annotator_correlation=0.0)
    confusion = np.empty((annotations.n_annotators, *fitted.confusion_.shape[1:]))
    confusion[others] = fitted.confusion_
    mine = annotations.annotator == one
    confusion[one] = _confusion_given(
        soft[annotations.item[mine]], annotations.label[mine], fitted.confusion_.mean(axis=0)
    )
    return confusion, fitted.class_prior_


def _confusion_given(soft: Float, label: NDArray[np.int32], usual: Float) -> Float:
    """Return the likeliest confusion of an annotator, given what others say of the items."""
    said = np.eye(len(usual))[label]
    confusion = usual
    for _ in range(_PASSES):
        weight = soft * confusion[:, label].T
        weight /= np.maximum(weight.sum(axis=1, keepdims=True), 1e-300)
        counts = _PSEUDO_LABELS * usual + weight.T @ said
        confusion = counts / counts.sum(axis=1, keepdims=True)
    return np.asarray(confusion)
