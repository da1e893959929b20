"""Draw confidence beside accuracy for three fits: python docs/figures/reliability.py."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import numpy as np

from aggregate import Auto, DawidSkene, load_dataset
from aggregate.plotting import plot_reliability

OUT = Path(__file__).with_suffix(".png")


def main() -> None:
    """Fit the demo set by the textbook, by default and by several models at once."""
    demo = load_dataset("demo")
    models = {
        "DawidSkene, ρ = 0": DawidSkene(annotator_correlation=0),
        "DawidSkene": DawidSkene(),
        "Auto": Auto(),
    }
    soft = {name: model.fit(demo.annotations).probas_ for name, model in models.items()}
    truth = np.searchsorted(demo.annotations.classes, demo.truth)
    plot_reliability(soft, truth).savefig(OUT, dpi=80)


if __name__ == "__main__":
    main()
