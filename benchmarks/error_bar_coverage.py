"""Coverage of nominal 95 % intervals of fitted models: error_bar_coverage.py [RUNS] [METHOD].

Crowds are simulated from Dawid-Skene's model (accuracies even between 0.6 and 0.95, mistakes
shared out at random; for one coin, evenly), fitted, and their intervals compared with what they
were drawn from: confusions on and off the diagonal, skills, class prior, and the share of each
class among the very items. ``labels`` are those of an annotator, per true class. ``DS`` is
`DawidSkene`, ``DS 0`` the same without pseudo-labels, ``coin`` `OneCoinDawidSkene` and ``HDS``
`HierarchicalDawidSkene`. Intervals come from the information and, for some designs and a fifth
of the runs, from 100 draws of the bootstrap. Crowds of more than 1,000 items get a third of the
runs. One star marks what is outside 92 to 97 %, two what is so by more than two standard errors
(of the mean over runs).
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate import (
    DawidSkene,
    HierarchicalDawidSkene,
    OneCoinDawidSkene,
    simulate_annotations,
)
from aggregate.inspection import uncertainty

DESIGNS = (  # classes, annotators, items, labels per item
    (2, 3, 200, 3),
    (2, 3, 5000, 3),
    (2, 5, 1000, 5),
    (2, 50, 200, 5),
    (2, 50, 5000, 5),
    (3, 3, 1000, 3),
    (3, 8, 500, 5),
    (3, 50, 200, 5),
    (3, 50, 5000, 5),
    (4, 10, 3000, 5),
    (4, 20, 1000, 5),
    (4, 50, 200, 5),
    (4, 50, 5000, 5),
)
DRAWN = ((2, 5, 1000, 5), (2, 50, 200, 5), (3, 8, 500, 5))
MANY = 1000  # items beyond which a third of the runs must do
MODELS: dict[str, Callable[[], Any]] = {
    "DS": DawidSkene,
    "DS 0": lambda: DawidSkene(prior_strength=0),
    "coin": OneCoinDawidSkene,
    "HDS": HierarchicalDawidSkene,
}
NAMES = ("diagonal", "off", "skill", "prior", "share")


def main() -> None:
    """Print both tables."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 240
    wanted = sys.argv[2:] or ["information", "bootstrap"]
    warnings.simplefilter("ignore")
    if "information" in wanted:
        print(f"coverage in %, {runs} runs, from the information\n")
        table(DESIGNS, runs, "information")
    if "bootstrap" in wanted:
        print(f"\ncoverage in %, {runs // 5} runs, from the bootstrap\n")
        table(DRAWN, runs // 5, "bootstrap")


def table(designs: tuple[tuple[int, int, int, int], ...], runs: int, method: str) -> None:
    """Print one table."""
    print(f"{'K':>3}{'M':>4}{'N':>6}{'labels':>8}  model" + "".join(f"{n:>10}" for n in NAMES))
    within, near, total = 0, 0, 0
    for design in designs:
        n_classes, n_annotators, n_items, per_item = design
        labels = n_items * per_item / n_annotators / n_classes
        for name in MODELS:
            hits = coverage(design, name, runs if n_items <= MANY else runs // 3, method)
            found = hits.mean(axis=0)
            outside = np.maximum(0.92 - found, found - 0.97)
            spread = hits.std(axis=0, ddof=1)
            spread = np.where(spread > 0, spread, np.sqrt(0.97 * 0.03))  # all hit: as at the end
            error = spread / np.sqrt(len(hits))
            stars = (outside > 0).astype(int) + (outside > 2 * error)
            within, near = within + (stars == 0).sum(), near + (stars == 1).sum()
            total += len(stars)
            cells = [
                f"{share:8.1%}{'*' * count:2}" for share, count in zip(found, stars, strict=True)
            ]
            print(
                f"{n_classes:3d}{n_annotators:4d}{n_items:6d}{labels:8.0f}  {name:5}"
                + "".join(cells).replace("%", ""),
                flush=True,
            )
    print(f"\n{within} of {total} between 92 and 97, {near} more within two standard errors of it")


def coverage(
    design: tuple[int, int, int, int], name: str, runs: int, method: str
) -> NDArray[np.float64]:
    """Return how often intervals hold what they should, a row for each run."""
    n_classes, n_annotators, n_items, per_item = design
    hits = np.empty((runs, len(NAMES)))
    diagonal = np.eye(n_classes, dtype=bool)
    for seed in range(runs):
        random = np.random.default_rng(seed)
        given = {"confusion": coins(n_annotators, n_classes, random)} if name == "coin" else {}
        crowd = simulate_annotations(
            n_items, n_annotators, n_classes, labels_per_item=per_item,
            accuracy=(0.6, 0.95), random_state=random, **given,
        )  # fmt: skip
        model = MODELS[name]().fit(crowd.annotations)
        found = uncertainty(model, crowd.annotations, method, n_bootstrap=100)
        cells = held(found.confusion, crowd.confusion)
        skill = np.einsum("jkk,k->j", crowd.confusion, crowd.class_prior)
        share = np.bincount(crowd.truth, minlength=n_classes) / n_items
        hits[seed] = (
            cells[:, diagonal].mean(),
            cells[:, ~diagonal].mean(),
            held(found.skill, skill).mean(),
            held(found.class_prior, crowd.class_prior).mean(),
            held(found.prevalence, share).mean(),
        )
    return hits


def held(estimates: Any, truth: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return whether intervals hold the truth."""
    return (estimates.low <= truth) & (truth <= estimates.high)


def coins(n_annotators: int, n_classes: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Return confusions with one chance of being right per annotator."""
    right = random.uniform(0.6, 0.95, size=n_annotators)
    confusion = np.empty((n_annotators, n_classes, n_classes))
    confusion[:] = ((1 - right) / (n_classes - 1))[:, np.newaxis, np.newaxis]
    confusion[:, range(n_classes), range(n_classes)] = right[:, np.newaxis]
    return confusion


if __name__ == "__main__":
    main()
