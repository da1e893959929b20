"""Draw the captured table of benchmarks/next_labels.py: python docs/figures/budget.py."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from aggregate.plotting import plot_budget

OUT = Path(__file__).with_suffix(".png")
TABLE = Path(__file__).parents[1] / "tables" / "next_labels.txt"
NAMES, WAYS = 22, 14  # widths of the table's first columns


def main() -> None:
    """Draw one panel per crowd, one line per way of choosing labels."""
    percent, crowds = read()
    figure = plt.figure(figsize=(9.6, 5.6), layout="constrained")
    grid = figure.subplots(2, 3, sharex=True)
    for axes, (name, curves) in zip(grid.flat, crowds.items(), strict=True):
        plot_budget(curves, percent, axes=axes)
        axes.set_title(name, fontsize=10)
        axes.set(xlabel="", ylabel="")
        if axes is not grid[0, 0]:
            axes.get_legend().remove()
    figure.supxlabel("labels bought, % of those taken away", fontsize=10)
    figure.supylabel("items decided wrongly, %", fontsize=10)
    figure.savefig(OUT, dpi=80)


def read() -> tuple[list[float], dict[str, dict[str, list[float]]]]:
    """Return the per cent of labels bought, and the share of wrong items by crowd and way."""
    lines = [line for line in TABLE.read_text().splitlines() if line[NAMES + WAYS :].strip()]
    heads = next(place for place, line in enumerate(lines) if line.endswith("labels saved"))
    percent = [float(word) for word in lines[heads].split()[:-2]]
    crowds: dict[str, dict[str, list[float]]] = {}
    name = ""
    for line in lines[heads + 1 :]:
        words = line[NAMES + WAYS :].split()[: len(percent)]
        if line.startswith("labels saved"):
            break
        name = line[:NAMES].strip() or name
        way = line[NAMES : NAMES + WAYS].strip()
        crowds.setdefault(name, {})[way] = [float(word) / 100 for word in words]
    return percent, crowds


if __name__ == "__main__":
    main()
