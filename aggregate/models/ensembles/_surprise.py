"""How well models foretell labels of items they have not seen, which says how far to heed them.

The measure is that of one item: a factor of e between two models is what one item's labels
tell of them. All items together would tell apart any two models, and then pick the one that
predicts labels best, which need not be the one that finds the truth.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from aggregate._blocks import fill_blocks, item_blocks
from aggregate._tables import row_codes, to_table
from aggregate.annotations import Annotations
from aggregate.kernels.em import FLOOR
from aggregate.kernels.residuals import label_surprise
from aggregate.models._confusion_model import ConfusionModel
from aggregate.models.bayesian import EBCC
from aggregate.models.ensembles._residuals import FOLDS, shared_items, splits

Float = NDArray[np.float64]

_ROUGHLY = 1e-5  # tolerance of the fits, which only have to rank models


def surprise_per_item(
    annotations: Annotations, models: Mapping[str, ConfusionModel], random: np.random.Generator
) -> dict[str, float]:
    """Return minus the log probability that each model gives to the labels of a held-out item.

    Every label is foretold from the item's other labels, confusions being learned on four
    fifths of the items; the sum over an item's labels is averaged over items. Models are
    equal, at 0, where hardly any item has two labels.

    Parameters
    ----------
    annotations : Annotations
    models : mapping of str to ConfusionModel
        Cloned here, not changed.
    random : Generator
        Draws the folds, and the items if there are very many.
    """
    votes = shared_items(annotations, random)
    total = dict.fromkeys(models, 0.0)
    if votes.n_items < FOLDS:
        return total
    for learned, held_out, _ in splits(votes, random):
        for name, model in models.items():
            copy = clone(model).set_params(tol=max(model.tol, _ROUGHLY))
            total[name] += float(_surprise(held_out, copy.fit(learned)).sum()) / votes.n_items
    return total


def weights_of(shares: Mapping[str, float], surprise: Mapping[str, float]) -> dict[str, float]:
    """Return weights that sum to one: shares times the probability of one item's labels."""
    least = min(surprise[name] for name in shares)
    raw = {
        name: share * max(np.exp(least - surprise[name]), np.finfo(float).tiny)
        for name, share in shares.items()
    }
    total = sum(raw.values())
    return {name: float(weight / total) for name, weight in raw.items()}


def _surprise(votes: Annotations, model: ConfusionModel) -> Float:
    prior, table = _states(model)
    log_prior, log_table = np.log(np.maximum(prior, FLOOR)), np.log(np.maximum(table, FLOOR))
    code = row_codes(votes.annotator, votes.label, votes.n_annotators, votes.n_classes)
    surprise = np.zeros(votes.n_items)
    fill_blocks(
        lambda first, last: label_surprise(
            votes.item_ptr, code, log_prior, log_table, first, last, surprise
        ),
        item_blocks(votes.item_ptr),
    )
    return surprise


def _states(model: ConfusionModel) -> tuple[Float, Float]:
    """Return the probabilities (S,) of what an item may be, and those of labels, (M·K, S).

    An item is of a class, or of a class and a subtype of it where the model has subtypes.
    """
    if not isinstance(model, EBCC):
        return model.class_prior_, to_table(model.confusion_)
    share = model.subtype_share_ / model.subtype_share_.sum(axis=1, keepdims=True)
    n_states = share.size
    table = model.subtype_confusion_.transpose(0, 3, 1, 2).reshape(-1, n_states)
    return (model.class_prior_[:, np.newaxis] * share).ravel(), np.ascontiguousarray(table)
