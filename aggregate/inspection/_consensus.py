"""How far each label agrees with what everybody else says of its item."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate.annotations import Annotations
from aggregate.fusion import posterior
from aggregate.models._gold import gold_codes

Float = NDArray[np.float64]

_LEAST = 1e-9  # a label called impossible would leave nothing to divide by


class Agreement(NamedTuple):
    """Per entry: agreement with the others, what to expect, their class, whether there are any."""

    agreement: Float
    expected: Float
    consensus: NDArray[np.int64]
    has_others: NDArray[np.bool_]


def agreement_with_others(annotations: Annotations, model: Any, gold: Any = None) -> Agreement:
    r"""Return for each label the probability that it is right according to all others.

    With :math:`q_{i, -j}` the posterior of item i without the labels of annotator j, the label y
    agrees to :math:`q_{i, -j}(y)`; to expect is :math:`\sum_{k, y} q_{i, -j}(k) A_j[k, y]
    q_{i, -j}(y)`, which allows for items that are easy or hard and classes that j knows better.
    """
    confusion = np.maximum(np.asarray(model.confusion_, dtype=np.float64), _LEAST)
    confusion = confusion / confusion.sum(axis=2, keepdims=True)
    prior = np.asarray(model.class_prior_, dtype=np.float64)
    truth = gold_codes(gold, annotations)
    soft = posterior(annotations, confusion, prior, annotator_correlation=0.0, gold=truth)
    item, who, said = annotations.item, annotations.annotator, annotations.label
    is_new = np.ones(len(item), dtype=bool)  # the first label by this annotator on this item
    is_new[1:] = (item[1:] != item[:-1]) | (who[1:] != who[:-1])
    group = np.cumsum(is_new) - 1
    own = np.stack(
        [np.bincount(group, np.log(confusion[who, k, said])) for k in range(len(prior))], axis=1
    )
    item_of, who_of = item[is_new], who[is_new]
    with np.errstate(divide="ignore"):
        others = np.log(soft[item_of]) - own
    others = np.exp(others - others.max(axis=1, keepdims=True))
    others /= others.sum(axis=1, keepdims=True)
    expected = np.einsum("gk,gky,gy->g", others, confusion[who_of], others)
    alone = annotations.labels_per_item[item_of] == np.bincount(group)
    if truth is not None:
        alone &= truth[item_of] < 0
    consensus = others.argmax(axis=1)[group]
    return Agreement(others[group, said], expected[group], consensus, ~alone[group])
