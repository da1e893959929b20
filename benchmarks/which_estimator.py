"""Print which estimator does best on which crowd: python benchmarks/which_estimator.py.

Simulated crowds of three classes, seeds 0 to 4 each; every figure is the mean over the seeds,
seconds are their median, on one thread. ``wrong`` is the percentage of wrong labels, ``error``
the mean absolute error of the entries of the confusion matrices: classes keep their names, so a
swap of two classes counts as the mistake it is. ``none`` is the estimate from the moments alone,
``EM`` the same refined to convergence, and ``gave up`` the number of seeds in which the method
fell back to the vote. ``worst`` is the worst seed's percentage. All settings are the defaults.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate import (
    Annotations,
    CoupledNMF,
    DawidSkene,
    MajorityVote,
    MultiSPA,
    SpectralDawidSkene,
    SymmetricNMF,
    TensorMoments,
    simulate_annotations,
)

Float = NDArray[np.float64]

K = 3
SEEDS = range(5)
MOMENTS = (SpectralDawidSkene, TensorMoments, MultiSPA, CoupledNMF, SymmetricNMF)
METHODS: list[tuple[str, str, Any]] = [
    ("MajorityVote", "", MajorityVote()),
    ("DawidSkene", "", DawidSkene()),
    *[(m.__name__, "none", m(refine=None)) for m in MOMENTS],
    *[(m.__name__, "EM", m(refine="converge")) for m in MOMENTS],
]


class Crowd(NamedTuple):
    """Votes and what made them."""

    annotations: Annotations
    truth: NDArray[np.int64]
    confusion: Float


def main() -> None:
    """Print one table per kind of crowd."""
    for _, _, model in METHODS:  # compile the kernels before the clock starts
        fit(model, plain(0).annotations)
    print(f"Mean of {len(SEEDS)} seeds, {K} classes; seconds: median, one thread")
    crowds = (plain, few_labels, weak, experts, rare, many_annotators, cliques, adversaries)
    for make in crowds:
        report(make)


def report(make: Callable[[int], Crowd]) -> None:
    """Print the table of one kind of crowd."""
    crowds = [make(seed) for seed in SEEDS]
    print(f"\n{make.__doc__}\n")
    print(f"{'':20}{'refine':8}{'wrong':>8}{'worst':>8}{'error':>9}{'seconds':>10}{'gave up':>9}")
    for name, refine, model in METHODS:
        wrong, error, seconds, gave_up = [], [], [], 0
        for crowd in crowds:
            start = time.perf_counter()
            fitted = fit(model, crowd.annotations)
            seconds.append(time.perf_counter() - start)
            wrong.append(100 * np.mean(fitted.labels_ != crowd.truth))
            found = getattr(fitted, "confusion_", None)
            error.append(np.nan if found is None else np.abs(found - crowd.confusion).mean())
            gave_up += hasattr(fitted, "estimated_") and not fitted.estimated_.any()
        cells = f"{np.mean(wrong):8.2f}{np.max(wrong):8.2f}"
        cells += f"{'-':>9}" if np.isnan(error).any() else f"{np.mean(error):9.4f}"
        cells += f"{np.median(seconds):10.3f}{gave_up or '':>9}"
        print(f"{name:20}{refine:8}{cells}".rstrip(), flush=True)


def plain(seed: int) -> Crowd:
    """A plain crowd: 30 annotators, 3000 items, 5 labels each, 55 to 95 % right."""  # noqa: D401
    return drawn(3000, 30, seed)


def few_labels(seed: int) -> Crowd:
    """Few labels per annotator: 600 annotators, 2000 items, 3 labels each (10 per annotator)."""
    return drawn(2000, 600, seed, labels_per_item=3)


def weak(seed: int) -> Crowd:
    """Weak annotators: 10 of them, 10000 items, 5 labels each, 38 to 55 % right."""
    return drawn(10000, 10, seed, accuracy=(0.38, 0.55))


def experts(seed: int) -> Crowd:
    """Weak annotators who never miss one class each and answer the others at random rates."""
    confusion = np.random.default_rng(seed).dirichlet(np.ones(K), size=(10, K))
    own = np.arange(10) % K
    confusion[np.arange(10), own] = np.eye(K)[own]
    return drawn(10000, 10, seed, confusion=confusion)


def rare(seed: int) -> Crowd:
    """Rare classes (80, 15 and 5 %), 20 annotators 40 to 70 % right; 10000 items, 5 labels."""
    return drawn(10000, 20, seed, accuracy=(0.4, 0.7), class_prior=[0.8, 0.15, 0.05])


def many_annotators(seed: int) -> Crowd:
    """Many annotators: 3000 of them, 20000 items, 5 labels each (33 per annotator)."""
    return drawn(20000, 3000, seed)


def cliques(seed: int) -> Crowd:
    """Missing overlap: two cliques of 12 annotators with 1500 items each, and 3 who join them."""
    left, right = drawn(1500, 15, seed), drawn(1500, 15, seed + 1000)
    # The last three of either side are the same people: they have the left side's confusions.
    rename = np.append(np.arange(15, 27), [12, 13, 14])
    confusion = np.concatenate([left.confusion, right.confusion[:12]])
    again = drawn(1500, 15, seed + 2000, confusion=confusion[rename])
    sides = (left.annotations, again.annotations)
    annotations = Annotations.from_columns(
        np.concatenate([sides[0].item, sides[1].item + 1500]),
        np.concatenate([sides[0].annotator, rename[sides[1].annotator]]),
        np.concatenate([side.label for side in sides]),
        classes=range(K),
    )
    return Crowd(annotations, np.concatenate([left.truth, again.truth]), confusion)


def adversaries(seed: int) -> Crowd:
    """Adversarial minority: 6 of 20 name the next class 70 % of the time; 3000 items, 5 labels."""
    confusion = drawn(1, 20, seed).confusion.copy()
    confusion[:6] = 0.7 * np.roll(np.eye(K), 1, axis=1) + 0.15 * (1 - np.roll(np.eye(K), 1, axis=1))
    return drawn(3000, 20, seed, confusion=confusion)


def drawn(n_items: int, n_annotators: int, seed: int, **options: Any) -> Crowd:
    """Draw a crowd, five labels per item unless told otherwise."""
    crowd = simulate_annotations(n_items, n_annotators, K, random_state=seed, **options)
    return Crowd(crowd.annotations, crowd.truth, crowd.confusion)


def fit(model: Any, annotations: Annotations) -> Any:
    """Fit, whatever the model has to say about the data."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(annotations)


if __name__ == "__main__":
    main()
