"""Draw what the strength of GeoCrowdNet's regularisers does: python docs/figures/geocrowdnet.py.

Planted mixtures of four classes, 1500 items with one label each by five annotators, as in
``benchmarks/ccem_defaults.py``, whose generator draws them; ten of each. Weak penalties (alpha 1,
one pseudo-label), so that the regulariser decides. Lines are means, bands their standard errors.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

from aggregate import CCEMClassifier

FOLDER = Path(__file__).parent
sys.path.append(str(FOLDER.parents[1] / "benchmarks"))
from ccem_defaults import MIXTURES, draw  # noqa: E402

STRENGTHS = np.array([0, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1])
REGULARIZERS = (("geocrowdnet-f", "F", "#0072b2", "o"), ("geocrowdnet-w", "W", "#d55e00", "s"))
TITLES = {
    "anchors": "anchor points only",
    "specialists": "specialists only",
    "both": "both",
    "neither": "neither",
}
SEEDS = range(10)


def main() -> None:
    """Write geocrowdnet.png."""
    warnings.simplefilter("ignore", UserWarning)  # about identifiability: the point of it
    figure, axes = plt.subplots(2, 4, figsize=(10, 4.6), sharex=True, layout="constrained")
    place = np.arange(len(STRENGTHS))
    for column, (name, (anchors, specialists)) in enumerate(MIXTURES.items()):
        crowds = [draw(anchors, specialists, 5, 1, seed) for seed in SEEDS]
        for kind, letter, colour, marker in REGULARIZERS:
            found = np.array([[errors(crowd, kind, s) for s in STRENGTHS] for crowd in crowds])
            mean = found.mean(axis=0)
            error = found.std(axis=0, ddof=1) / np.sqrt(len(crowds))
            for row in range(2):
                line = axes[row, column]
                line.plot(place, mean[:, row], color=colour, marker=marker, ms=4, label=letter)
                low, high = mean[:, row] - error[:, row], mean[:, row] + error[:, row]
                line.fill_between(place, low, high, color=colour, alpha=0.2, lw=0)
        axes[0, column].set_title(TITLES[name], fontsize=10)
        axes[1, column].set_xlabel("λ")
        axes[1, column].set_xticks(place, [f"{s:g}" for s in STRENGTHS], rotation=60)
    axes[0, 0].set_ylabel("confusion in the\nwrong place")
    axes[1, 0].set_ylabel("test items right (%)")
    axes[0, 0].legend(frameon=False)
    figure.savefig(FOLDER / "geocrowdnet.png", dpi=110)


def errors(crowd: object, kind: str, strength: float) -> NDArray[np.float64]:
    """Return the error of the confusions and the test accuracy."""
    model = CCEMClassifier(
        regularizer=kind, regularization=float(strength), alpha=1.0, prior_strength=1.0
    ).fit(crowd.X, crowd.votes)
    wrong = np.abs(model.confusion_ - crowd.confusion).sum(axis=2).mean() / 2
    return np.array([wrong, 100 * model.score(crowd.X_test, crowd.y_test)])


if __name__ == "__main__":
    main()
