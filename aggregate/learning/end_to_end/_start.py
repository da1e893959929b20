"""Where the descent starts: annotators on the diagonal, as votes or EM see them, or as given."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from aggregate._tables import check_confusion
from aggregate.annotations import Annotations
from aggregate.fusion import vote_shares
from aggregate.learning._first_guess import turned_round
from aggregate.learning.end_to_end._crowd import Crowd
from aggregate.learning.end_to_end._problem import CoupledProblem
from aggregate.learning.end_to_end._solver import descend
from aggregate.models import DawidSkene

Float = NDArray[np.float64]

STARTS: Final = ("identity", "majority-vote", "dawid-skene")
_LEAST = 1e-3  # probability that a start gives any label
_STEPS, _TOL = 50, 1e-3  # of the classifier alone, before the annotators may move


def diagonal_target(n_classes: int, accuracy: float) -> Float:
    """Return the confusions of somebody right with a given probability, errors spread evenly."""
    if n_classes == 1:
        return np.ones((1, 1))
    wrong = (1 - accuracy) / (n_classes - 1)
    return np.full((n_classes, n_classes), wrong) + (accuracy - wrong) * np.eye(n_classes)


def starting_confusion(init: Any, crowd: Crowd, target: Float) -> tuple[Float, bool]:
    """Return the (M, K, K) confusions that ``init`` asks for, and whether the data made them.

    Parameters
    ----------
    init : {"identity", "majority-vote", "dawid-skene"} or array of shape (M, K, K)
    crowd : Crowd
    target : ndarray of shape (K, K)
        The anchor, which is also the start called "identity" (but where gold shows that most
        labels mislead: then it is what Dawid-Skene makes of votes and gold).
    """
    shape = (crowd.n_annotators, crowd.n_classes, crowd.n_classes)
    if not isinstance(init, str):
        return check_confusion("init", init, shape), True
    if not len(crowd.item):
        return np.broadcast_to(target, shape).copy(), False
    votes = _as_annotations(crowd)
    if init == "dawid-skene":
        known = np.where(crowd.gold >= 0, crowd.gold, -1)
        return np.asarray(DawidSkene().fit(votes, gold=known).confusion_), True
    turned = turned_round(votes, crowd.gold)
    if turned is not None:
        return np.asarray(turned.confusion_), True
    if init == "identity":
        return np.broadcast_to(target, shape).copy(), False
    counts = np.broadcast_to(target, shape).copy()
    soft = vote_shares(votes)
    by_label = counts.transpose(0, 2, 1)
    np.add.at(by_label, (votes.annotator, votes.label), soft[votes.item])
    return counts / counts.sum(axis=2, keepdims=True), True


def starting_point(
    problem: CoupledProblem, confusion: Float, random: np.random.Generator, *, train_first: bool
) -> Float:
    """Return a point: logits of the confusions, and a classifier.

    Where the confusions come from the data, the classifier is trained on the labels seen through
    them before anything else moves; otherwise it starts from scratch.
    """
    logits = np.log(np.maximum(confusion, _LEAST)).ravel()
    weights = problem.network.start(random)
    if train_first:

        def classifier_alone(weights: Float) -> tuple[float, Float]:
            value, gradient = problem.objective(np.concatenate([weights, logits]))
            return value, gradient[: len(weights)]

        ones = np.ones_like(weights)
        weights = descend(classifier_alone, weights, ones, max_iter=_STEPS, tol=_TOL).point
    return np.concatenate([weights, logits])


def _as_annotations(crowd: Crowd) -> Annotations:
    """Return the labels without weights or known classes, everything named by its code."""
    n_classes = np.uint32(crowd.n_classes)
    return Annotations(
        np.searchsorted(crowd.item, np.arange(crowd.n_rows + 1)),
        (crowd.code // n_classes).astype(np.int32),
        (crowd.code % n_classes).astype(np.int32),
        np.arange(crowd.n_rows),
        np.arange(crowd.n_annotators),
        np.arange(crowd.n_classes),
    )
