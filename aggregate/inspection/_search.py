"""Copiers found one pair after another: nobody's copy may pass for the truth.

Copies who always agree are taken for nearly perfect, and those who are right where they are not
look as if they erred together. So suspects count once and never testify on themselves, only the
clearest of the new pairs is believed at a time, its two count once from then on, and everything
is looked at again: what was believed too early is not found in the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate.annotations import Annotations
from aggregate.inspection._copying import RATES, Pairs, copying, log_odds
from aggregate.inspection._dependence_facts import FEWEST
from aggregate.inspection._suspects import Suspicion, join
from aggregate.inspection._voices import reference

Float = NDArray[np.float64]
Groups = NDArray[np.int32]
Mask = NDArray[np.bool_]
Places = NDArray[np.intp]

_PATIENT = 8  # looks that take one pair each; later ones take all
_MOST_LOOKS = 12


class Asked(NamedTuple):
    """What was asked for."""

    level: float
    control: str
    min_shared: int
    leave_out: bool
    awaited: float

    def limit(self, n_found: int, n_tests: int) -> float:
        """Return the p-value that one more pair needs to be found."""
        if self.control == "family-wise":
            return self.level / max(n_tests - n_found, 1)
        return self.level * min(n_found + 1, max(n_tests, 1)) / max(n_tests, 1)


class Judged(NamedTuple):
    """Log odds of copying, log likelihood ratios of `RATES`, expected evidence, what was found.

    ``group`` are the suspects, who counted once.
    """

    evidence: Float
    odds: Float
    growth: Float
    tested: Mask
    found: Mask
    group: Groups


class _Seen(NamedTuple):
    evidence: Float
    growth: Float
    odds: Float


def judge(
    annotations: Annotations,
    model: Any,
    pairs: Pairs,
    suspicion: Suspicion,
    ordinary: float,
    asked: Asked,
) -> Judged:
    """Judge all pairs, the clearest first.

    Parameters
    ----------
    annotations : Annotations
    model : unfitted aggregator with confusions
    pairs : ndarray of int32, shape (P, 2)
    suspicion : Suspicion
    ordinary : float
        Rate that copiers must exceed.
    asked : Asked
    """
    look = partial(_look, annotations, model, pairs, ordinary=ordinary, asked=asked)
    group, doubts = suspicion.group, suspicion.doubts
    seen = look(group)
    # What others say of the items, not the two, decides whether a pair can be judged.
    tested = seen.growth >= -np.log(asked.level)
    most = look(np.full_like(group, -1)).evidence if (group >= 0).any() else seen.evidence
    for number in range(_MOST_LOOKS + 1):
        apart = _apart(group, pairs)
        plain = apart | (np.bincount(group[group >= 0], minlength=1)[group[pairs[:, 0]]] == 2)
        evidence = np.where(plain, np.minimum(seen.evidence, most), seen.evidence)
        found = passing(evidence, tested, asked)
        new = np.flatnonzero(found & apart)
        if len(new) and doubts:
            most, new = _doubt([(each, look(each)) for each in doubts], pairs, most, evidence, new)
            doubts = []
        elif number < _PATIENT:
            new = new[np.argsort(-evidence[new], kind="stable")[:1]]
        joined = join(group, pairs[new])
        if not len(new) or number == _MOST_LOOKS or n_voices(annotations, joined) < FEWEST - 1:
            break
        group = joined
        seen = look(group)
    return Judged(evidence, seen.odds, seen.growth, tested, found, group)


def _doubt(
    doubts: list[tuple[Groups, _Seen]], pairs: Pairs, most: Float, evidence: Float, new: Places
) -> tuple[Float, Places]:
    """Return the most that pairs may show, and the pairs to count once: the clearest new one.

    If instead some others, when they testify no more for each other, give clearer evidence of
    having copied, then the new pair has to show itself in what is left, and those others
    count once.
    """
    best = new[np.argmax(evidence[new])]
    clearest, instead = float(evidence[best]), np.array([best])
    for group, seen in doubts:
        rivals = np.flatnonzero(~_apart(group, pairs) & (seen.evidence > evidence[best]))
        if not len(rivals) or group[pairs[best]].max() == group[pairs[best]].min() >= 0:
            continue
        most = np.where(_apart(group, pairs), np.minimum(most, seen.evidence), most)
        if seen.evidence[rivals].max() > clearest:
            clearest, instead = float(seen.evidence[rivals].max()), rivals
    return most, instead


def _apart(group: Groups, pairs: Pairs) -> Mask:
    first, second = group[pairs].T
    return np.asarray((first < 0) | (first != second))


def n_voices(annotations: Annotations, group: Groups) -> int:
    """Return how many annotators and groups gave labels."""
    labelled = annotations.labels_per_annotator > 0
    return int((labelled & (group < 0)).sum()) + len(np.unique(group[labelled & (group >= 0)]))


def passing(evidence: Float, tested: Mask, asked: Asked) -> Mask:
    """Return which pairs are found, by Holm's steps or by those of Benjamini and Hochberg."""
    n_tests = int(tested.sum())
    order = np.argsort(np.where(tested, -evidence, np.inf), kind="stable")[:n_tests]
    needed = [asked.limit(n_found, n_tests) for n_found in range(n_tests)]
    passes = evidence[order] >= -np.log(np.array(needed))
    if asked.control == "family-wise":  # down from the clearest, until one fails
        n_found = int(np.argmin(np.append(passes, False)))
    else:  # up from the weakest, until one passes
        n_found = int(np.flatnonzero(passes)[-1]) + 1 if passes.any() else 0
    found = np.zeros(len(evidence), dtype=bool)
    found[order[:n_found]] = True
    return found


