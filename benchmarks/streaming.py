"""Print how far a stream ends from the optimum of all votes: benchmarks/streaming.py [FOLDER].

FOLDER holds one folder per data set with annotations.csv (task, worker, label); by default
``$AGGREGATE_TEST_DATA`` or ``../shared/data``. Items are shuffled and passed to `partial_fit`
batch by batch, all votes on an item in one batch; means over three orders.

distance    mean |difference| of the confusion entries from those of `fit`, annotators alike
weighted    the same, annotators weighted by their labels
labels      share of the items that are labelled otherwise than by `fit`, by the last parameters
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate import Annotations, DawidSkene, MajorityVote, read_annotations, simulate_annotations
from aggregate.models._online import Step, Stream

ROOT = Path(__file__).resolve().parents[1]
SETS = ("rte", "face_sentiment", "sentiment_polarity", "product", "web")
ORDERS = 3
Float = NDArray[np.float64]


class PowerSteps(DawidSkene):
    """Steps γ_n = (n + 10)^-κ per label of the annotator, as in the literature."""

    kappa = 0.65

    def _step_sizes(self, stream: Stream, new: Float, n_items: int) -> Step:
        keep, add = self._weights(stream.given, new)
        seen, items = np.array([float(stream.n_items)]), np.array([float(n_items)])
        keep_mass, add_mass = self._weights(seen, items)
        return Step(keep, add, float(keep_mass[0]), float(add_mass[0]))

    def _weights(self, given: Float, new: Float) -> tuple[Float, Float]:
        power = 1 - self.kappa
        travelled = ((given + new + 10) ** power - (given + 10) ** power) / power
        step = np.where(given > 0, -np.expm1(-travelled), 1.0)
        total = given + new
        keep = np.divide(total * (1 - step), given, out=np.zeros_like(new), where=given > 0)
        return np.where(new > 0, keep, 1.0), np.where(new > 0, total * step / np.maximum(new, 1), 1)


def main() -> None:
    """Print both tables."""
    default = os.environ.get("AGGREGATE_TEST_DATA", str(ROOT.parent / "shared" / "data"))
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else default)
    sets = dict(crowds(folder))
    print("one pass, by the size of the batches (items); vote: labels by majority")
    print(
        f"{'':20}{'items':>7}{'batch':>7}{'distance':>10}{'weighted':>10}{'labels':>9}{'vote':>9}"
    )
    for name, votes in sets.items():
        whole = DawidSkene().fit(votes)
        vote = (MajorityVote().fit(votes).labels_ != whole.labels_).mean()
        for part in (100, 10, 3):
            size = max(votes.n_items // part, 1)
            row = mean_figures(DawidSkene(), votes, whole, size)
            told = f"{name:20}{votes.n_items:7}" if part == 100 else f"{'':27}"
            print(f"{told}{size:7}{row[0]:10.4f}{row[1]:10.4f}{row[2]:9.2%}{vote:9.2%}")
    print("\nbatches of a hundredth, by the number of passes and the rule of the steps")
    print(f"{'':20}{'steps':16}{'passes':>7}{'distance':>10}{'weighted':>10}{'labels':>9}")
    for name, votes in sets.items():
        whole, size = DawidSkene().fit(votes), max(votes.n_items // 100, 1)
        rows: list[tuple[str, Any, int, bool]] = [("ours", DawidSkene(), 1, False)]
        rows += [("ours, again", DawidSkene(), n, True) for n in (2, 5)]
        rows += [("ours, as new", DawidSkene(), 5, False), ("(n+10)^-0.65", PowerSteps(), 1, False)]
        for number, (rule, model, n_passes, again) in enumerate(rows):
            row = mean_figures(model, votes, whole, size, n_passes, again)
            told = name if number == 0 else ""
            print(f"{told:20}{rule:16}{n_passes:7}{row[0]:10.4f}{row[1]:10.4f}{row[2]:9.2%}")


def crowds(folder: Path) -> Iterator[tuple[str, Annotations]]:
    """Yield planted crowds and real ones."""
    for n_classes in (2, 4):
        crowd = simulate_annotations(5000, 50, n_classes, labels_per_item=5, random_state=0)
        yield f"planted, {n_classes} classes", crowd.annotations
    for name in SETS:
        yield name, read_annotations(folder / name / "annotations.csv")


def mean_figures(
    model: DawidSkene,
    votes: Annotations,
    whole: DawidSkene,
    size: int,
    n_passes: int = 1,
    again: bool = False,
) -> Float:
    """Return distance, weighted distance and share of other labels, means over the orders."""
    rows = []
    for seed in range(ORDERS):
        fitted = type(model)()
        random = np.random.default_rng(seed)
        for turn in range(n_passes):
            for batch in batches(votes, size, random):
                fitted.partial_fit(batch, classes=votes.classes, again=again and turn > 0)
        rows.append(figures(fitted, votes, whole))
    return np.asarray(np.mean(rows, axis=0))


def batches(votes: Annotations, size: int, random: np.random.Generator) -> Iterator[Annotations]:
    """Yield the items in random order."""
    order = random.permutation(votes.n_items)
    for first in range(0, votes.n_items, size):
        chosen = np.zeros(votes.n_items, dtype=bool)
        chosen[order[first : first + size]] = True
        yield votes.select(items=chosen)


def figures(fitted: Any, votes: Annotations, whole: Any) -> tuple[float, float, float]:
    """Return how far one fit is from another."""
    place = {name: j for j, name in enumerate(fitted.annotators_.tolist())}
    order = [place[name] for name in whole.annotators_.tolist()]
    apart = np.abs(fitted.confusion_[order] - whole.confusion_).mean(axis=(1, 2))
    weight = votes.labels_per_annotator / votes.n_annotations
    other = (fitted.predict(votes) != whole.labels_).mean()
    return float(apart.mean()), float(apart @ weight), float(other)


if __name__ == "__main__":
    main()
