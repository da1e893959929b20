"""Draw the map of the demo set's annotators: python docs/figures/annotators.py."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from aggregate import DawidSkene, load_dataset, uncertainty
from aggregate.plotting import plot_annotators

OUT = Path(__file__).with_suffix(".png")


def main() -> None:
    """Fit the demo set and draw its annotators with their intervals."""
    votes = load_dataset("demo").annotations
    model = DawidSkene().fit(votes)
    plot_annotators(model, votes, intervals=uncertainty(model, votes)).savefig(OUT, dpi=80)


if __name__ == "__main__":
    main()