def _look(
    annotations: Annotations,
    model: Any,
    pairs: Pairs,
    group: Groups,
    *,
    ordinary: float,
    asked: Asked,
) -> _Seen:
    """Return evidence, its expectation and the odds of rates, the weaker where there are two."""
    evidence, growth = np.full(len(pairs), np.inf), np.full(len(pairs), np.inf)
    odds, n_sides = np.zeros((len(pairs), len(RATES))), np.zeros(len(pairs))
    for silent, which in _in_turn(annotations, pairs, group, asked.leave_out):
        if not len(which):
            continue
        needed = np.zeros(len(group), dtype=bool)
        needed[pairs[which]] = True
        told = reference(annotations, model, group, silent, needed)
        found = copying(
            annotations, told.confusion, told.class_prior, pairs[which], asked.awaited, told.speaker
        )
        evidence[which] = np.minimum(evidence[which], log_odds(found.odds, ordinary))
        growth[which] = np.minimum(growth[which], found.growth)
        odds[which] += found.odds
        n_sides[which] += 1
    return _Seen(evidence, growth, odds / np.maximum(n_sides, 1)[:, np.newaxis])


def _in_turn(
    annotations: Annotations, pairs: Pairs, group: Groups, leave_out: bool
) -> Iterator[tuple[Mask, NDArray[np.intp]]]:
    """Yield who is silent, and which pairs are judged then.

    Every group falls silent in turn, and so does everybody else if they are to be left out. Of
    too few voices none can be missed.
    """
    nobody = np.zeros(len(group), dtype=bool)
    if n_voices(annotations, group) < FEWEST:
        yield nobody, np.arange(len(pairs))
        return
    turns = [group == g for g in range(int(group.max(initial=-1)) + 1)]
    if leave_out:
        turns += [np.arange(len(group)) == j for j in np.flatnonzero(group < 0)]
    for silent in turns:
        yield silent, np.flatnonzero(silent[pairs].any(axis=1))
    if not leave_out:
        yield nobody, np.flatnonzero((group[pairs] < 0).all(axis=1))
