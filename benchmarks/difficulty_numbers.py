"""Print models of difficulty, groups and spammers beside published numbers and peers.

``python benchmarks/difficulty_numbers.py [FOLDER]``. FOLDER holds one folder per data set with
annotations.csv (task, worker, label) and truth.csv (task, label); by default
``$AGGREGATE_TEST_DATA`` or ``../shared/data``. The comparison of speed needs crowd-kit and
pandas and is left out without them.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from aggregate import (
    GLAD,
    Annotations,
    DawidSkene,
    DependentGroups,
    MajorityVote,
    MinimaxEntropy,
    read_annotations,
    read_gold,
    simulate_annotations,
    spammer_report,
)
from aggregate.metrics import accuracy
from aggregate.models._gold import gold_codes

SETS = (
    "bluebird", "rte", "dog", "web", "face_sentiment", "product", "sentiment_polarity",
    "music_genre",
)  # fmt: skip
PUBLISHED = {
    # crowd-kit 1.4.2, 30 rounds of EM.
    "GLAD": {
        "music_genre": 78.9, "face_sentiment": 63.0, "bluebird": 72.2, "dog": 83.4, "rte": 92.5,
    },
    # Zhou et al. (NIPS 2012, ICML 2014), 100 minus their errors: 8.3, 7.6, 16.23, 11.1.
    "minimax": {"bluebird": 91.7, "rte": 92.4, "dog": 83.77, "web": 88.9},
}  # fmt: skip
ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Print every table."""
    default = os.environ.get("AGGREGATE_TEST_DATA", str(ROOT.parent / "shared" / "data"))
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else default)
    accuracy_table(folder)
    copies_table()
    spammer_table()
    glad_speed()


def accuracy_table(folder: Path) -> None:
    """Print percent correct and seconds on every set."""
    models = {
        "vote": MajorityVote(),
        "GLAD": GLAD(),
        "minimax": MinimaxEntropy(),
        "minimax ordinal": MinimaxEntropy(scale="ordinal"),
        "groups": DependentGroups(),
        "Dawid-Skene": DawidSkene(),
    }
    for model in models.values():
        fit(model, simulate_annotations(50, 9, 2, random_state=0).annotations)  # compile
    print("Percent correct; in brackets what the source named in the script reports\n")
    print(f"{'':20}" + "".join(f"{name:>23}" for name in models))
    for name in SETS:
        votes, truth = load(folder / name)
        cells = []
        for label, model in models.items():
            started = time.perf_counter()
            value = 100 * accuracy(fit(model, votes).probas_, truth)
            seconds = time.perf_counter() - started
            other = PUBLISHED.get(label, {}).get(name)
            bracket = "" if other is None else f"({other:.2f})"
            cells.append(f"{value:8.2f} {bracket:>7}{seconds:5.1f} s")
        print(f"{name:20}" + "".join(cells))


def copies_table() -> None:
    """Print percent correct when one of five annotators is copied several times."""
    print("\nFive annotators, 75 % correct, one of them copied; 1000 items, 3 classes, 20 draws\n")
    print(f"{'copies':>8}{'Dawid-Skene':>14}{'groups':>10}{'groups found':>14}")
    for copies in (1, 2, 4, 8):
        right = np.zeros((20, 3))
        for seed in range(20):
            confusion = np.full((5, 3, 3), 0.125) + 0.625 * np.eye(3)
            crowd = simulate_annotations(
                1000, 5, 3, labels_per_item=5, confusion=confusion, random_state=seed
            )
            table = crowd.annotations.to_matrix()
            table = np.column_stack([table[:, :1]] * copies + [table[:, 1:]])
            plain, groups = DawidSkene().fit(table), DependentGroups().fit(table)
            expected = [0] * copies + [-1] * 4 if copies > 1 else [-1] * 5
            right[seed, 0] = (plain.labels_ == crowd.truth).mean()
            right[seed, 1] = (groups.labels_ == crowd.truth).mean()
            right[seed, 2] = groups.group_.tolist() == expected
        mean = 100 * right.mean(axis=0)
        print(f"{copies:8d}{mean[0]:14.2f}{mean[1]:10.2f}{mean[2]:13.0f} %")


def spammer_table() -> None:
    """Print how often spammers are found and the honest accused, by labels per annotator."""
    print("\nThirty annotators, four of them spammers, 3 classes, 40 draws; level 5 %\n")
    print(f"{'labels each':>12}{'found':>10}{'accused':>10}")
    for n_items in (100, 200, 400, 800, 1600):
        found, accused = [], []
        for seed in range(40):
            random = np.random.default_rng(seed)
            confusion = np.full((30, 3, 3), 0.1) + 0.7 * np.eye(3)
            confusion[:4] = random.dirichlet(np.full(3, 2.0), 4)[:, np.newaxis]
            votes = simulate_annotations(
                n_items, 30, 3, labels_per_item=6, confusion=confusion, random_state=seed
            ).annotations
            spammers = spammer_report(votes).spammers.tolist()
            found += [j in spammers for j in range(4)]
            accused += [j in spammers for j in range(4, 30)]
        each = n_items * 6 // 30
        print(f"{each:12d}{100 * np.mean(found):8.1f} %{100 * np.mean(accused):8.2f} %")


def glad_speed() -> None:
    """Time GLAD beside crowd-kit's on the same 100,000 labels in the same process."""
    try:
        import crowdkit.aggregation as crowdkit
        import pandas as pd
    except ImportError:
        print("\nSpeed: crowd-kit is not installed here")
        return
    crowd = simulate_annotations(20_000, 500, 4, labels_per_item=5, random_state=0)
    votes = crowd.annotations
    frame = pd.DataFrame({"task": votes.item, "worker": votes.annotator, "label": votes.label})
    GLAD().fit(votes.select(items=votes.items[:50]))  # compile
    started = time.perf_counter()
    ours = GLAD().fit(votes)
    our_seconds = time.perf_counter() - started
    rounds = 20
    started = time.perf_counter()
    peer = crowdkit.GLAD(n_iter=rounds).fit(frame)
    peer_seconds = time.perf_counter() - started
    right = (ours.labels_ == crowd.truth).mean(), (peer.labels_.sort_index() == crowd.truth).mean()
    print("\nGLAD, 100,000 labels, 20,000 items, 500 annotators, 4 classes")
    print(f"ours       {our_seconds:8.2f} s  {ours.n_iter_} passes to the optimum", end="")
    print(f"  {100 * right[0]:.2f} % correct")
    print(f"crowd-kit  {peer_seconds:8.2f} s  {rounds} rounds of EM at most", end="")
    print(f"        {100 * right[1]:.2f} % correct")
    print(f"ratio      {peer_seconds / our_seconds:8.0f}")


def fit(model: Any, votes: Annotations) -> Any:
    """Fit, whether or not the optimum is reached in the default number of passes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", UserWarning)  # a penalty too strong: the table shows it
        return model.fit(votes)


def load(folder: Path) -> tuple[Annotations, np.ndarray]:
    """Return the votes and the true class codes, -1 where unknown."""
    votes = read_annotations(folder / "annotations.csv")
    items, labels = read_gold(folder / "truth.csv")[:2]
    present = set(votes.items.tolist())
    pairs = zip(items.tolist(), labels.tolist(), strict=True)
    return votes, gold_codes({item: label for item, label in pairs if item in present}, votes)


if __name__ == "__main__":
    main()
