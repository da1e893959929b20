"""Where EM starts: vote shares, given soft labels, given confusions, or the previous fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate._encoding import match
from aggregate._tables import check_confusion, to_table
from aggregate._validation import first_few
from aggregate.annotations import Annotations
from aggregate.fusion import vote_shares
from aggregate.fusion.posterior import clamp
from aggregate.kernels.em import FLOOR
from aggregate.models._confusions import Confusions
from aggregate.models._em import Passes, State

if TYPE_CHECKING:
    from aggregate.models.dawid_skene import DawidSkene

Float = NDArray[np.float64]


class Previous(NamedTuple):
    """What a warm start keeps of the fit before."""

    annotators: NDArray[Any]
    classes: NDArray[Any]
    confusion: Float
    class_prior: Float


def remember(model: DawidSkene) -> Previous | None:
    """Return the parameters of a fitted model, or None before the first fit."""
    if not hasattr(model, "confusion_"):
        return None
    return Previous(model.annotators_, model.classes_, model.confusion_, model.class_prior_)


def starting_states(
    model: DawidSkene,
    annotations: Annotations,
    gold: NDArray[np.int32] | None,
    passes: Passes,
    confusions: Confusions,
    previous: Previous | None,
) -> Iterator[State]:
    """Yield ``n_init`` states to start EM from; all but the first are drawn at random."""
    if previous is not None:
        state = _resume(previous, annotations, confusions)
    else:
        state = _given(model, annotations, gold, passes, confusions)
    yield state
    random = np.random.default_rng(model.random_state)
    for _ in range(model.n_init - 1):
        drawn = clamp(_around_votes(annotations, random), gold)
        yield from_soft_labels(model, passes, confusions, drawn)


def from_soft_labels(
    model: DawidSkene, passes: Passes, confusions: Confusions, soft_labels: Float
) -> State:
    """Return the state that an M-step makes of soft labels."""
    counts = passes.count(soft_labels)
    return State(model._next_prior(counts.mass), confusions.maximise(counts.table))


def _given(
    model: DawidSkene,
    annotations: Annotations,
    gold: NDArray[np.int32] | None,
    passes: Passes,
    confusions: Confusions,
) -> State:
    init = model.init
    n_items, n_classes = annotations.n_items, annotations.n_classes
    per_annotator = (annotations.n_annotators, n_classes, n_classes)
    from_confusions = isinstance(init, Mapping) or np.ndim(init) == 3
    if model.fix_confusion and not from_confusions:
        raise ValueError(
            "fix_confusion=True needs confusions to keep: pass them as init, an array of shape "
            f"{per_annotator} or a mapping annotator -> ({n_classes}, {n_classes})."
        )
    if from_confusions:
        if isinstance(init, Mapping):
            init = _by_annotator(init, annotations.annotators, confusions.fallback.T)
        table = to_table(check_confusion("init", init, per_annotator))
        if isinstance(model.class_prior, str):
            return State(np.full(n_classes, 1 / n_classes), table)
        return State(model._next_prior(np.ones(n_classes)), table)
    if isinstance(init, str) and init == "votes":
        shares = clamp(vote_shares(annotations, n_jobs=model.n_jobs), gold)
        return from_soft_labels(model, passes, confusions, shares)
    if not isinstance(init, str) and np.shape(init) == (n_items, n_classes):
        given = _check_soft_labels(init)
        return from_soft_labels(model, passes, confusions, clamp(given, gold))
    raise ValueError(
        f"init must be 'votes', soft labels of shape {(n_items, n_classes)}, confusions of shape "
        f"{per_annotator} or a mapping of them; got "
        f"{repr(init) if isinstance(init, str) else f'shape {np.shape(init)}'}."
    )


def _resume(previous: Previous, annotations: Annotations, confusions: Confusions) -> State:
    """Start from the previous fit; annotators it did not know get the prior's mean."""
    if not np.array_equal(previous.classes, annotations.classes):
        raise ValueError(
            f"warm_start needs the classes of the previous fit ({first_few(previous.classes)}); "
            f"now they are {first_few(annotations.classes)}. Declare all classes, or fit afresh."
        )
    by_annotator = dict(zip(previous.annotators.tolist(), previous.confusion, strict=True))
    stack = _by_annotator(by_annotator, annotations.annotators, confusions.fallback.T, strict=False)
    return State(np.maximum(previous.class_prior, FLOOR), to_table(stack))


def _by_annotator(
    given: Mapping[Any, Any], annotators: NDArray[Any], default: Float, strict: bool = True
) -> Float:
    """Put confusions in the annotators' order; ``default`` for those that are not given."""
    names = np.empty(len(given), dtype=object)
    names[:] = list(given)
    place = match(names, annotators)
    if strict and (place < 0).any():
        raise ValueError(f"init names annotators without a vote: {first_few(names[place < 0])}.")
    stack = np.repeat(default[np.newaxis], len(annotators), axis=0)
    for j, (name, confusion) in zip(place, given.items(), strict=True):
        if np.shape(confusion) != default.shape:
            raise ValueError(
                f"the confusion of annotator {name!r} must have shape {default.shape}; got "
                f"{np.shape(confusion)}."
            )
        if j >= 0:
            stack[j] = confusion
    return stack


def _check_soft_labels(given: Any) -> Float:
    soft = np.array(given, dtype=np.float64)
    wrong = ~np.isfinite(soft).all(axis=1) | (soft < 0).any(axis=1)
    wrong |= abs(soft.sum(axis=1) - 1) > 1e-6
    if wrong.any():
        raise ValueError(
            "init must hold soft labels, non-negative rows that sum to 1; wrong in the rows "
            f"{first_few(np.flatnonzero(wrong))}."
        )
    return soft


def _around_votes(annotations: Annotations, random: np.random.Generator) -> Float:
    """Draw each item's soft label from a Dirichlet distribution around its votes."""
    votes = vote_shares(annotations) * annotations.labels_per_item[:, np.newaxis]
    draws = random.standard_gamma(votes + 1)
    return draws / draws.sum(axis=1, keepdims=True)
