"""Draw the picture of the README: python docs/figures/anesthesia.py (needs matplotlib)."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from aggregate import DawidSkene, load_dataset

OUT = Path(__file__).with_suffix(".png")


def main() -> None:
    """Fit the built-in set and draw the confusions above and the soft labels below."""
    votes = load_dataset("anesthesia").annotations
    model = DawidSkene().fit(votes)
    figure = plt.figure(figsize=(10, 5.4), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=[1, 1.15])
    axes = top.subplots(1, votes.n_annotators, sharey=True)
    for j, axis in enumerate(axes):
        draw_confusion(axis, model.confusion_[j], model.classes_)
        right = model.annotator_skill_[j]
        axis.set_title(f"observer {model.annotators_[j]}: {right:.0%} right", fontsize=10)
        axis.set_xlabel("said")
    axes[0].set_ylabel("true class")
    draw_soft_labels(bottom.subplots(), model)
    figure.savefig(OUT, dpi=110)


def draw_confusion(axis: plt.Axes, confusion: np.ndarray, classes: np.ndarray) -> None:
    """Draw one confusion matrix with its figures in per cent."""
    axis.imshow(confusion, vmin=0, vmax=1, cmap="Blues")
    for k in range(len(classes)):
        for y in range(len(classes)):
            share = confusion[k, y]
            colour = "white" if share > 0.55 else "black"
            axis.text(y, k, f"{100 * share:.0f}", ha="center", va="center", color=colour, size=9)
    axis.set_xticks(range(len(classes)), classes)
    axis.set_yticks(range(len(classes)), classes)


def draw_soft_labels(axis: plt.Axes, model: DawidSkene) -> None:
    """Draw each patient's soft label as a stacked bar, the surest of each class first."""
    decided = model.probas_.argmax(axis=1)
    order = np.lexsort((-model.probas_.max(axis=1), decided))
    colours = plt.get_cmap("cividis")(np.linspace(0.05, 0.95, len(model.classes_)))
    foot = np.zeros(len(order))
    for k, name in enumerate(model.classes_):
        height = model.probas_[order, k]
        axis.bar(range(len(order)), height, bottom=foot, color=colours[k], width=0.9, label=name)
        foot += height
    axis.set_xticks(range(len(order)), model.items_[order], fontsize=7)
    axis.set_xlim(-0.6, len(order) - 0.4)
    axis.set_xlabel("patient")
    axis.set_ylabel("probability of each class")
    axis.legend(title="class", loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    axis.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    main()
