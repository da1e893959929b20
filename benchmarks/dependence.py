"""Copiers among simulated crowds: how often the innocent are accused, and who is found.

python benchmarks/dependence.py [RUNS]. ``shared`` is the number of items a pair has in common, on
average; annotators are right 55 to 95 % of the time. ``alarm`` is the share of independent crowds
in which any pair is accused (asked for: at most 5 %), and the share under the other control ("false
discovery"). Then one annotator copies all, or 70 %, of what an annotator of 75 % accuracy says of
the items they share: how often the two are found, and how often anybody else is accused. Last, two
annotators copy all that a third says, on all of their items.
"""

from __future__ import annotations

import sys
import warnings

import numpy as np
from numpy.typing import NDArray

from aggregate import Annotations, dependence_report, simulate_annotations

Table = NDArray[np.int64]

DESIGNS = (  # classes, annotators, labels per item
    (2, 5, 5),
    (2, 10, 10),
    (2, 20, 3),
    (2, 60, 5),
    (3, 10, 5),
    (3, 20, 2),
    (4, 6, 6),
    (4, 20, 5),
)
SHARED = (20, 50, 150, 500)
AVERAGE = 0.75


def main() -> None:
    """Print the table."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 18
    warnings.simplefilter("ignore")
    print(f"shares in %, {runs} crowds, {max(runs // 3, 1)} with copiers\n")
    print(f"{'':28}{'independent':>14}{'one copies all':>17}{'one copies 70%':>17}{'two copy':>17}")
    print(
        f"{'K':>3}{'M':>4}{'per item':>10}{'shared':>9}  {'alarm':>7}{'(fdr)':>7}"
        + f"{'found':>9}{'others':>8}" * 3
    )
    alarms = []
    for design in DESIGNS:
        for shared in SHARED:
            cells = [
                alarm(design, shared, runs, "family-wise"),
                alarm(design, shared, runs, "false discovery"),
                *power(design, shared, max(runs // 3, 1), 1.0, 1),
                *power(design, shared, max(runs // 3, 1), 0.7, 1),
                *power(design, shared, max(runs // 3, 1), 1.0, 2),
            ]
            alarms.append(cells[:2])
            row = f"{design[0]:>3}{design[1]:>4}{design[2]:>10}{shared:>9}  "
            row += f"{cells[0]:7.0%}{cells[1]:7.0%}"
            print(row + "".join(f"{c:{9 - n % 2}.0%}" for n, c in enumerate(cells[2:])), flush=True)
    means = np.mean(alarms, axis=0)
    print(f"\nall designs: alarm {means[0]:.2%}, under the other control {means[1]:.2%}")


def crowd(design: tuple[int, int, int], shared: int, seed: int) -> Table:
    """Return the votes of independent annotators, -1 where missing."""
    n_classes, n_annotators, per_item = design
    n_pairs, per_pair = n_annotators * (n_annotators - 1), per_item * (per_item - 1)
    random = np.random.default_rng(seed)
    right = random.uniform(0.55, 0.95, n_annotators)
    right[:3] = AVERAGE
    confusion = np.empty((n_annotators, n_classes, n_classes))
    for j in range(n_annotators):
        confusion[j] = (1 - right[j]) / (n_classes - 1)
        np.fill_diagonal(confusion[j], right[j])
    votes = simulate_annotations(
        int(np.ceil(shared * n_pairs / per_pair)),
        n_annotators,
        n_classes,
        labels_per_item=per_item,
        confusion=confusion,
        random_state=seed,
    )
    table: Table = votes.annotations.to_matrix()
    return table


def alarm(design: tuple[int, int, int], shared: int, runs: int, control: str) -> float:
    """Return how often anybody is accused in independent crowds."""
    accused = 0
    for seed in range(runs):
        votes = Annotations.from_matrix(crowd(design, shared, seed), classes=range(design[0]))
        accused += bool(dependence_report(votes, control=control).copiers)
    return accused / runs


def power(
    design: tuple[int, int, int], shared: int, runs: int, rate: float, n_copiers: int
) -> tuple[float, float]:
    """Return how often a copier is found with the source or another, and how often others are."""
    found, others = 0, 0
    for seed in range(runs):
        table = crowd(design, shared, 10_000 + seed)
        random = np.random.default_rng(seed)
        for copier in range(1, 1 + n_copiers):
            where = np.ones(len(table), dtype=bool)  # two copy the choice of items, too
            if n_copiers == 1:
                where = (table[:, 0] >= 0) & (table[:, 1] >= 0) & (random.random(len(table)) < rate)
            table[where, copier] = table[where, 0]
        votes = Annotations.from_matrix(table, classes=range(design[0]))
        copiers = dependence_report(votes).copiers
        inside = [max(pair) <= n_copiers for pair in copiers]
        found += any(inside)
        others += not all(inside)
    return found / runs, others / runs


if __name__ == "__main__":
    main()
