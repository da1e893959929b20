"""Draw the picture of the page on comparing: python docs/figures/comparison.py."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from aggregate import compare, load_dataset
from aggregate.plotting import plot_comparison

OUT = Path(__file__).with_suffix(".png")

MODELS = ("wawa", "iterative-weighted-vote", "dawid-skene", "glad", "one-coin", "pooled", "crh",
          "kos", "flying-squid", "hierarchical", "mace", "bwa")  # fmt: skip


def main() -> None:
    """Compare some models on the demo set, with its truth and by prediction."""
    demo = load_dataset("demo")
    found = compare(demo.annotations, MODELS, demo.truth, n_folds=5)
    plot_comparison(found).savefig(OUT, dpi=80)


if __name__ == "__main__":
    main()
