"""A second start, from gold: for crowds most of whom mislead.

A fit that starts from the votes climbs to the optimum next to them. Where most annotators err in
the same way it takes them at their word, and the few gold items that say otherwise are too few to
turn it round on its way, although the likelihood of the other optimum is higher. So where the fit
makes the gold of some class less likely than the frequencies of the classes alone do, and at least
three items say so, it is repeated from the confusions that gold items alone tell, and the
likelier of the two fits is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate.annotations import Annotations
from aggregate.models._remote import RemoteVotes

Float = NDArray[np.float64]

_MARGIN = 1e-9  # of the objective: below it is rounding
_LEAST = 1e-300
_SOME = 3  # gold items that are foretold badly; one or two may be wrong themselves


def starts(
    model: Any, annotations: Annotations | RemoteVotes, gold: Any, data: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield what a model's ``_fit`` takes: once, and again if gold speaks against the result.

    After the second fit the model is what the likelier of the two has left.

    Parameters
    ----------
    model : BaseAggregator
        Without ``_heeds_gold`` it is fitted once, and so it is from a start that the user chose.
    annotations : Annotations or RemoteVotes
    gold : ndarray of int32, shape (N,), what stands for it elsewhere, or None
    data : dict
        What ``_fit`` takes besides.
    """
    yield data
    init = getattr(model, "init", "votes")
    from_votes = isinstance(init, str) and init == "votes"
    if gold is None or not (model._heeds_gold and from_votes):
        return
    if not is_contradicted(model, annotations, gold):
        return
    before = dict(vars(model))
    yield data | {"gold_alone": True}
    reached, enough = model.objective_path_[-1], before["objective_path_"][-1]
    if reached <= enough + _MARGIN * abs(enough):
        vars(model).clear()
        vars(model).update(before)


def gold_gain(model: Any, annotations: Annotations, gold: NDArray[np.int32]) -> Float:
    """Return by how much a fit foretells gold better than the frequencies of the classes do.

    Gold items are judged as if they were none, and compared by log P(class | labels) -
    log P(class).

    Returns
    -------
    ndarray of shape (2, K)
        For each class the sum over its gold items, and how many of them are below zero.
    """
    known = np.flatnonzero(gold >= 0)
    truth = gold[known]
    chance = model._soft_labels(annotations, None)[known, truth]
    gain = np.log(np.maximum(chance, _LEAST) / np.maximum(model.class_prior_[truth], _LEAST))
    total = np.zeros((2, annotations.n_classes))
    np.add.at(total[0], truth, gain)
    np.add.at(total[1], truth, gain < 0)
    return total


def is_contradicted(model: Any, annotations: Annotations | RemoteVotes, gold: Any) -> bool:
    """Tell whether a fit makes the gold of some class less likely than its frequency does."""
    if isinstance(annotations, RemoteVotes):
        gain, against = annotations.gold_gain(model, gold)
    else:
        gain, against = sum(
            (
                gold_gain(model, part, gold[first:last])
                for first, last, part in annotations.blocks()
            ),
            start=np.zeros((2, annotations.n_classes)),
        )
    return bool((gain < 0).any() and against.sum() >= _SOME)
