"""Is what is said with 90 % right nine times in ten? Confidence beside accuracy, as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate.metrics import ReliabilityCurve, log_loss, reliability_curve
from aggregate.plotting._style import (
    BLACK,
    BLUE,
    GREY,
    ORANGE,
    SMALL,
    add_grid,
    need_matplotlib,
    own_figure,
    short,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PER_ROW = 4
_STRIPS = 20  # bars of the histogram over the whole range


def plot_reliability(
    probas: ArrayLike | Mapping[str, Any],
    truth: ArrayLike,
    *,
    n_bins: int = 10,
    level: float = 0.95,
    figure: Figure | None = None,
) -> Figure:
    """Draw how often decisions of like confidence are right.

    The items are cut into bins of equal numbers by confidence (`reliability_curve`); each is a
    mark at its mean confidence and its share of right decisions, with bounds. On the
    diagonal a crowd is as right as it says. Bins whose bounds leave it are squares: below it the
    soft labels claim too much, above too little. The strip below counts items by confidence.

    Parameters
    ----------
    probas : array-like of shape (N, K), or mapping of name to such arrays
        Soft labels; of several models, side by side.
    truth : array-like of int, shape (N,)
        Class codes; items with -1 do not count.
    n_bins : int, default=10
        Bins; fewer where there are fewer items or confidences.
    level : float, default=0.95
        Of the bounds.
    figure : matplotlib Figure, optional
        An empty one (or subfigure) to draw into. By default a new one from pyplot.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ImportError
        Without matplotlib.
    ValueError
        If the shapes disagree, a row is no distribution or no truth is known.

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate.plotting import plot_reliability
    >>> sure, unsure = np.tile([0.9, 0.1], (60, 1)), np.tile([0.6, 0.4], (60, 1))
    >>> figure = plot_reliability({"sure": sure, "unsure": unsure}, [0, 0, 1] * 20)
    >>> figure.axes[0].get_title().splitlines()
    ['sure', 'log loss 0.84']
    """
    need_matplotlib()
    models: Mapping[str, Any] = probas if isinstance(probas, Mapping) else {"": probas}
    if not models:
        raise ValueError("probas names no model; there is nothing to draw.")
    curves = {
        name: reliability_curve(soft, truth, n_bins=n_bins, level=level)
        for name, soft in models.items()
    }
    known = np.asarray(truth) >= 0
    floor = _floor(models)
    above, below, figure = _panels(len(models), figure)
    for place, (name, soft) in enumerate(models.items()):
        _draw_curve(above[place], curves[name], floor)
        loss = f"log loss {log_loss(soft, truth):.2f}"
        above[place].set_title(f"{short(name, 30)}\n{loss}".strip(), fontsize=9)
        _draw_strip(below[place], np.asarray(soft)[known].max(axis=1), floor)
        if place % _PER_ROW:
            above[place].tick_params(labelleft=False)
        else:
            above[place].set_ylabel(f"accuracy, {level:.0%} bounds")
            below[place].set_ylabel("items", fontsize=SMALL)
    _level_floors(above)
    _add_legend(figure)
    return figure


def _panels(n_models: int, figure: Figure | None) -> tuple[list[Axes], list[Axes], Figure]:
    """Return the axes of the curves, those of the strips below them, and their figure."""
    n_columns = min(n_models, _PER_ROW)
    n_rows = -(-n_models // n_columns)
    figure, _ = own_figure(figure, 0.7 + 2.9 * n_columns, 3.9 * n_rows)
    grid = figure.subplots(
        2 * n_rows, n_columns, squeeze=False, sharex=True, height_ratios=[4, 1] * n_rows
    )
    above, below = grid[::2].ravel().tolist(), grid[1::2].ravel().tolist()
    for axes in above[n_models:] + below[n_models:]:
        axes.set_axis_off()
    return above[:n_models], below[:n_models], figure


def _level_floors(panels: list[Axes]) -> None:
    """Give all panels the same range of accuracy."""
    least = min(panel.get_ylim()[0] for panel in panels)
    for panel in panels:
        panel.set_ylim(least, 1.02)


def _floor(models: Mapping[str, Any]) -> float:
    """Return the least confidence that is possible in any of the models, where axes begin."""
    n_classes = max(np.shape(soft)[1] for soft in models.values())
    return 0.0 if n_classes == 1 else 1 / n_classes


def _draw_curve(axes: Axes, curve: ReliabilityCurve, floor: float) -> None:
    axes.plot([0, 1], [0, 1], color=BLACK, linestyle="--", linewidth=0.9, zorder=1)
    away = (curve.low > curve.confidence) | (curve.high < curve.confidence)
    axes.plot(curve.confidence, curve.accuracy, color=GREY, linewidth=0.8, zorder=2)
    for place, style in (
        (~away, _STYLES["as right as it says"]),
        (away, _STYLES["not so, bounds and all"]),
    ):
        x, y = curve.confidence[place], curve.accuracy[place]
        spread = np.clip([y - curve.low[place], curve.high[place] - y], 0, None)
        axes.errorbar(x, y, yerr=spread, linestyle="none", markersize=5, capsize=2, **style)
    axes.set_xlim(floor - 0.02, 1.02)
    axes.set_ylim(min(floor, float(curve.low.min())) - 0.02, 1.02)
    add_grid(axes)


_STYLES: dict[str, dict[str, Any]] = {
    "as right as it says": {"marker": "o", "color": BLUE},
    "not so, bounds and all": {"marker": "s", "color": ORANGE},
}


def _draw_strip(axes: Axes, confidence: NDArray[np.float64], floor: float) -> None:
    axes.hist(confidence, bins=_STRIPS, range=(floor, 1.0), color=GREY, edgecolor="white")
    axes.set_xlabel("confidence")
    axes.tick_params(labelbottom=True, labelsize=SMALL)
    axes.spines[["top", "right"]].set_visible(False)


def _add_legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D

    marks = [Line2D([], [], linestyle="none", label=name, **s) for name, s in _STYLES.items()]
    figure.legend(handles=marks, loc="outside lower center", ncols=2, frameon=False, fontsize=SMALL)
