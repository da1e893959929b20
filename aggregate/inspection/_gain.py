"""Whether copying explains all the votes better than independent annotators can.

A few experts among many who guess agree as copies do, and the guessers alone are poor witnesses.
But if the experts are independent, a model that lets them be so explains the votes as well as any.
So a set of copiers is believed only if the votes are likelier by the odds asked for
when its members repeat one voice, than when each is free, with confusions fitted to just that.
"""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate.annotations import Annotations
from aggregate.inspection._copying import RATES, Pairs
from aggregate.inspection._suspects import join
from aggregate.inspection._voices import Reference, reference
from aggregate.kernels.em import FLOOR

Float = NDArray[np.float64]
Groups = NDArray[np.int32]
Mask = NDArray[np.bool_]

SHARES = np.append(RATES, 0.999)
"""Rates of copying: those of pairs, and one for copies to the letter."""


def explained(
    annotations: Annotations, model: Any, pairs: Pairs, found: Mask, needed: float
) -> Mask:
    """Return which of the pairs found belong to groups that add ``needed`` log likelihood."""
    group = join(np.full(annotations.n_annotators, -1, dtype=np.int32), pairs[found])
    enough = np.append(gains(annotations, model, group) >= needed, False)
    return np.asarray(found & enough[group[pairs[:, 0]]])


def gains(annotations: Annotations, model: Any, group: Groups) -> Float:
    """Return the log likelihood that each group adds by being one, shape (G,).

    Parameters
    ----------
    annotations : Annotations
    model : unfitted aggregator with confusions
    group : ndarray of int32, shape (M,)
        Groups of copiers, -1 for nobody's.
    """
    n_groups = int(group.max(initial=-1)) + 1
    if not n_groups:
        return np.zeros(0)
    together = _explained(annotations, model, group)
    apart = [np.where(group == g, np.int32(-1), group) for g in range(n_groups)]
    return np.array([together - _explained(annotations, model, each) for each in apart])


def _explained(annotations: Annotations, model: Any, group: Groups) -> float:
    """Return the log likelihood of all votes where groups copy, confusions fitted to just that."""
    silent = np.zeros(len(group), dtype=bool)
    told = reference(annotations, model, group, silent, ~silent)
    return log_likelihood(annotations, told, group)


def log_likelihood(annotations: Annotations, told: Reference, group: Groups) -> float:
    """Return the log likelihood of all votes, each group copying at its likeliest rate.

    Labels that do not speak for themselves repeat the one that speaks for them, each at that
    rate, or, if that is likelier, at that rate all of an item together; and are by their
    annotators' own confusions else.

    Parameters
    ----------
    annotations : Annotations
    told : Reference
    group : ndarray of int32, shape (M,)
    """
    scores = _free(annotations, told)
    repeats = told.speaker != np.arange(len(told.speaker))
    for g in range(int(group.max(initial=-1)) + 1):
        theirs = np.flatnonzero(repeats & (group[annotations.annotator] == g))
        added = chain(*(_copied(annotations, told, theirs, rate) for rate in SHARES))
        scores = max((scores + each for each in added), key=_evidence)
    return _evidence(scores)


def _evidence(scores: Float) -> float:
    return float(np.logaddexp.reduce(scores, axis=1).sum())


def _free(annotations: Annotations, told: Reference) -> Float:
    """Return log P(truth, labels that speak for themselves), shape (N, K)."""
    speaks = told.speaker == np.arange(len(told.speaker))
    scores = np.tile(np.log(np.maximum(told.class_prior, FLOOR)), (annotations.n_items, 1))
    _add(scores, annotations, speaks.nonzero()[0], _said(annotations, told, speaks.nonzero()[0]))
    return scores


def _said(annotations: Annotations, told: Reference, which: NDArray[np.intp]) -> Float:
    """Return log P(label | truth) of some labels, shape (labels, K)."""
    chance = told.confusion[annotations.annotator[which], :, annotations.label[which]]
    return np.asarray(np.log(np.maximum(chance, FLOOR)))


def _copied(
    annotations: Annotations, told: Reference, which: NDArray[np.intp], rate: float
) -> tuple[Float, Float]:
    """Return log P(labels | truth, who speaks) if copied one by one, and together, (N, K) each."""
    same = (annotations.label[which] == annotations.label[told.speaker[which]])[:, np.newaxis]
    said = _said(annotations, told, which)
    by_label, alone = np.zeros((2, annotations.n_items, said.shape[1]))
    _add(by_label, annotations, which, np.log(rate * same + (1 - rate) * np.exp(said)))
    _add(alone, annotations, which, said)
    item = annotations.item[which]
    n_labels, n_same = (
        np.bincount(item, weights, minlength=len(alone)) for weights in (None, same.ravel())
    )
    agreed = np.where(n_same == n_labels, np.log(rate), -np.inf)[:, np.newaxis]
    together = np.logaddexp(agreed, np.log(1 - rate) + alone)
    return by_label, np.where(n_labels[:, np.newaxis] > 0, together, 0.0)


def _add(scores: Float, annotations: Annotations, which: NDArray[np.intp], columns: Float) -> None:
    item = annotations.item[which]
    for k in range(scores.shape[1]):
        scores[:, k] += np.bincount(item, columns[:, k], minlength=len(scores))
