"""Reading what is to be drawn: a fitted model or bare arrays, and how active annotators were."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._validation import first_few
from aggregate.annotations import Annotations

Float = NDArray[np.float64]


class Crowd(NamedTuple):
    """Confusions and whose they are."""

    confusion: Float
    annotators: NDArray[Any]
    classes: NDArray[Any]
    skill: Float | None


def read_crowd(model: Any, classes: ArrayLike | None = None) -> Crowd:
    """Return the confusions of a fitted model or of an array of shape (M, K, K)."""
    of_model = not isinstance(model, np.ndarray | list | tuple)
    if of_model and not hasattr(model, "confusion_"):
        raise TypeError(
            f"{type(model).__name__} has no confusion_; give a fitted model with confusion "
            "matrices, such as DawidSkene, or an array of shape (annotators, classes, classes)."
        )
    confusion = np.asarray(model.confusion_ if of_model else model, dtype=np.float64)
    if confusion.ndim != 3 or confusion.shape[1] != confusion.shape[2] or not confusion.size:
        raise ValueError(
            "confusion must have shape (annotators, classes, classes) and at least one "
            f"annotator; got {confusion.shape}."
        )
    strange = ~(np.isfinite(confusion) & (confusion >= 0) & (confusion <= 1)).all(axis=(1, 2))
    if strange.any():
        raise ValueError(
            "confusion must hold probabilities between 0 and 1; wrong for the annotators at "
            f"{first_few(np.flatnonzero(strange))}."
        )
    annotators = model.annotators_ if of_model else np.arange(len(confusion))
    if classes is None:
        classes = model.classes_ if of_model else np.arange(confusion.shape[1])
    names = np.asarray(classes)
    if len(names) != confusion.shape[1]:
        raise ValueError(f"classes must name {confusion.shape[1]} classes; got {len(names)}.")
    return Crowd(confusion, annotators, names, getattr(model, "annotator_skill_", None))


def read_volume(annotations: Any, annotators: NDArray[Any]) -> NDArray[np.int64]:
    """Return the labels of each annotator, from votes or from the numbers themselves.

    Raises
    ------
    ValueError
        If the votes are by others than the annotators of the model.
    """
    if isinstance(annotations, Annotations):
        if not np.array_equal(annotations.annotators, annotators):
            raise ValueError(
                "the model was fitted to other annotators than those of the annotations: "
                f"{first_few(annotators)} against {first_few(annotations.annotators)}."
            )
        return np.asarray(annotations.labels_per_annotator, dtype=np.int64)
    volume = np.asarray(annotations)
    if volume.shape != (len(annotators),) or volume.dtype.kind not in "iu" or (volume < 0).any():
        raise ValueError(
            f"annotations must be Annotations, or {len(annotators)} numbers of labels, one per "
            f"annotator; got {type(annotations).__name__} of shape {volume.shape}."
        )
    return volume.astype(np.int64)


def bounds(intervals: Any, what: str, shape: tuple[int, ...]) -> tuple[Float, Float]:
    """Return the lower and upper ends of ``what`` from `Uncertainty`, or of `Estimates`."""
    found = getattr(intervals, what, intervals)
    if not (hasattr(found, "low") and hasattr(found, "high")):
        raise TypeError(
            "intervals must come from aggregate.uncertainty (or have arrays low and high); got "
            f"{type(intervals).__name__}."
        )
    low, high = np.asarray(found.low, np.float64), np.asarray(found.high, np.float64)
    if low.shape != shape or high.shape != shape:
        raise ValueError(
            f"intervals of the {what} must have shape {shape}, as the model's; got {low.shape}. "
            "Were they computed from this model?"
        )
    return low, high
