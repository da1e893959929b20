"""The pseudo-labels of a fitted model: what it believed of an annotator before any label."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate.models import (
    IBCC,
    ClassConditionalDawidSkene,
    HierarchicalDawidSkene,
    OneCoinDawidSkene,
)
from aggregate.models._confusions import prior_confusion

Float = NDArray[np.float64]

_ONE = 1.0  # pseudo-label per row (or coin), and pseudo-item, where the model has none


class Belief(NamedTuple):
    """Pseudo-labels of every annotator alike.

    Attributes
    ----------
    expected : ndarray of shape (K, K)
        What they say; rows sum to 1.
    strength : ndarray of shape (K,)
        How many there are in each row; all of them in each, where the rows are one coin.
    items : float
        Pseudo-items of the class prior, -1 where it is known.
    own : bool
        Whether the model has them; if not, they stand in for the prior of a Bayesian interval.
    """

    expected: Float
    strength: Float
    items: float
    own: bool


def belief_of(model: Any) -> Belief:
    """Return what a model of a known likelihood believes."""
    n_classes = len(model.classes_)
    if isinstance(model, HierarchicalDawidSkene | IBCC):
        hierarchical = isinstance(model, HierarchicalDawidSkene)
        pseudo = np.asarray(model.crowd_ if hierarchical else model._pseudo(), dtype=np.float64)
        strength = pseudo.sum(axis=1)
        items = float(model.prior_class) * n_classes
        return Belief(pseudo / strength[:, np.newaxis], strength, items, True)
    own = model.prior_strength > 0
    strength = float(model.prior_strength) if own else _ONE
    accuracy = model.prior_accuracy if own else _even(model)
    learned = isinstance(model.class_prior, str) and model.class_prior == "learned"
    expected = prior_confusion(n_classes, accuracy)
    return Belief(expected, np.full(n_classes, strength), strength if learned else -1.0, own)


def _even(model: Any) -> float:
    """Return the accuracy of pseudo-labels that are shared out evenly."""
    coins = isinstance(model, OneCoinDawidSkene | ClassConditionalDawidSkene)
    return 1 / 2 if coins else 1 / max(len(model.classes_), 1)
