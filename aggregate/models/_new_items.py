"""Bring new annotations into the codes of a fitted model: known annotators, known classes."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from aggregate._encoding import match
from aggregate._validation import check_choice, first_few
from aggregate.annotations import Annotations

UNKNOWN_ANNOTATORS: Final = ("prior", "ignore", "error")


def align(
    annotations: Annotations,
    annotators: NDArray[Any],
    classes: NDArray[Any],
    unknown_annotators: str,
) -> Annotations:
    """Return the annotations in the model's codes.

    Parameters
    ----------
    annotations : Annotations
        New items.
    annotators, classes : ndarray of shape (M,), (K,)
        Those the model was fitted on.
    unknown_annotators : {"prior", "ignore", "error"}
        Labels by annotators the model has never seen: all of them become one further
        annotator, with code M, that the model gives its prior idea of an annotator; or
        they are left out; or refused.

    Raises
    ------
    ValueError
        If a label is none of the classes, or an annotator is unknown under "error".
    """
    check_choice("unknown_annotators", unknown_annotators, UNKNOWN_ANNOTATORS)
    if _same(annotations.annotators, annotators) and _same(annotations.classes, classes):
        return annotations
    class_place = match(annotations.classes, classes)
    used = np.bincount(annotations.label, minlength=annotations.n_classes) > 0
    strange = annotations.classes[used & (class_place < 0)]
    if len(strange):
        raise ValueError(
            f"the new annotations hold classes the model has never seen: {first_few(strange)}; "
            f"it was fitted on {first_few(classes)}. Declare all classes before fitting "
            "(classes= of the Annotations)."
        )
    annotator_place = match(annotations.annotators, annotators)
    unknown = (annotator_place < 0) & (annotations.labels_per_annotator > 0)
    if unknown_annotators == "error" and unknown.any():
        raise ValueError(
            f"{int(unknown.sum())} annotators were not in the fit: "
            f"{first_few(annotations.annotators[unknown])}. Fit them too, or choose "
            "unknown_annotators='prior' or 'ignore'."
        )
    annotator_place[annotator_place < 0] = len(annotators)
    annotator = annotator_place[annotations.annotator]
    label = class_place[annotations.label]
    item_ptr = annotations.item_ptr
    if unknown_annotators == "ignore":
        keep = annotator < len(annotators)
        per_item = np.bincount(annotations.item[keep], minlength=annotations.n_items)
        item_ptr = np.concatenate(([0], np.cumsum(per_item)))
        annotator, label = annotator[keep], label[keep]
    table = np.empty(len(annotators) + 1, dtype=object)
    table[:-1] = annotators
    return Annotations(item_ptr, annotator, label, annotations.items, table, classes)


def _same(table: NDArray[Any], known: NDArray[Any]) -> bool:
    """Say whether two tables are alike, so that their codes are the same."""
    return table is known or (table.dtype == known.dtype and np.array_equal(table, known))
