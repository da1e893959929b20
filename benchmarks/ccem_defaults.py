"""What the defaults of `CCEMClassifier` rest on: python benchmarks/ccem_defaults.py [SEEDS].

Planted mixtures of four classes in eight dimensions, with anchor points (classes that hardly
overlap) or without, with specialists (annotators with a label for one class alone) or without,
1500 items, one label each by five annotators or three each by thirty who are right about half of
the time. SEEDS draws of each, 5 by default. Besides, `load_machine_crowd("digits")`.

The last table is the theory's: F is to help with anchor points only, W with specialists only. There
the penalties are weak (alpha 1, one pseudo-label), so that nothing but the regulariser decides.

``excess`` is how far the objective ends above the least of the three starts; ``error`` is the mean
share of a confusion matrix's row in the wrong place, ``right`` the percentage of 4000 test items.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate import Annotations, CCEMClassifier
from aggregate.learning import load_machine_crowd

STARTS = ("identity", "majority-vote", "dawid-skene")
STRENGTHS = (0.0, 1.0, 4.0, 16.0)
ALPHAS = (1.0, 3.0, 10.0, 30.0, 100.0, "auto")
REGULARIZERS = {
    "none": (None, 0.0),
    "F 0.01": ("geocrowdnet-f", 0.01),
    "F 0.1": ("geocrowdnet-f", 0.1),
    "F auto": ("geocrowdnet-f", "auto"),
    "W 0.003": ("geocrowdnet-w", 0.003),
    "W 0.01": ("geocrowdnet-w", 0.01),
    "W auto": ("geocrowdnet-w", "auto"),
}
CROWDS = ((5, 1), (30, 3))
MIXTURES = {
    "anchors": (True, False),
    "specialists": (False, True),
    "both": (True, True),
    "neither": (False, False),
}


class Planted(NamedTuple):
    """A draw: features and votes, test features and truth, the annotators' confusions."""

    X: NDArray[np.float64]
    votes: Any
    X_test: NDArray[np.float64]
    y_test: NDArray[Any]
    confusion: NDArray[np.float64]


def main() -> None:
    """Print the four tables."""
    warnings.simplefilter("ignore", UserWarning)
    n_seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(f"{n_seeds} draws of each mixture\n\nStarts: largest excess, mean steps")
    print(f"{'':28}" + "".join(f"{start:>22}" for start in STARTS))
    for name, draws in crowds(n_seeds):
        print(f"{name:28}" + "".join(starts(draws)), flush=True)
    for parameter, values in (("prior_strength", STRENGTHS), ("alpha", ALPHAS)):
        print(f"\n{parameter}: error, right")
        print(f"{'':28}" + "".join(f"{value:>16}" for value in values))
        for name, draws in crowds(n_seeds):
            if name != "digits":
                cells = [effect(draws, {parameter: value}) for value in values]
                print(f"{name:28}" + "".join(cells), flush=True)
    theory(n_seeds)


def theory(n_seeds: int) -> None:
    """Print the table of regularisers."""
    print("\nregularizer: error, right")
    print(f"{'':28}" + "".join(f"{name:>16}" for name in REGULARIZERS))
    for name, draws in crowds(n_seeds):
        if name == "digits":
            continue
        cells = []
        for kind, strength in REGULARIZERS.values():
            parameters = {"regularizer": kind, "regularization": strength}
            cells.append(effect(draws, {**parameters, "alpha": 1.0, "prior_strength": 1.0}))
        print(f"{name:28}" + "".join(cells), flush=True)


def crowds(n_seeds: int) -> Iterator[tuple[str, list[Planted]]]:
    """Yield the draws of every kind of crowd."""
    for n_annotators, n_labels in CROWDS:
        for name, (anchors, specialists) in MIXTURES.items():
            draws = [
                draw(anchors, specialists, n_annotators, n_labels, seed) for seed in range(n_seeds)
            ]
            yield f"{name}, {n_labels} by {n_annotators}", draws
    digits = load_machine_crowd("digits")
    nothing = np.empty((0, 0, 0))
    yield "digits", [Planted(digits.X, digits.annotations, digits.X_test, digits.y_test, nothing)]


def draw(anchors: bool, specialists: bool, n_annotators: int, n_labels: int, seed: int) -> Planted:
    """Return a planted mixture."""
    random = np.random.default_rng(seed)
    n_items, n_classes = 1500, 4
    centres = random.normal(size=(n_classes, 8))
    centres *= (6.0 if anchors else 1.6) / np.sqrt(2) / np.linalg.norm(centres, axis=1)[:, None]
    truth, y_test = random.integers(0, n_classes, n_items), random.integers(0, n_classes, 4000)
    X, X_test = (centres[k] + random.normal(size=(len(k), 8)) for k in (truth, y_test))
    noise = random.dirichlet(np.ones(n_classes), (n_annotators, n_classes))
    confusion = 0.35 * np.eye(n_classes) + 0.65 * noise
    for k in range(n_classes if specialists else 0):
        others = np.arange(n_classes) != k
        confusion[k, others, k] = 0
        confusion[k] *= 0.98 / confusion[k].sum(axis=1, keepdims=True)
        confusion[k, others, k] = 0.02
        confusion[k, k] = np.where(others, 0.02 / (n_classes - 1), 0.98)
    item = np.repeat(np.arange(n_items), n_labels)
    who = random.random((n_items, n_annotators)).argsort(axis=1)[:, :n_labels].ravel()
    below = random.random((len(item), 1)) > confusion[who, truth[item]].cumsum(axis=1)
    votes = Annotations.from_columns(item, who, below.sum(axis=1).clip(max=n_classes - 1))
    return Planted(X, votes, X_test, y_test, confusion)


def starts(draws: list[Planted]) -> list[str]:
    """Return the cells of the table of starts."""
    ends = np.empty((len(draws), len(STARTS)))
    steps = np.empty_like(ends)
    for row, crowd in enumerate(draws):
        for column, start in enumerate(STARTS):
            model = CCEMClassifier(init=start).fit(crowd.X, crowd.votes)
            ends[row, column], steps[row, column] = model.objective_path_[-1], model.n_iter_
    excess = (ends - ends.min(axis=1, keepdims=True)).max(axis=0)
    return [f"{a:14.0e}{b:8.0f}" for a, b in zip(excess, steps.mean(axis=0), strict=True)]


def effect(draws: list[Planted], parameters: dict[str, Any]) -> str:
    """Return mean confusion error and test accuracy with some parameters."""
    found = []
    for crowd in draws:
        model = CCEMClassifier(**parameters).fit(crowd.X, crowd.votes)
        error = np.abs(model.confusion_ - crowd.confusion).sum(axis=2).mean() / 2
        found.append((error, 100 * model.score(crowd.X_test, crowd.y_test)))
    error, right = np.mean(found, axis=0)
    return f"{error:9.3f}{right:7.1f}"


if __name__ == "__main__":
    main()
