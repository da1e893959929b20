"""What a chosen label saves over a random one: python benchmarks/next_labels.py [FOLDER] [ROUNDS].

Votes are taken away but for two per item and bought back by rounds, a twentieth of the rest at
a time: by `aggregate.next_labels`, at random, or at random on the items of least confidence
(uncertainty sampling). The crowds are simulated, and real ones whose votes are replayed: only
what somebody really said can be bought. The error is that of `HierarchicalDawidSkene`,
calibrated, against the truth. FOLDER holds one folder per data set with annotations.csv and
truth.csv; by default ``$AGGREGATE_TEST_DATA`` or ``../shared/data``.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

import numpy as np

from aggregate import (
    Annotations,
    HierarchicalDawidSkene,
    next_labels,
    read_annotations,
    read_gold,
    simulate_annotations,
)
from aggregate.metrics import accuracy

ROOT = Path(__file__).resolve().parents[1]
WAYS = ("random", "doubtful", "next_labels")
STEPS = 20


def main() -> None:
    """Print percent wrong by share of the labels bought, and the saving."""
    warnings.simplefilter("ignore")
    default = os.environ.get("AGGREGATE_TEST_DATA", str(ROOT.parent / "shared" / "data"))
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else default)
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    crowds = {
        "planted, 2 classes": planted(2),
        "planted, 4 classes": planted(4),
        **{name: replayed(folder / name) for name in ("rte", "dog", "web", "face_sentiment")},
    }
    shares = (0, 2, 4, 6, 8, 10, 15, 20)
    print(f"percent wrong by percent of the other labels bought; means of {rounds} draws\n")
    heads = "".join(f"{5 * share:8}" for share in shares)
    print(f"{'':22}{'':14}{heads}   labels saved")
    for name, (votes, truth) in crowds.items():
        curves = {
            way: np.mean([buy(votes, truth, way, draw) for draw in range(rounds)], axis=0)
            for way in WAYS
        }
        for way, curve in curves.items():
            figures = "".join(f"{100 * curve[share]:8.2f}" for share in shares)
            saved = "" if way == "random" else f"{saving(curves['random'], curve):12.0%}"
            print(f"{name if way == 'random' else '':22}{way:14}{figures}   {saved}", flush=True)
    print("\nlabels saved: how many fewer (of those bought) for the error of 10 random steps")


def planted(n_classes: int) -> tuple[Annotations, np.ndarray]:
    """Draw a crowd of thirty, ten labels per item."""
    drawn = simulate_annotations(600, 30, n_classes, labels_per_item=10, random_state=0)
    return drawn.annotations, drawn.truth


def replayed(folder: Path) -> tuple[Annotations, np.ndarray]:
    """Return real votes, and the truth as class codes, -1 where unknown."""
    votes = read_annotations(folder / "annotations.csv")
    items, labels = read_gold(folder / "truth.csv")[:2]
    known = dict(zip(items.tolist(), labels.tolist(), strict=True))
    place = {name: code for code, name in enumerate(votes.classes.tolist())}
    return votes, np.array([place.get(known.get(item), -1) for item in votes.items.tolist()])


def buy(votes: Annotations, truth: np.ndarray, way: str, draw: int) -> np.ndarray:
    """Return the error after each step of one draw."""
    random = np.random.default_rng(draw)
    order = random.permutation(votes.n_annotations)
    seen = np.zeros(votes.n_annotations, dtype=bool)
    for entry in order:
        start, stop = votes.item_ptr[votes.item[entry] : votes.item[entry] + 2]
        seen[entry] = seen[start:stop].sum() < 2
    step = int(np.ceil((~seen).sum() / STEPS))
    errors = []
    for _ in range(STEPS + 1):
        model = HierarchicalDawidSkene().fit(part(votes, seen))
        errors.append(1 - accuracy(model.probas_, truth))
        seen[choose(votes, seen, model, way, step, random)] = True
    return np.array(errors)


def choose(
    votes: Annotations,
    seen: np.ndarray,
    model: HierarchicalDawidSkene,
    way: str,
    step: int,
    random: np.random.Generator,
) -> np.ndarray:
    """Return which annotations to buy."""
    rest = np.flatnonzero(~seen)
    if way == "random" or len(rest) <= step:
        return random.permutation(rest)[:step]
    if way == "doubtful":
        doubt = 1 - model.probas_.max(axis=1)[votes.item[rest]]
        return rest[np.lexsort((random.random(len(rest)), -doubt))[:step]]
    asked = next_labels(
        model,
        part(votes, seen),
        step,
        candidates=(votes.items[votes.item[rest]], votes.annotators[votes.annotator[rest]]),
    )
    item = {name: code for code, name in enumerate(votes.items.tolist())}
    annotator = {name: code for code, name in enumerate(votes.annotators.tolist())}
    wanted = {
        (item[i], annotator[j])
        for i, j in zip(asked.items.tolist(), asked.annotators.tolist(), strict=True)
    }
    pairs = zip(votes.item[rest].tolist(), votes.annotator[rest].tolist(), strict=True)
    return rest[[pair in wanted for pair in pairs]]


def part(votes: Annotations, keep: np.ndarray) -> Annotations:
    """Return some of the annotations, all items and annotators kept."""
    pointers = np.concatenate(
        ([0], np.cumsum(np.bincount(votes.item[keep], minlength=votes.n_items)))
    )
    tables = (votes.items, votes.annotators, votes.classes)
    return Annotations(pointers, votes.annotator[keep], votes.label[keep], *tables)


def saving(random: np.ndarray, chosen: np.ndarray) -> float:
    """Return the share of ten steps that is saved at the error random reaches with them."""
    target = random[10]
    reached = np.flatnonzero(chosen <= target)
    if not len(reached):
        return -1.0
    after = int(reached[0])
    if after == 0:
        return 1.0
    above, below = chosen[after - 1], chosen[after]
    steps = after - 1 + (above - target) / max(above - below, 1e-12)
    return float(1 - steps / 10)


if __name__ == "__main__":
    main()
