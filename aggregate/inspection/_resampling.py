"""The bootstrap over items: the same model fitted to items drawn with replacement.

A prior of pseudo-labels holds estimates still where labels are few; to draw items alone would take
that for knowledge. So the pseudo-labels are drawn, too, from Gamma distributions of their numbers:
with known truths the estimates then vary as the posterior distribution does (the weighted
likelihood bootstrap of M. A. Newton and A. E. Raftery, Journal of the Royal Statistical Society B
56(1):3-48, 1994, section 3).
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.exceptions import ConvergenceWarning
from tqdm import tqdm

from aggregate._blocks import count_threads
from aggregate.annotations import Annotations
from aggregate.fusion import posterior
from aggregate.models import (
    IBCC,
    ClassConditionalDawidSkene,
    DawidSkene,
    HierarchicalDawidSkene,
    OneCoinDawidSkene,
    PooledDawidSkene,
)
from aggregate.models._confusions import prior_confusion
from aggregate.models._gold import gold_codes

Float = NDArray[np.float64]


class Drawn(NamedTuple):
    """Estimates from drawn items: arrays with one entry per draw in front.

    ``prevalence`` is the share of each class among the items of the fit under each draw's
    parameters, ``own`` its variance given them, and ``share`` (K,) that of the fit itself.
    """

    confusion: Float
    class_prior: Float
    skill: Float
    prevalence: Float
    own: Float
    share: Float


def resample_items(
    annotations: Annotations, random: np.random.Generator
) -> tuple[Annotations, NDArray[np.int64]]:
    """Return annotations of items drawn with replacement, and which items they are."""
    chosen = np.sort(random.integers(0, annotations.n_items, size=annotations.n_items))
    lengths = annotations.labels_per_item[chosen]
    pointers = np.concatenate(([0], np.cumsum(lengths)))
    entries = np.repeat(annotations.item_ptr[chosen] - pointers[:-1], lengths)
    entries += np.arange(pointers[-1])
    drawn = Annotations(
        pointers,
        annotations.annotator[entries],
        annotations.label[entries],
        np.arange(annotations.n_items),
        annotations.annotators,
        annotations.classes,
    )
    return drawn, chosen


def bootstrap(
    model: Any,
    annotations: Annotations,
    gold: Any,
    *,
    n_bootstrap: int,
    n_jobs: int | None,
    random_state: int | np.random.Generator | None,
    verbose: bool,
) -> Drawn:
    """Return what the model estimates from drawn items, its classes matched to the fit's."""
    truth = gold_codes(gold, annotations)
    seeds = np.random.default_rng(random_state).spawn(n_bootstrap)

    def draw(random: np.random.Generator) -> tuple[Float, ...]:
        drawn, chosen = resample_items(annotations, random)
        known = None if truth is None else _as_gold(truth[chosen], annotations.classes)
        confusion, prior = _refit(model, drawn, known, random)
        share, own = share_of_classes(annotations, confusion, prior, truth)
        return confusion, prior, np.einsum("jkk,k->j", confusion, prior), share, own

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", UserWarning)
        bar = tqdm(total=n_bootstrap, desc="bootstrap", unit="fit", disable=not verbose)
        with bar, ThreadPoolExecutor(count_threads(n_jobs)) as pool:
            rows = list(_counted(pool.map(draw, seeds), bar))
    share, _ = share_of_classes(annotations, model.confusion_, model.class_prior_, truth)
    confusion, prior, skill, shares, own = (np.stack(part) for part in zip(*rows, strict=True))
    return Drawn(confusion, prior, skill, shares, own, share)


def share_of_classes(
    annotations: Annotations, confusion: Float, prior: Float, truth: NDArray[np.int32] | None
) -> tuple[Float, Float]:
    """Return the mean posterior of the items and the variance of the classes' shares."""
    soft = posterior(annotations, confusion, prior, annotator_correlation=0.0, gold=truth)
    return soft.mean(axis=0), (soft * (1 - soft)).sum(axis=0) / max(len(soft), 1) ** 2


def _counted(rows: Iterator[tuple[Float, ...]], bar: Any) -> Iterator[tuple[Float, ...]]:
    for row in rows:
        bar.update()
        yield row


def _as_gold(truth: NDArray[np.int32], classes: NDArray[Any]) -> NDArray[Any]:
    gold = np.full(len(truth), None, dtype=object)
    known = truth >= 0
    gold[known] = classes[truth[known]]
    return gold


def _draw_prior(model: Any, random: np.random.Generator) -> Float | None:
    """Return pseudo-labels (M, K, K) in place of the model's own.

    A model that has none gets one per row (or coin), shared out evenly: what was never seen
    would otherwise be impossible in every draw.
    """
    if not isinstance(model, DawidSkene):
        return None
    n_annotators, n_classes, _ = model.confusion_.shape
    coins = isinstance(model, OneCoinDawidSkene | ClassConditionalDawidSkene)
    strength, accuracy = model.prior_strength, model.prior_accuracy
    if strength == 0:
        strength, accuracy = 1.0, 1 / 2 if coins else 1 / n_classes
    pseudo = strength * prior_confusion(n_classes, accuracy)
    if isinstance(model, OneCoinDawidSkene):
        pseudo /= n_classes  # they are for one coin, whatever the class
    if isinstance(model, PooledDawidSkene):
        pseudo /= n_annotators  # they are for one matrix, whoever labelled
    return random.standard_gamma(pseudo, size=model.confusion_.shape)


def _refit(
    model: Any, drawn: Annotations, gold: Any, random: np.random.Generator
) -> tuple[Float, Float]:
    """Return confusions and class prior, learned from the fit's own parameters on."""
    again = copy.copy(model)
    quiet = {"verbose": False, "warm_start": True, "n_init": 1, "checkpoint": None, "n_jobs": None}
    known = model.get_params(deep=False)
    again.set_params(**{name: value for name, value in quiet.items() if name in known})
    pseudo = _draw_prior(model, random)
    if pseudo is None:
        again.fit(drawn, gold=gold)
    else:
        again.set_params(prior_strength=0.0).fit(drawn, gold=gold, history=pseudo)
    confusion = again.confusion_
    if isinstance(model, HierarchicalDawidSkene | IBCC):
        believed = again.crowd_ if isinstance(model, HierarchicalDawidSkene) else again._pseudo()
        believed = np.broadcast_to(believed, confusion.shape)
        weights = again.confusion_counts_ - believed + random.standard_gamma(believed)
        weights = np.maximum(weights, np.finfo(float).tiny)  # a difference may miss zero
        confusion = weights / weights.sum(axis=2, keepdims=True)
    return _align(model, confusion, again.class_prior_, drawn.labels_per_annotator)


def _align(
    model: Any, confusion: Float, prior: Float, weight: NDArray[np.int64]
) -> tuple[Float, Float]:
    """Return the new confusions and prior with the truths in the order of the fit's."""
    apart = np.stack(
        [
            np.einsum("jly,j->l", np.square(confusion - model.confusion_[:, [k]]), weight)
            for k in range(len(prior))
        ]
    )
    _, order = linear_sum_assignment(apart)
    return confusion[:, order], prior[order]
