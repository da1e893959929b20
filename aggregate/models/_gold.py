"""Known truth for some items: read in any form, checked, turned into class codes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._encoding import encode, match
from aggregate._validation import first_few
from aggregate.annotations import Annotations

UNKNOWN = -1


def gold_codes(gold: Any, annotations: Annotations) -> NDArray[np.int32] | None:
    """Return the class code of each item, -1 where unknown, or None if nothing is known.

    Parameters
    ----------
    gold : None, mapping item -> class, or array-like of shape (N,)
        An array is aligned with the items; None, NaN and (where it is no class) -1 mean
        unknown. A pandas series whose index names items is a mapping.
    annotations : Annotations

    Raises
    ------
    ValueError
        If the length is wrong, no item of a mapping is among the annotations, or a class is
        one that nobody used and that was not declared.

    Warns
    -----
    UserWarning
        If a mapping names some items that are not among the annotations.
    """
    if gold is None:
        return None
    gold = _named(gold, annotations)
    if isinstance(gold, Mapping):
        places, values = _from_mapping(gold, annotations)
    else:
        places, values = _from_array(gold, annotations)
    codes, table = encode(values, "gold")
    place = match(table, annotations.classes)
    if -1 in table.tolist() and -1 not in annotations.classes.tolist():
        place[table.tolist().index(-1)] = UNKNOWN
        strange = table[(place < 0) & (table != -1)]
    else:
        strange = table[place < 0]
    if len(strange):
        raise ValueError(
            f"gold holds classes that no annotator used: {first_few(strange)}; the classes are "
            f"{first_few(annotations.classes)}. If they are meant, declare all classes when the "
            "Annotations are built (classes=)."
        )
    known = np.full(annotations.n_items, UNKNOWN, dtype=np.int32)
    known[places] = np.append(place, np.int32(UNKNOWN))[codes]
    return known if (known >= 0).any() else None


def _named(gold: Any, annotations: Annotations) -> Any:
    """Return a pandas series whose index names items as a mapping; anything else as it is.

    Where either is called 0, 1, 2, …, these may be positions, and the series goes by its order.
    """
    if not hasattr(gold, "iloc") or gold.ndim > 1:
        return gold
    index: Any = gold.index
    if index.nlevels > 1 or not index.is_unique:
        return gold
    names, items = np.asarray(index, dtype=object), annotations.items
    if any(np.array_equal(part, np.arange(len(part))) for part in (names, items)):
        return gold
    if (match(names, items) < 0).all():
        return gold
    return gold.dropna().to_dict()


def _from_mapping(
    gold: Mapping[Any, Any], annotations: Annotations
) -> tuple[NDArray[np.int32], list[Any]]:
    position = {value: i for i, value in enumerate(annotations.items.tolist())}
    found = {item: position[item] for item in gold if item in position}
    if gold and not found:
        raise ValueError(
            f"none of the {len(gold)} gold items is among the annotations: gold names "
            f"{first_few(gold)}, the annotations {first_few(annotations.items)}. Compare their "
            "spelling and type (1 is not '1')."
        )
    if len(found) < len(gold):
        lost = [item for item in gold if item not in position]
        warnings.warn(
            f"{len(lost)} gold items are not among the annotations and are left out: "
            f"{first_few(lost)}.",
            UserWarning,
            stacklevel=5,
        )
    places = np.fromiter(found.values(), dtype=np.int32, count=len(found))
    return places, [gold[item] for item in found]


def _from_array(gold: Any, annotations: Annotations) -> tuple[NDArray[np.int32], Any]:
    if not hasattr(gold, "__len__") or len(gold) != annotations.n_items:
        got = len(gold) if hasattr(gold, "__len__") else repr(gold)
        raise ValueError(
            f"gold must have one entry per item, {annotations.n_items}, with None, NaN or -1 "
            f"where the class is unknown; got {got}. For a few items, pass a mapping "
            "{item: class}."
        )
    return np.arange(annotations.n_items, dtype=np.int32), gold


def score_on_gold(
    annotations: Annotations, gold: NDArray[np.int32] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how many labels each annotator gave to gold items, and how many were right."""
    n_annotators = annotations.n_annotators
    if gold is None:
        return np.zeros(n_annotators, dtype=np.int64), np.zeros(n_annotators, dtype=np.int64)
    given, correct = np.zeros((2, n_annotators), dtype=np.int64)
    for first, last, part in annotations.blocks():
        truth = gold[first:last][part.item]
        on_gold = truth >= 0
        right = on_gold & (part.label == truth)
        given += np.bincount(part.annotator[on_gold], minlength=n_annotators)
        correct += np.bincount(part.annotator[right], minlength=n_annotators)
    return given, correct


def as_given(gold: NDArray[np.int32], annotations: Annotations) -> NDArray[Any]:
    """Return gold codes as the classes that `fit` takes, None where unknown."""
    known = np.empty(len(gold), dtype=object)
    known[:] = [None if code < 0 else annotations.classes[code] for code in gold.tolist()]
    return known
