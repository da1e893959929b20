"""Simulated crowds: votes whose truth and whose annotators are known, to test against.

Each item has a true class drawn from the class prior; each annotator who sees it reports a
class drawn from the row of their confusion matrix. On a *hard* item every annotator may take
the true class for one other class, the same for all of them: their errors are then correlated,
as they are in real crowds and as no model of independent annotators expects.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._tables import check_confusion
from aggregate._validation import check_distribution, check_number
from aggregate.annotations import Annotations

Float = NDArray[np.float64]
Codes = NDArray[np.int64]

_AT_ONCE = 1 << 20  # annotations drawn at once, which bounds the memory beside the result


@dataclass(frozen=True, eq=False)
class Simulation:
    """What `simulate_annotations` returns: votes and everything that made them.

    Attributes
    ----------
    annotations : Annotations
        Items, annotators and classes are called 0, 1, 2, ….
    truth : ndarray of int64, shape (N,)
        True class of each item.
    confusion : ndarray of shape (M, K, K)
        ``confusion[j, k, y]`` = P(annotator j says y | j sees class k).
    class_prior : ndarray of shape (K,)
    hard : ndarray of bool, shape (N,)
        Which items are hard.
    """

    annotations: Annotations
    truth: Codes
    confusion: Float
    class_prior: Float
    hard: NDArray[np.bool_]


def simulate_annotations(
    n_items: int,
    n_annotators: int,
    n_classes: int,
    *,
    labels_per_item: int | tuple[int, int] = 5,
    class_prior: ArrayLike | None = None,
    confusion: ArrayLike | None = None,
    accuracy: float | tuple[float, float] = (0.55, 0.95),
    hard_items: float = 0.0,
    look_alike: float = 0.4,
    random_state: int | np.random.Generator | None = None,
) -> Simulation:
    """Draw votes of a crowd on items whose truth is known.

    Parameters
    ----------
    n_items, n_annotators, n_classes : int
        N, M and K.
    labels_per_item : int or (int, int), default=5
        Labels of every item, by different annotators drawn at random; of a pair, the fewest and
        the most, every number between them equally likely.
    class_prior : array-like of shape (K,), optional
        How often each class is true; equally often by default.
    confusion : array-like of shape (M, K, K) or (K, K), optional
        Confusion matrices, truth in the rows; one matrix serves every annotator.
    accuracy : float or (float, float), default=(0.55, 0.95)
        Without ``confusion``: how often an annotator is right; of a pair, drawn for each
        annotator between the two. Mistakes are shared out over the other classes at random.
    hard_items : float, default=0
        Share of the items that are hard.
    look_alike : float, default=0.4
        Probability that an annotator sees a hard item as its look-alike, one wrong class drawn
        for each hard item, and answers accordingly.
    random_state : int or Generator, optional
        Seed.

    Returns
    -------
    Simulation

    Raises
    ------
    ValueError
        If a number is out of its range or a table is no table of probabilities.

    Examples
    --------
    >>> from aggregate import simulate_annotations
    >>> crowd = simulate_annotations(200, 20, 3, labels_per_item=4, random_state=0)
    >>> crowd.annotations
    Annotations(200 items, 20 annotators, 3 classes, 800 annotations)
    >>> crowd.truth[:5]
    array([0, 1, 0, 2, 0])
    """
    check_sizes(n_items, n_annotators, n_classes, (hard_items, look_alike))
    random = np.random.default_rng(random_state)
    sizes = (n_annotators, n_classes)
    crowd = draw_crowd(sizes, labels_per_item, class_prior, (confusion, accuracy), random)
    drawn = draw_items(n_items, crowd, (hard_items, look_alike), random)
    items, annotators, classes = map(np.arange, (n_items, n_annotators, n_classes))
    annotations = Annotations(
        drawn.item_ptr, drawn.annotator, drawn.label, items, annotators, classes
    )
    return Simulation(annotations, drawn.truth, crowd.confusion, crowd.class_prior, drawn.hard)


def check_sizes(n_items: Any, n_annotators: Any, n_classes: Any, hardness: tuple[Any, Any]) -> None:
    """Refuse numbers that are out of range."""
    sizes = {"n_items": n_items, "n_annotators": n_annotators, "n_classes": n_classes}
    for name, number in sizes.items():
        check_number(name, number, low=1, integer=True)
    for name, number in zip(("hard_items", "look_alike"), hardness, strict=True):
        check_number(name, number, low=0, high=1)


class Crowd(NamedTuple):
    """What is the same for all items: who there is, and how many of them label an item."""

    confusion: Float
    cumulative: Float
    """Row j·K + k: the cumulative probabilities of what j says about class k."""
    class_prior: Float
    labels_per_item: tuple[int, int]


class Drawn(NamedTuple):
    """Items and their labels."""

    item_ptr: Codes
    annotator: NDArray[np.int32]
    label: NDArray[np.int32]
    truth: Codes
    hard: NDArray[np.bool_]


def draw_crowd(
    sizes: tuple[int, int],
    labels_per_item: Any,
    class_prior: Any,
    people: tuple[Any, Any],
    random: np.random.Generator,
) -> Crowd:
    """Check the arguments of `simulate_annotations` and draw the annotators."""
    n_annotators, n_classes = sizes
    prior = (
        np.full(n_classes, 1 / n_classes)
        if class_prior is None
        else check_distribution("class_prior", class_prior, n_classes)
    )
    per_item = _labels_range(labels_per_item, n_annotators)
    confusions = _confusions(*people, (n_annotators, n_classes, n_classes), random)
    cumulative = np.cumsum(confusions, axis=2).reshape(-1, n_classes)
    return Crowd(confusions, cumulative, prior, per_item)


def draw_items(
    n_items: int, crowd: Crowd, hardness: tuple[float, float], random: np.random.Generator
) -> Drawn:
    """Draw items and what a crowd says about them."""
    n_annotators, n_classes, _ = crowd.confusion.shape
    hard_items, look_alike = hardness
    fewest, most = crowd.labels_per_item
    truth = random.choice(n_classes, size=n_items, p=crowd.class_prior).astype(np.int64)
    hard = random.random(n_items) < hard_items if n_classes > 1 else np.zeros(n_items, dtype=bool)
    shift = random.integers(1, max(n_classes, 2), size=n_items)
    look = np.where(hard, (truth + shift) % n_classes, truth)
    per_item = random.integers(fewest, most + 1, size=n_items)
    item_ptr = np.concatenate(([0], np.cumsum(per_item)))
    annotator = _draw_annotators(item_ptr, n_annotators, random)
    label = _draw_labels(item_ptr, annotator, (truth, look, look_alike), crowd.cumulative, random)
    return Drawn(item_ptr, annotator, label, truth, hard)


def _labels_range(labels_per_item: Any, n_annotators: int) -> tuple[int, int]:
    pair = labels_per_item if isinstance(labels_per_item, tuple) else (labels_per_item,) * 2
    if len(pair) != 2:
        raise ValueError(
            f"labels_per_item must be a number or a pair (fewest, most); got {labels_per_item!r}."
        )
    check_number("labels_per_item", pair[0], low=0, integer=True)
    check_number("labels_per_item", pair[1], low=int(pair[0]), integer=True)
    if pair[1] > n_annotators:
        raise ValueError(
            f"labels_per_item must be at most n_annotators={n_annotators}, as nobody labels an "
            f"item twice; got {labels_per_item!r}."
        )
    return int(pair[0]), int(pair[1])


def _confusions(
    confusion: Any, accuracy: Any, shape: tuple[int, int, int], random: np.random.Generator
) -> Float:
    """Return the given confusions, or draw them."""
    if confusion is not None:
        if np.ndim(confusion) == 2:
            confusion = np.broadcast_to(confusion, (shape[0], *np.shape(confusion)))
        return check_confusion("confusion", confusion, shape)
    low, high = accuracy if isinstance(accuracy, tuple) else (accuracy, accuracy)
    check_number("accuracy", low, low=0, high=1)
    check_number("accuracy", high, low=low, high=1)
    n_annotators, n_classes, _ = shape
    right = random.uniform(low, high, size=n_annotators)
    if n_classes == 1:
        return np.ones(shape)
    mistakes = random.standard_exponential(shape)  # a flat Dirichlet, once normalised
    diagonal = np.arange(n_classes)
    mistakes[:, diagonal, diagonal] = 0
    mistakes *= (1 - right)[:, np.newaxis, np.newaxis] / mistakes.sum(axis=2, keepdims=True)
    mistakes[:, diagonal, diagonal] = right[:, np.newaxis]
    return mistakes


def _draw_annotators(
    item_ptr: Codes, n_annotators: int, random: np.random.Generator
) -> NDArray[np.int32]:
    """Draw different annotators for each item, in rising order."""
    annotator = np.empty(item_ptr[-1], dtype=np.int32)
    per_item = np.diff(item_ptr)
    for size in np.unique(per_item[per_item > 0]).tolist():
        starts = item_ptr[:-1][per_item == size]
        width = min(size * 4, n_annotators)
        for part in np.array_split(starts, len(starts) * width // _AT_ONCE + 1):
            drawn = _subsets(len(part), size, n_annotators, random)
            annotator[part[:, np.newaxis] + np.arange(size)] = drawn
    return annotator


def _subsets(n: int, size: int, population: int, random: np.random.Generator) -> NDArray[np.int32]:
    """Draw n subsets of 0 … population - 1, each sorted, every subset equally likely."""
    if size == population:
        return np.broadcast_to(np.arange(population, dtype=np.int32), (n, population))
    if size * 4 > population:
        keys = random.random((n, population))
        subsets = np.argpartition(keys, size - 1, axis=1)[:, :size].astype(np.int32)
    else:  # Floyd's algorithm, all rows side by side
        subsets = np.empty((n, size), dtype=np.int32)
        for place, last in enumerate(range(population - size, population)):
            drawn = random.integers(0, last + 1, size=n, dtype=np.int32)
            taken = (subsets[:, :place] == drawn[:, np.newaxis]).any(axis=1)
            subsets[:, place] = np.where(taken, last, drawn)
    subsets.sort(axis=1)
    return subsets


def _draw_labels(
    item_ptr: Codes,
    annotator: NDArray[np.int32],
    seen: tuple[Codes, Codes, float],
    cumulative: Float,
    random: np.random.Generator,
) -> NDArray[np.int32]:
    """Draw each annotation's label from the row of what its annotator sees."""
    truth, look, look_alike = seen
    n_classes = cumulative.shape[1]
    label = np.empty(len(annotator), dtype=np.int32)
    is_tricky = bool((look != truth).any())
    item = np.repeat(np.arange(len(truth), dtype=np.int32), np.diff(item_ptr))
    for first in range(0, len(annotator), _AT_ONCE):
        part = slice(first, min(first + _AT_ONCE, len(annotator)))
        sees = truth[item[part]]
        if is_tricky:
            fooled = random.random(len(sees)) < look_alike
            sees = np.where(fooled, look[item[part]], sees)
        row = annotator[part].astype(np.int64) * n_classes + sees
        label[part] = _invert(cumulative, row, random.random(len(row)))
    return label


def _invert(cumulative: Float, row: Codes, uniform: Float) -> NDArray[np.int32]:
    """Return the class whose stretch of the row's cumulative probabilities holds ``uniform``.

    Bisects all rows side by side: how many of the first K - 1 entries are not above it.
    """
    n_classes = cumulative.shape[1]
    flat, start = cumulative.reshape(-1), row * n_classes
    below = np.zeros(len(row), dtype=np.int64)
    step = 1 << (n_classes - 1).bit_length() >> 1
    while step:
        reach = below + step
        inside = reach < n_classes
        entry = flat[start + np.minimum(reach, n_classes - 1) - 1]
        below += step * (inside & (entry <= uniform))
        step >>= 1
    return below.astype(np.int32)
