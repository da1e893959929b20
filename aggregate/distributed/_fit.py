"""Fit a model to votes on a cluster: what `BaseAggregator._fit_votes` does in memory."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._encoding import encode, match
from aggregate._validation import first_few
from aggregate.distributed import _labels, _votes
from aggregate.distributed._held import HeldVotes
from aggregate.distributed._ids import Ids
from aggregate.distributed._parts import Parts, given
from aggregate.distributed._passes import annotations_of
from aggregate.distributed._rows import Part
from aggregate.models import (
    IBCC,
    ClassConditionalDawidSkene,
    DawidSkene,
    HierarchicalDawidSkene,
    OneCoinDawidSkene,
    PooledDawidSkene,
)
from aggregate.models._gold import score_on_gold
from aggregate.models._gold_start import starts
from aggregate.models._start import FROM_MOMENTS
from aggregate.models.voting import MajorityVote, Wawa

EM = (
    DawidSkene,
    OneCoinDawidSkene,
    ClassConditionalDawidSkene,
    PooledDawidSkene,
    HierarchicalDawidSkene,
    IBCC,
)
VOTES = (MajorityVote, Wawa)


def fit_model(votes: HeldVotes, model: Any, gold: Any, data: dict[str, Any]) -> Parts | None:
    """Set all that a fit in memory sets; return the gold of each part.

    What has a row per item becomes a Dask array.
    """
    _check(votes, model)
    truth = read_gold(gold, votes)
    model.classes_, model.annotators_ = votes.classes, votes.annotators
    model.n_features_in_ = votes.n_annotators
    vars(model).pop("feature_names_in_", None)
    model.items_ = _labels.item_array(votes)
    model.gold_given_, model.gold_correct_ = _score(votes, truth)
    if isinstance(model, VOTES):
        _votes.fit_vote(votes, model, truth)
    else:
        for start in starts(model, votes, truth, data):
            model._fit(votes, truth, **start)
    model.probas_ = _labels.soft_labels(votes, model, truth)
    model.labels_ = _labels.decisions(votes, model, truth)
    return truth


def _check(votes: HeldVotes, model: Any) -> None:
    """Refuse models and options that need all items at one place."""
    name = type(model).__name__
    if type(model) not in EM + VOTES:
        raise TypeError(
            f"{name} cannot be fitted on a cluster. These can: "
            f"{', '.join(kind.__name__ for kind in EM + VOTES)}. Others take "
            "DaskAnnotations.compute(), if it fits into memory."
        )
    if votes.n_classes == 0:
        raise ValueError(f"{name} needs at least one label; the {votes.n_items} items have none.")
    init = getattr(model, "init", "votes")
    if isinstance(init, str) and init in FROM_MOMENTS:
        raise ValueError(
            f"init={init!r} is not for a cluster: fit that model to a sample that fits into "
            "memory and give its confusions, init=dict(zip(model.annotators_, model.confusion_))."
        )
    if not isinstance(init, str | Mapping) and np.ndim(init) != 3:
        raise ValueError(
            "init must be 'votes' or confusions on a cluster, where items have no order that "
            "soft labels could follow."
        )
    for option, usual in (("n_init", 1), ("abstention", None), ("checkpoint", None)):
        if getattr(model, option, usual) != usual:
            raise ValueError(
                f"{option}={getattr(model, option)!r} is not supported on a cluster; leave it at "
                f"{usual!r}."
            )


def read_gold(gold: Any, votes: HeldVotes) -> Parts | None:
    """Return the class codes of the items of each part, -1 where unknown, or None.

    Raises
    ------
    TypeError
        If gold is no mapping.
    ValueError
        If no item of it is among the votes, or it holds a class that nobody used.
    """
    if gold is None:
        return None
    if not isinstance(gold, Mapping):
        raise TypeError(
            "gold must be a mapping {item: class} on a cluster, where items have no order; got "
            f"{type(gold).__name__}."
        )
    codes, table = encode(list(gold.values()), "gold")
    place = match(table, votes.classes)
    if (place < 0).any():
        raise ValueError(
            f"gold holds classes that no annotator used: {first_few(table[place < 0])}; the "
            f"classes are {first_few(votes.classes)}. If they are meant, declare all classes when "
            "the votes are read (classes=)."
        )
    truth = np.append(place, np.int32(-1))[codes]
    known = {item: int(code) for item, code in zip(gold, truth, strict=True) if code >= 0}
    if not known:
        return None
    sent = given("gold", dict, [known])
    placed = votes._items.map("place-gold", _place_gold, sent).persist("place the gold")
    found = np.logical_or.reduce(placed.pick("found", 1).compute("look for the gold"))
    if not found.any():
        raise ValueError(
            f"none of the {len(known)} gold items is among the annotations: gold names "
            f"{first_few(known)}. Compare their spelling and type (1 is not '1')."
        )
    if not found.all():
        lost = [item for item, here in zip(known, found, strict=True) if not here]
        warnings.warn(
            f"{len(lost)} gold items are not among the annotations and are left out: "
            f"{first_few(lost)}.",
            UserWarning,
            stacklevel=5,
        )
    return placed.pick("gold-codes", 0)


def _place_gold(items: Ids, known: dict[Any, int]) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return the class code of each item, -1 where unknown, and which of the gold is here."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(items, np.ndarray):
        names = np.empty(len(known), dtype=object)
        names[:] = list(known)
        place = match(items, names)
    else:
        texts = [name if isinstance(name, str) else None for name in known]
        within = pc.index_in(items, pa.array(texts, items.type), skip_nulls=True)
        place = within.fill_null(-1).to_numpy()
    codes = np.append(np.fromiter(known.values(), np.int32, len(known)), np.int32(-1))
    found = np.zeros(len(known) + 1, dtype=bool)
    found[place] = True
    return codes[place], found[:-1]


def _score(votes: HeldVotes, truth: Parts | None) -> Any:
    """Return how many labels each annotator gave to gold items, and how many were right."""
    shape = votes.n_annotators, votes.n_classes
    if truth is None:
        return np.zeros((2, shape[0]), dtype=np.int64)
    scored = votes._parts.map("score-on-gold", _score_part, truth, shape)
    return scored.reduce("add-scores", sum).compute("score the annotators", len(scored))[0]


def _score_part(part: Part, gold: NDArray[np.int32], shape: tuple[int, int]) -> NDArray[np.int64]:
    return np.array(score_on_gold(annotations_of(part, shape), gold))
