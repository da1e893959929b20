"""Draw how the error of confusions falls with the items: python docs/figures/moment_rates.py.

Twelve annotators, three classes, six labels per item; seeds 0 to 5. The middle line is the
geometric mean over the seeds, the band reaches from the least to the largest error. Classes are
put in the best order first, as no method can know their names from votes alone. No priors, so
that what is seen is the estimate and not a belief.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

from aggregate import (
    CoupledNMF,
    DawidSkene,
    MultiSPA,
    SpectralDawidSkene,
    SymmetricNMF,
    TensorMoments,
    simulate_annotations,
)
from aggregate.inspection import label_swaps

Float = NDArray[np.float64]

FOLDER = Path(__file__).parent
M, K, LABELS = 12, 3, 6
SIZES = (500, 2000, 8000, 32000)
SEEDS = range(6)
PLAIN: dict[str, Any] = {"prior_strength": 0, "annotator_correlation": 0}
METHODS: list[tuple[str, Any, str, str]] = [  # colours told apart with any colour vision
    ("MultiSPA", MultiSPA(**PLAIN), "#999999", "v"),
    ("SpectralDawidSkene, no EM", SpectralDawidSkene(refine=None, **PLAIN), "#cc79a7", "^"),
    ("SymmetricNMF", SymmetricNMF(floor=1e-6, **PLAIN), "#e69f00", "s"),
    ("CoupledNMF, converged", CoupledNMF(max_iter=500, tol=1e-6, **PLAIN), "#56b4e9", "D"),
    ("TensorMoments", TensorMoments(**PLAIN), "#0072b2", "o"),
    ("DawidSkene (EM)", DawidSkene(**PLAIN), "#000000", "x"),
]


def mixed(random: np.random.Generator) -> Float:
    """Draw annotators of all kinds: right 50 to 95 % of the time, wrong in their own way."""
    confusion = random.dirichlet(np.ones(K), size=(M, K))
    right = random.uniform(0.5, 0.95, size=(M, 1))
    diagonal = np.arange(K)
    confusion[:, diagonal, diagonal] = 0
    confusion *= ((1 - right) / confusion.sum(axis=2))[:, :, np.newaxis]
    confusion[:, diagonal, diagonal] = right
    return confusion


def weak(random: np.random.Generator) -> Float:
    """Draw annotators who never miss one class each and answer the others at random rates."""
    confusion = random.dirichlet(np.ones(K), size=(M, K))
    own = np.arange(M) % K
    confusion[np.arange(M), own] = np.eye(K)[own]
    return confusion


def errors(draw: Any) -> Float:
    """Return the root mean squared error of the confusions, (methods, sizes, seeds)."""
    found = np.empty((len(METHODS), len(SIZES), len(SEEDS)))
    for s, seed in enumerate(SEEDS):
        confusion = draw(np.random.default_rng(seed))
        for n, size in enumerate(SIZES):
            votes = simulate_annotations(
                size, M, K, labels_per_item=LABELS, confusion=confusion, random_state=seed
            ).annotations
            for m, (_, model, _, _) in enumerate(METHODS):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    model.fit(votes)
                order = label_swaps(confusion, model.confusion_).permutation
                gaps = model.confusion_[:, order] - confusion
                found[m, n, s] = np.sqrt(np.mean(gaps**2))
    return found


def draw_panel(axis: plt.Axes, found: Float, title: str) -> None:
    """Draw one regime."""
    for (name, _, colour, marker), values in zip(METHODS, found, strict=True):
        middle = np.exp(np.log(values).mean(axis=1))
        axis.fill_between(
            SIZES, values.min(axis=1), values.max(axis=1), color=colour, alpha=0.12, lw=0
        )
        axis.plot(SIZES, middle, color=colour, marker=marker, label=name)
        slope = np.polyfit(np.log(SIZES), np.log(middle), 1)[0]
        print(f"  {name:28}" + "".join(f"{value:9.4f}" for value in middle) + f"{slope:8.2f}")
    guide = 0.55 * np.exp(np.log(found[-1]).mean(axis=1))[0] * np.sqrt(SIZES[0] / np.array(SIZES))
    axis.plot(SIZES, guide, color="black", linestyle=":", linewidth=1.5, label="$N^{-1/2}$")
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xticks(SIZES, [f"{size:,}" for size in SIZES])
    axis.set_xticks([], minor=True)
    ticks = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2]
    axis.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.set_yticks([], minor=True)
    axis.set_title(title, fontsize=11)
    axis.set_xlabel(f"items, {LABELS} labels each")
    axis.spines[["top", "right"]].set_visible(False)


def main() -> None:
    """Draw the two regimes side by side."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.6), layout="constrained", sharey=True)
    print(f"root mean squared error at N = {SIZES}, and slope; {len(SEEDS)} seeds")
    for axis, draw, title in (
        (axes[0], mixed, "mixed annotators, 50 to 95 % right"),
        (axes[1], weak, "weak annotators, each an expert in one class"),
    ):
        print(title)
        draw_panel(axis, errors(draw), title)
    axes[0].set_ylabel("root mean squared error of a confusion entry")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    figure.savefig(FOLDER / "moment_rates.png", dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    main()
