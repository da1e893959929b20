"""Draw five anaesthetists' confusions with intervals: python docs/figures/confusions.py."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from aggregate import DawidSkene, load_dataset, uncertainty
from aggregate.plotting import plot_confusions

OUT = Path(__file__).with_suffix(".png")


def main() -> None:
    """Fit the set of 1979 and draw what each observer says for each true class."""
    votes = load_dataset("anesthesia").annotations
    model = DawidSkene().fit(votes)
    plot_confusions(model, intervals=uncertainty(model, votes)).savefig(OUT, dpi=80)


if __name__ == "__main__":
    main()
