"""Votes counted on a cluster: how often each annotator agrees, and what each class received."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate.distributed._cluster import Shared
from aggregate.distributed._held import HeldVotes
from aggregate.distributed._labels import without_items
from aggregate.distributed._parts import Parts
from aggregate.distributed._passes import annotations_of
from aggregate.distributed._rows import Part
from aggregate.fusion import vote_shares
from aggregate.fusion.posterior import clamp
from aggregate.models.voting import Wawa
from aggregate.models.voting._voting import Weights, agreement, rates

Float = NDArray[np.float64]
Gold = NDArray[np.int32] | None


def fit_vote(votes: HeldVotes, model: Any, gold: Parts | None) -> None:
    """Learn the weights of a vote, then count the weighted vote."""
    shape = votes.n_annotators, votes.n_classes
    given = votes.label_counts.sum(axis=1)
    weight = np.ones(len(given))
    if isinstance(model, Wawa):
        agreed = votes._parts.map("agree", _agreed, gold, without_items(model), shape)
        weight = rates(_total(votes, agreed), given)
    sums = _total(votes, votes._parts.map("weigh", _weighted, gold, Shared(weight), shape))
    n_classes = votes.n_classes
    model._keep(Weights(weight), sums[:n_classes], sums[n_classes:], given)


def _total(votes: HeldVotes, sums: Parts) -> Float:
    (total,) = sums.reduce("add-votes", sum).compute("count the votes", votes.npartitions)
    return np.asarray(total)


def _agreed(part: Part, gold: Gold, model: Any, shape: tuple[int, int]) -> Float:
    """Return the share of the vote's winners among each annotator's labels, shape (M,)."""
    annotations = annotations_of(part, shape)
    return agreement(annotations, model._consensus(annotations, None, gold))


def _weighted(part: Part, gold: Gold, weight: Float, shape: tuple[int, int]) -> Float:
    """Return the shares of the weighted vote (K,) and, behind, each annotator's part (M,)."""
    annotations = annotations_of(part, shape)
    shares = clamp(vote_shares(annotations, weight), gold)
    return np.concatenate([shares.sum(axis=0), agreement(annotations, shares)])
