"""Soft labels to start from: the shares of the votes, unless gold shows that most votes mislead.

A classifier that learns with its annotators starts near the votes and stays near them. Where most
annotators trade two classes, some gold cannot turn it round on its way, but it does turn round a
Dawid-Skene model (`aggregate.models._gold_start`), whose labels and confusions are then the start.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggregate.annotations import Annotations
from aggregate.fusion import vote_shares
from aggregate.fusion.posterior import clamp
from aggregate.models import DawidSkene
from aggregate.models._gold import as_given
from aggregate.models._gold_start import is_contradicted

Float = NDArray[np.float64]

_MARGIN = 1e-6  # of the likelihood, by which the fit that heeds gold is better


def first_guess(votes: Annotations, gold: NDArray[np.int32] | None) -> Float:
    """Return soft labels of shape (N, K), gold items held to their class."""
    turned = turned_round(votes, gold)
    return clamp(vote_shares(votes), gold) if turned is None else turned.probas_


def turned_round(votes: Annotations, gold: NDArray[np.int32] | None) -> DawidSkene | None:
    """Return a Dawid-Skene model that gold has turned round, or None where there is no need.

    Parameters
    ----------
    votes : Annotations
    gold : ndarray of int, shape (N,), or None
        Class codes, -1 where unknown.
    """
    if gold is None or not (gold >= 0).any() or not votes.n_annotations:
        return None
    known = as_given(gold, votes)
    shares = clamp(vote_shares(votes), gold)
    by_votes = DawidSkene(init=shares, annotator_correlation=0).fit(votes, gold=known)
    if not is_contradicted(by_votes, votes, gold):
        return None
    by_gold = DawidSkene(annotator_correlation=0).fit(votes, gold=known)
    enough = by_votes.objective_path_[-1]
    better = by_gold.objective_path_[-1] > enough + _MARGIN * abs(enough)
    return by_gold if better else None
