"""The built-in sets by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import check_choice
from aggregate.annotations import Annotations
from aggregate.datasets.anesthesia import load_anesthesia
from aggregate.simulate import simulate_annotations


@dataclass(frozen=True, eq=False)
class Dataset:
    """Votes, and the truth where it is known.

    Attributes
    ----------
    name, description : str
    annotations : Annotations
    truth : ndarray of shape (N,) or None
        True class of each item, in the order of ``annotations.items``.
    """

    name: str
    description: str
    annotations: Annotations
    truth: NDArray[Any] | None = None


class _Entry(NamedTuple):
    description: str
    load: Callable[[], tuple[Annotations, NDArray[Any] | None]]


def dataset_names() -> tuple[str, ...]:
    """Return the names that `load_dataset` knows.

    Examples
    --------
    >>> from aggregate.datasets import dataset_names
    >>> dataset_names()
    ('anesthesia', 'demo')
    """
    return tuple(_ENTRIES)


def load_dataset(name: str) -> Dataset:
    """Return a built-in set.

    Parameters
    ----------
    name : str
        One of `dataset_names`: "anesthesia", the table of Dawid and Skene (1979), see
        `load_anesthesia`; "demo", a simulated crowd with known truth.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        If there is no such set.

    Examples
    --------
    >>> from aggregate import load_dataset
    >>> demo = load_dataset("demo")
    >>> demo.annotations
    Annotations(400 items, 30 annotators, 3 classes, 1892 annotations)
    >>> demo.truth[:3].tolist()
    ['maybe', 'yes', 'yes']
    """
    check_choice("name", name, dataset_names())
    entry = _ENTRIES[name]
    annotations, truth = entry.load()
    return Dataset(name, entry.description, annotations, truth)


def _anesthesia() -> tuple[Annotations, None]:
    return load_anesthesia(), None


def _demo() -> tuple[Annotations, NDArray[Any]]:
    """Simulate a crowd of mixed quality: one swaps two classes, one guesses, two soon left.

    A fifth of the items is hard.
    """
    n_items, n_annotators = 400, 30
    classes = np.array(["maybe", "no", "yes"], dtype=object)
    drawn = simulate_annotations(
        n_items,
        n_annotators,
        len(classes),
        labels_per_item=5,
        class_prior=[0.2, 0.3, 0.5],
        confusion=_demo_confusions(n_annotators),
        hard_items=0.2,
        look_alike=0.35,
        random_state=1979,
    )
    votes = _leave_early(drawn.annotations, leavers=(3, 17), after=5)
    items = np.array([f"item-{i:03d}" for i in range(1, n_items + 1)], dtype=object)
    people = np.array([f"person-{j:02d}" for j in range(1, n_annotators + 1)], dtype=object)
    named = Annotations(votes.item_ptr, votes.annotator, votes.label, items, people, classes)
    return named, classes[drawn.truth]


def _leave_early(votes: Annotations, *, leavers: tuple[int, ...], after: int) -> Annotations:
    """Keep only the first few labels of some annotators."""
    keep = np.ones(votes.n_annotations, dtype=bool)
    for annotator in leavers:
        keep[np.flatnonzero(votes.annotator == annotator)[after:]] = False
    item_ptr = np.concatenate(
        ([0], np.cumsum(np.bincount(votes.item[keep], minlength=votes.n_items)))
    )
    kept = votes.annotator[keep], votes.label[keep]
    return Annotations(item_ptr, *kept, votes.items, votes.annotators, votes.classes)


def _demo_confusions(n_annotators: int) -> NDArray[np.float64]:
    random = np.random.default_rng(28)
    right = random.uniform(0.6, 0.95, size=(n_annotators, 3))
    confusion = ((1 - right) / 2)[:, :, np.newaxis] * np.ones(3)
    confusion[:, np.arange(3), np.arange(3)] = right
    confusion[6] = [[0.9, 0.05, 0.05], [0.04, 0.04, 0.92], [0.04, 0.92, 0.04]]  # takes no for yes
    confusion[13] = 1 / 3  # guesses
    confusion[20] = [0.02, 0.02, 0.96]  # says yes to everything
    return confusion


_ENTRIES: Final[dict[str, _Entry]] = {
    "anesthesia": _Entry(
        "patients' fitness for anaesthesia, Dawid and Skene (1979); truth unknown", _anesthesia
    ),
    "demo": _Entry("a simulated crowd of mixed quality; truth known", _demo),
}
