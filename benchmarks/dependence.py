"""Copiers among simulated crowds: how often the innocent are accused, and who is found.

python benchmarks/dependence.py [RUNS]. ``shared`` is the number of items a pair has in common, on
average; annotators are right 55 to 95 % of the time. ``alarm`` is the share of independent crowds
in which any pair is accused (asked for: at most 5 %), and the share under the other control ("false
discovery"). Then come crowds with copiers, who copy an annotator of 75 % accuracy: one copies all,
or 70 %, of what they say on the items they share; two or four copy all, down to the choice of
items; three copy 70 %, the same items, and are on their own on the others. Of each,
three shares: crowds in which two of them are found; in which anybody else is accused; in which the
report says that it cannot tell whether they copy or those beside them share mistakes.
"""

from __future__ import annotations

import sys
import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate import Annotations, dependence_report, simulate_annotations

Table = NDArray[np.int64]
Design = tuple[int, int, int]


class Plan(NamedTuple):
    """How many copy, which share of the labels, and whether they choose the same items."""

    name: str
    n_copiers: int
    rate: float
    same_items: bool


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
PLANS = (
    Plan("one, all", 1, 1.0, False),
    Plan("one, 70%", 1, 0.7, False),
    Plan("two, all", 2, 1.0, True),
    Plan("four, all", 4, 1.0, True),
    Plan("three, 70%", 3, 0.7, True),
)
AVERAGE = 0.75
MANY = 10_000  # items from which fewer crowds are drawn


def main() -> None:
    """Print the table."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    warnings.simplefilter("ignore")
    print(f"shares in %; {runs} independent crowds and {runs // 2} of each kind with copiers,")
    print(f"{max(runs // 3, 1)} of each with more than {MANY:,} items")
    print("(f)ound, (o)thers accused, (c)annot be told\n")
    print(f"{'':28}{'independent':>13}" + "".join(f"{plan.name:>16}" for plan in PLANS))
    print(
        f"{'K':>3}{'M':>4}{'per item':>10}{'shared':>9}  {'alarm':>6}{'(fdr)':>7}"
        + f"{'f':>6}{'o':>5}{'c':>5}" * len(PLANS)
    )
    alarms: list[list[bool]] = [[], []]
    others: list[float] = []
    for design in DESIGNS:
        for shared in SHARED:
            few = n_items(design, shared) > MANY
            accused = [
                alarms_of(design, shared, max(runs // (3 if few else 1), 1), "family-wise"),
                alarms_of(design, shared, max(runs // (3 if few else 2), 1), "false discovery"),
            ]
            cells = [
                power(design, shared, max(runs // (3 if few else 2), 1), plan) for plan in PLANS
            ]
            others += [each[1] for each in cells]
            for every, new in zip(alarms, accused, strict=True):
                every += new
            row = f"{design[0]:>3}{design[1]:>4}{design[2]:>10}{shared:>9}  "
            row += f"{100 * np.mean(accused[0]):6.0f}{100 * np.mean(accused[1]):7.0f}"
            row += "".join(f"{100 * f:6.0f}{100 * o:5.0f}{100 * c:5.0f}" for f, o, c in cells)
            print(row, flush=True)
    means = [100 * np.mean(each) for each in alarms]
    print(f"\nall independent crowds: alarm {means[0]:.2f}, under the other control {means[1]:.2f}")
    print(f"mean of the rows with copiers: others accused {100 * np.mean(others):.2f}")


def n_items(design: Design, shared: int) -> int:
    """Return how many items give every pair so many in common, on average."""
    _, n_annotators, per_item = design
    return int(np.ceil(shared * n_annotators * (n_annotators - 1) / (per_item * (per_item - 1))))


def crowd(design: Design, shared: int, seed: int) -> Table:
    """Return the votes of independent annotators, -1 where missing."""
    n_classes, n_annotators, per_item = design
    random = np.random.default_rng(seed)
    right = random.uniform(0.55, 0.95, n_annotators)
    right[:3] = AVERAGE
    confusion = np.empty((n_annotators, n_classes, n_classes))
    for j in range(n_annotators):
        confusion[j] = (1 - right[j]) / (n_classes - 1)
        np.fill_diagonal(confusion[j], right[j])
    votes = simulate_annotations(
        n_items(design, shared),
        n_annotators,
        n_classes,
        labels_per_item=per_item,
        confusion=confusion,
        random_state=seed,
    )
    table: Table = votes.annotations.to_matrix()
    return table


def alarms_of(design: Design, shared: int, runs: int, control: str) -> list[bool]:
    """Return for each of some independent crowds whether anybody is accused."""
    accused = []
    for seed in range(runs):
        votes = Annotations.from_matrix(crowd(design, shared, seed), classes=range(design[0]))
        accused.append(bool(dependence_report(votes, control=control).copiers))
    return accused


def power(design: Design, shared: int, runs: int, plan: Plan) -> tuple[float, float, float]:
    """Return how often copiers are found, others accused, and nothing can be told."""
    found, others, open_ = 0, 0, 0
    for seed in range(runs):
        table = plant(crowd(design, shared, 10_000 + seed), plan, seed)
        report = dependence_report(Annotations.from_matrix(table, classes=range(design[0])))
        inside = [max(pair) <= plan.n_copiers for pair in report.copiers]
        found += any(inside)
        others += not all(inside)
        open_ += bool(report.undecided)
    return found / runs, others / runs, open_ / runs


def plant(table: Table, plan: Plan, seed: int) -> Table:
    """Return the votes after 1, 2, ... have copied from 0."""
    table = table.copy()
    drawn = np.random.default_rng(seed).random(len(table)) < plan.rate
    for copier in range(1, 1 + plan.n_copiers):
        both = (table[:, 0] >= 0) & (table[:, copier] >= 0)
        where = drawn if plan.same_items else drawn & both
        table[where, copier] = table[where, 0]
    return table


if __name__ == "__main__":
    main()
