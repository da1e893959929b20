"""What the votes alone say, for losses and starts that want it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from aggregate.annotations import Annotations
from aggregate.fusion import log_joint
from aggregate.fusion.confidence import design_effect
from aggregate.learning._crowd_summary import class_shares, confusions_of
from aggregate.models import BaseAggregator, DawidSkene, MajorityVote

Float = NDArray[np.float64]
Codes = NDArray[np.int32]

AGGREGATORS = {"majority": MajorityVote, "dawid-skene": DawidSkene}


class FromVotes(NamedTuple):
    """Soft labels, confusion matrices and class prior of an aggregator."""

    soft: Float
    confusion: Float
    class_prior: Float


def check_aggregator(aggregator: Any) -> None:
    """Refuse what is neither a name nor a model."""
    if isinstance(aggregator, str):
        if aggregator not in AGGREGATORS:
            names = ", ".join(map(repr, AGGREGATORS))
            raise ValueError(f"aggregator must be {names} or a model; got {aggregator!r}.")
    elif not isinstance(aggregator, BaseAggregator):
        raise TypeError(
            "aggregator must be a name or one of the package's models (an instance: DawidSkene(), "
            f"Auto() …); got {aggregator!r}."
        )


def from_votes(aggregator: Any, votes: Annotations, gold: Any) -> FromVotes:
    """Fit an aggregator to the votes and read confusions off its soft labels.

    Parameters
    ----------
    aggregator : {"majority", "dawid-skene"} or aggregator
    votes : Annotations
    gold : as the user gave it
    """
    model = AGGREGATORS[aggregator]() if isinstance(aggregator, str) else clone(aggregator)
    soft = model.fit(votes, gold=gold).probas_
    labelled = (votes.labels_per_item > 0) | (soft.max(axis=1) == 1)
    return FromVotes(soft, confusions_of(votes, soft), class_shares(soft, labelled))


def nothing_known(votes: Annotations) -> FromVotes:
    """Return the place holder where nobody asks what the votes alone say."""
    n_items, n_annotators, n_classes = votes.n_items, votes.n_annotators, votes.n_classes
    return FromVotes(
        np.zeros((n_items, n_classes)),
        np.full((n_annotators, n_classes, n_classes), 1 / n_classes),
        np.full(n_classes, 1 / n_classes),
    )


def combine(
    f: Float, votes: Annotations, confusion: Float, gold: Codes | None, correlation: float
) -> Float:
    r"""Return soft labels from the classifier and the votes together, shape (N, K).

    .. math:: q_{ik} \propto f_{ik} \exp\bigl(\tfrac{1}{1 + (r_i - 1)\rho}
              \sum_{e \in i} \log A_{j_e}[k, y_e]\bigr)

    The classifier is the class prior of each item; r labels count as many as
    `aggregate.fusion` makes of them. Known classes get probability one.
    """
    evidence = log_joint(votes, confusion, np.ones(f.shape[1]))
    evidence /= design_effect(votes.labels_per_item, correlation)[:, np.newaxis]
    log_q = np.log(np.maximum(f, np.finfo(float).tiny)) + evidence
    q = np.exp(log_q - log_q.max(axis=1, keepdims=True))
    q /= q.sum(axis=1, keepdims=True)
    if gold is not None:
        known = np.flatnonzero(gold >= 0)
        q[known] = np.eye(f.shape[1])[gold[known]]
    return q
