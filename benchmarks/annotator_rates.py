"""How often `annotator_report` is right: python benchmarks/annotator_rates.py [FOLDER] [CROWDS].

First planted crowds: 24 annotators of two classes, 17 of them average (0.80), one of each kind
besides; then crowds of eight without anything planted; last real sets, whose gold tells what the
model's intervals are worth where annotators share their mistakes. FOLDER holds one folder per data
set with annotations.csv and truth.csv; by default ``$AGGREGATE_TEST_DATA`` or ``../shared/data``.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np

from aggregate import (
    Annotations,
    annotator_report,
    read_annotations,
    read_gold,
    simulate_annotations,
)

ROOT = Path(__file__).resolve().parents[1]
KINDS = ("expert 0.97", "spammer", "adversary 0.15", "drifting 0.9 to 0.6", "fast guesser 0.55",
         "biased 0.95 / 0.5")  # fmt: skip
SETS = ("bluebird", "rte", "dog", "web", "face_sentiment", "product", "sentiment_polarity",
        "music_genre")  # fmt: skip


def main() -> None:
    """Print the three tables."""
    warnings.simplefilter("ignore")
    default = os.environ.get("AGGREGATE_TEST_DATA", str(ROOT.parent / "shared" / "data"))
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else default)
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    print(f"percent of {rounds} crowds in which each is recognised, by labels per annotator\n")
    sizes = (200, 400, 900, 1800)
    columns = [rates(n_items, rounds) for n_items in sizes]
    print(f"{'':36}" + "".join(f"{n_items // 4:7}" for n_items in sizes))
    for name in columns[0]:
        print(f"{name:36}" + "".join(f"{100 * column[name]:7.1f}" for column in columns))
    print(
        "\npercent of 95 % intervals that hold what was planted: 8 annotators, 5 labels per item\n"
    )
    print(f"{'items':>8}{'skill':>8}{'bias':>8}")
    for n_items in (60, 150, 400):
        print(f"{n_items:8}" + "".join(f"{100 * part:8.1f}" for part in coverage(n_items, rounds)))
    print("\nreal sets: annotators with 20 gold labels, percent whose share of right ones lies in")
    print("the interval that the votes gave, and mean skill less mean share in points\n")
    for name in SETS:
        print(f"{name:20}" + "{:6}{:8.0f}{:8.1f}".format(*on_gold(folder / name)), flush=True)


def rates(n_items: int, rounds: int) -> dict[str, float]:
    """Return how often each planted annotator is recognised, and others are called something."""
    hits = defaultdict(list)
    for seed in range(rounds):
        votes, order, seconds = planted(seed, n_items)
        found = annotator_report(votes, order=order, times=seconds)
        named = np.array([each is not None for each in found.over_reported])
        recognised = (
            found.standing[0] == "better",
            found.standing[1] == "spammer",
            found.standing[2] == "adversary",
            found.drifting[3],
            found.speed.fast[4],
            found.over_reported[5] == 0,
        )
        for kind, hit in zip(KINDS, recognised, strict=True):
            hits[kind].append(hit)
        hits["one of 0.65: called a spammer"].append(found.standing[6] == "spammer")
        usual = found.standing[7:]
        hits["an average one: better or worse"].append(np.isin(usual, ["better", "worse"]).mean())
        hits["an average one: unknown"].append((usual == "unknown").mean())
        hits["any false spammer or adversary"].append(
            np.isin(usual, ["spammer", "adversary"]).any()
        )
        hits["any false drift"].append(np.delete(found.drifting, 3).any())
        hits["any false bias"].append(named[7:].any())
        hits["one falsely fast"].append(np.delete(found.speed.fast, 4).mean())
    return {name: float(np.mean(values)) for name, values in hits.items()}


def planted(seed: int, n_items: int) -> tuple[Annotations, np.ndarray, np.ndarray]:
    """Return votes of average annotators and one of each kind, their order and seconds."""
    random = np.random.default_rng(seed)
    chance = np.full(24, 0.8)
    chance[[0, 2, 3, 4, 6]] = 0.97, 0.15, 0.9, 0.55, 0.65
    rows = np.stack([[[p, 1 - p], [1 - p, p]] for p in chance])
    rows[1], rows[5] = [0.6, 0.4], [[0.95, 0.05], [0.5, 0.5]]
    drawn = simulate_annotations(
        n_items, 24, 2, labels_per_item=6, confusion=rows, random_state=seed
    )
    votes, order = drawn.annotations, random.random(drawn.annotations.n_annotations)
    mine = np.flatnonzero(votes.annotator == 3)
    late = mine[order[mine] > np.median(order[mine])]
    label, truth = votes.label.copy(), drawn.truth[votes.item[late]]
    label[late] = np.where(random.random(len(late)) < 0.6, truth, 1 - truth)
    usual = np.exp(random.normal(2, 0.3, 24))
    usual[4] = np.exp(2 - 5 * 0.3)
    seconds = usual[votes.annotator] * np.exp(random.normal(0, 0.5, len(label)))
    arrays = (votes.item_ptr, votes.annotator, label, votes.items, votes.annotators, votes.classes)
    return Annotations(*arrays), order, seconds


def coverage(n_items: int, rounds: int) -> tuple[float, float]:
    """Return how often intervals of skills and of biases hold what was planted."""
    inside = []
    for seed in range(rounds):
        drawn = simulate_annotations(n_items, 8, 2, labels_per_item=5, random_state=seed)
        found = annotator_report(drawn.annotations)
        skill = np.einsum("jkk,k->j", drawn.confusion, drawn.class_prior)
        bias = np.einsum("jky,k->jy", drawn.confusion, drawn.class_prior) - drawn.class_prior
        pairs = ((found.skill, skill), (found.bias, bias))
        inside.append([((part.low <= true) & (true <= part.high)).mean() for part, true in pairs])
    of_skill, of_bias = np.mean(inside, axis=0)
    return of_skill, of_bias


def on_gold(folder: Path) -> tuple[int, float, float]:
    """Return annotators with gold, percent of them inside their interval, and the difference."""
    votes = read_annotations(folder / "annotations.csv")
    items, labels = read_gold(folder / "truth.csv")
    known = set(votes.classes.tolist())
    gold = {i: k for i, k in zip(items.tolist(), labels.tolist(), strict=True) if k in known}
    blind, told = annotator_report(votes), annotator_report(votes, gold=gold)
    enough = told.gold_given >= 20
    share = told.gold_skill.value
    inside = (blind.skill.low <= share) & (share <= blind.skill.high)
    surplus = blind.skill.value - share
    return int(enough.sum()), 100 * inside[enough].mean(), 100 * surplus[enough].mean()


if __name__ == "__main__":
    main()
