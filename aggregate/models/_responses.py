"""Annotations some of whose labels are no class but a refusal to name one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._encoding import match
from aggregate.annotations import Annotations


@dataclass(frozen=True, eq=False, repr=False)
class Answers(Annotations):
    """The annotations that name a class, with all ``responses`` beside them.

    ``responses`` has one class more, the last: the abstention.
    """

    responses: Annotations | None = None


def responses_of(annotations: Annotations) -> Annotations:
    """Return all responses, which are the annotations themselves where nobody abstains."""
    if isinstance(annotations, Answers) and annotations.responses is not None:
        return annotations.responses
    return annotations


def set_aside(annotations: Annotations, abstention: Any) -> Annotations:
    """Return the answers among annotations, which remember the abstentions.

    Where nobody abstained they remember nothing.

    Raises
    ------
    ValueError
        If there is no answer at all.
    """
    table = as_object([abstention])
    place = int(np.append(match(table, annotations.classes), -1)[0])
    if place < 0:
        return annotations
    classes = np.delete(annotations.classes, place)
    if not len(classes):
        raise ValueError(
            f"all labels are the abstention {abstention!r}; at least one class is needed."
        )
    old = np.arange(annotations.n_classes)
    new = np.where(old == place, len(classes), old - (old > place)).astype(np.int32)
    label = new[annotations.label]
    answered = label < len(classes)
    per_item = np.bincount(annotations.item[answered], minlength=annotations.n_items)
    everything = Annotations(
        annotations.item_ptr,
        annotations.annotator,
        label,
        annotations.items,
        annotations.annotators,
        response_table(classes, abstention),
    )
    return Answers(
        np.concatenate(([0], np.cumsum(per_item))),
        annotations.annotator[answered],
        label[answered],
        annotations.items,
        annotations.annotators,
        classes,
        annotations.report,
        None if answered.all() else everything,
    )


def response_table(classes: NDArray[Any], abstention: Any) -> NDArray[Any]:
    """Return the classes and, last, the abstention.

    Examples
    --------
    >>> response_table(np.array([0, 1]), "skip").tolist()
    [0, 1, 'skip']
    """
    return as_object([*classes.tolist(), abstention])


def as_object(values: list[Any]) -> NDArray[Any]:
    """Return an array of dtype object, whatever the values are."""
    table = np.empty(len(values), dtype=object)
    table[:] = values
    return table


def answers_to(model: Any, annotations: Annotations) -> Annotations:
    """Return the annotations that name a class, in the eyes of a model; the rest is missing."""
    mark = getattr(model, "abstention", None)
    return annotations if mark is None else answers_only(set_aside(annotations, mark))


def answers_only(annotations: Annotations) -> Annotations:
    """Return the annotations that name a class, without the memory of any other."""
    return replace(annotations, responses=None) if isinstance(annotations, Answers) else annotations
