"""What a crowd's votes have in common that a model of single annotators does not explain.

Confusions are learned on four fifths of the items and judged on the rest, so that a model is
never praised for having memorised its annotators.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate._blocks import fill_blocks, item_blocks
from aggregate._tables import row_codes, to_table
from aggregate.annotations import Annotations
from aggregate.kernels.em import FLOOR
from aggregate.kernels.residuals import label_surprise, pair_agreement
from aggregate.models._confusion_model import ConfusionModel

Float = NDArray[np.float64]

_MOST_ITEMS = 20_000  # more only sharpen what is sharp already
_MOST_PAIRS = 500
FOLDS = 5
_CLEAR = 2.0  # standard errors by which annotators must be told apart
_FEW_ITEMS = 2_000  # up to which the folds are drawn three times


class Residuals(NamedTuple):
    """Agreement and surprise that a model leaves, on items it has not seen.

    ``excess`` is the agreement of pairs beyond the model as a share of the most it could be,
    ``gain`` how much better a label is foretold (in log probability) than by a baseline;
    each has its standard error, infinite where nothing was seen.
    """

    excess: float
    excess_error: float
    gain: float
    gain_error: float

    @property
    def annotators_differ(self) -> bool:
        """Whether knowing who gave a label clearly helps to foretell labels."""
        return self.gain > _CLEAR * self.gain_error


def measure_residuals(
    annotations: Annotations,
    model: ConfusionModel,
    baseline: ConfusionModel,
    random: np.random.Generator,
) -> Residuals:
    """Judge a model, and how far it is ahead of a baseline, on items held out.

    Parameters
    ----------
    annotations : Annotations
    model, baseline : ConfusionModel
        Refitted here, several times.
    random : Generator
        Draws the folds, and the items if there are very many.
    """
    votes = shared_items(annotations, random)
    if votes.n_items < FOLDS:
        return Residuals(0.0, np.inf, 0.0, np.inf)
    rounds = 3 if votes.n_items <= _FEW_ITEMS else 1
    pairs, gains = np.zeros((votes.n_items, 3)), np.zeros(votes.n_items)
    for _ in range(rounds):
        for learned, held_out, unseen in splits(votes, random):
            model.fit(learned)
            baseline.fit(learned)
            judged = _judge(held_out, model)
            pairs[unseen] += judged.pairs / rounds
            gains[unseen] += (_judge(held_out, baseline).surprise - judged.surprise) / rounds
    gain, gain_error = _ratio(gains, votes.labels_per_item.astype(np.float64))
    agreed, expected, counted = pairs.T
    excess, excess_error = _ratio(agreed - expected, counted - expected)
    return Residuals(excess, excess_error, gain, gain_error)


def shared_items(annotations: Annotations, random: np.random.Generator) -> Annotations:
    """Return the annotations of items with two labels or more; of very many items, some."""
    shared = np.flatnonzero(annotations.labels_per_item > 1)
    if len(shared) > _MOST_ITEMS:
        shared = np.sort(random.choice(shared, _MOST_ITEMS, replace=False))
    return part_of(annotations, shared)


def splits(
    votes: Annotations, random: np.random.Generator
) -> Iterator[tuple[Annotations, Annotations, NDArray[np.intp]]]:
    """Yield, fold by fold: the items to learn from, those held out, and where these stand."""
    fold = random.permutation(np.arange(votes.n_items) % FOLDS)
    for k in range(FOLDS):
        unseen = np.flatnonzero(fold == k)
        yield part_of(votes, np.flatnonzero(fold != k)), part_of(votes, unseen), unseen


def part_of(annotations: Annotations, items: NDArray[np.intp]) -> Annotations:
    """Return the annotations of some items, all annotators and classes kept."""
    n_labels = annotations.labels_per_item[items]
    pointers = np.concatenate(([0], np.cumsum(n_labels)))
    entries = np.repeat(annotations.item_ptr[items] - pointers[:-1], n_labels)
    entries += np.arange(pointers[-1])
    return Annotations(
        pointers,
        annotations.annotator[entries],
        annotations.label[entries],
        annotations.items[items],
        annotations.annotators,
        annotations.classes,
    )


class _Judgement(NamedTuple):
    pairs: Float
    surprise: Float


def _judge(votes: Annotations, model: ConfusionModel) -> _Judgement:
    code = row_codes(votes.annotator, votes.label, votes.n_annotators, votes.n_classes)
    table = to_table(model.confusion_)
    log_table, log_prior = np.log(table), np.log(np.maximum(model.class_prior_, FLOOR))
    pairs, surprise = np.zeros((votes.n_items, 3)), np.zeros(votes.n_items)

    def block(first: int, last: int) -> None:
        pair_agreement(
            votes.item_ptr, code, log_prior, table, log_table, _MOST_PAIRS, first, last, pairs
        )
        label_surprise(votes.item_ptr, code, log_prior, log_table, first, last, surprise)

    fill_blocks(block, item_blocks(votes.item_ptr))
    return _Judgement(pairs, surprise)


def _ratio(above: Float, below: Float) -> tuple[float, float]:
    """Return the ratio of two sums over items and its standard error by linearisation."""
    total = below.sum()
    if total <= 0:
        return 0.0, np.inf
    ratio = above.sum() / total
    error = np.sqrt(((above - ratio * below) ** 2).sum()) / total
    return float(ratio), float(error)
