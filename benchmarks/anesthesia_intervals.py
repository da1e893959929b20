"""Intervals beside the published estimates of 1979: python benchmarks/anesthesia_intervals.py.

Maximum likelihood (no pseudo-labels) on the 45 patients of Dawid and Skene's table 1. *Published*
are their class marginals (table 2) and the error rates of observer 1 (table 3), to two digits.
"""

from __future__ import annotations

import numpy as np

from aggregate import DawidSkene, load_dataset
from aggregate.inspection import uncertainty

MARGINALS = (0.40, 0.42, 0.11, 0.07)
OBSERVER_1 = (
    (0.89, 0.11, 0.00, 0.00),
    (0.07, 0.88, 0.05, 0.00),
    (0.00, 0.34, 0.66, 0.00),
    (0.00, 0.00, 0.56, 0.44),
)


def main() -> None:
    """Print classes, observer 1 beside the publication, and the diagonals of all."""
    votes = load_dataset("anesthesia").annotations
    model = DawidSkene(prior_strength=0, tol=1e-13, max_iter=5000).fit(votes)
    found = uncertainty(model, votes)
    drawn = uncertainty(model, votes, "bootstrap", n_bootstrap=1000)
    prior, again = found.class_prior, drawn.class_prior
    print("95 % intervals: information | bootstrap (1000 draws)\n")
    print("class  published    fit  interval of the class prior")
    for k, published in enumerate(MARGINALS):
        print(f"{k + 1:5d}  {published:9.2f}  {prior.value[k]:5.3f}  {ends(prior, again, k)}")
    print("\nobserver 1\ntrue said  published    fit  interval")
    cells, others = found.confusion, drawn.confusion
    for k, y in np.ndindex(4, 4):
        place = (0, k, y)
        print(
            f"{k + 1:4d} {y + 1:4d}  {OBSERVER_1[k][y]:9.2f}  {cells.value[place]:5.3f}"
            f"  {ends(cells, others, place)}"
        )
    print("\nchance of being right in each class\nobserver true    fit  interval")
    for j, k in np.ndindex(5, 4):
        place = (j, k, k)
        print(f"{j + 1:8d} {k + 1:4d}  {cells.value[place]:5.3f}  {ends(cells, others, place)}")
    print("\nchance of being right\nobserver    fit  interval")
    for j in range(5):
        print(f"{j + 1:8d}  {found.skill.value[j]:5.3f}  {ends(found.skill, drawn.skill, j)}")


def ends(one, other, place) -> str:
    """Return both intervals."""
    return " | ".join(f"{each.low[place]:.3f} to {each.high[place]:.3f}" for each in (one, other))


if __name__ == "__main__":
    main()
