"""Draw who agrees beyond skill in a planted crowd: python docs/figures/dependence.py."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from aggregate import Annotations, dependence_report, simulate_annotations
from aggregate.plotting import plot_dependence

OUT = Path(__file__).with_suffix(".png")


def main() -> None:
    """Draw the crowd of the page on dependence, in which 1 and 2 copy from 0."""
    crowd = simulate_annotations(400, 12, 3, labels_per_item=6, accuracy=0.75, random_state=0)
    table = crowd.annotations.to_matrix()
    table[:, 1] = table[:, 2] = table[:, 0]
    report = dependence_report(Annotations.from_matrix(table))
    plot_dependence(report).savefig(OUT, dpi=80)


if __name__ == "__main__":
    main()
