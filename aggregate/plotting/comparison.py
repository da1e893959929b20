"""Models side by side: how right, how honest, how fast."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from aggregate.inspection import Comparison, ComparisonRow
from aggregate.plotting._style import BLACK, BLUE, GREY, ORANGE, PALE, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW_HEIGHT = 0.21  # inches
_MARGINS = 1.5
_PANEL_WIDTH = 2.9
_NAMES_WIDTH = 1.7

Value = Callable[[ComparisonRow], "float | None"]


def plot_comparison(found: Comparison, *, figure: Figure | None = None) -> Figure:
    """Draw models side by side: how right, how honest, how fast.

    One row per model, the best above; models that could not be fitted are left out. The panels
    are accuracy and log loss where the truth is known, the prediction of labels set aside where
    labels were, and seconds. The dashed line is majority vote. Bars are two standard errors of
    the distance to it: a model whose bar crosses the line may be there by luck.

    Parameters
    ----------
    found : Comparison
        From `aggregate.compare`.
    figure : matplotlib Figure, optional
        An empty one to draw into; its size is set. By default a new one from pyplot.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> from aggregate import compare, load_dataset
    >>> from aggregate.plotting import plot_comparison
    >>> demo = load_dataset("demo")
    >>> figure = plot_comparison(compare(demo.annotations, ["wawa", "glad"], demo.truth))
    >>> [panel.get_xlabel() for panel in figure.axes]
    ['accuracy, %', 'log loss', 'seconds']
    """
    rows = _ordered(found)
    panels = _panels(found)
    figure = new_figure() if figure is None else figure
    figure.set_size_inches(
        _NAMES_WIDTH + _PANEL_WIDTH * len(panels), _MARGINS + _ROW_HEIGHT * len(rows)
    )
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for panel, (label, value, gain, error) in zip(axes, panels, strict=True):
        _draw_panel(panel, rows, found.rows[0], (value, gain, error))
        panel.set_xlabel(label)
    axes[-1].set_xscale("log")
    axes[0].set_yticks(range(len(rows)), [row.model for row in rows])
    axes[0].set_ylim(len(rows) - 0.5, -0.5)
    figure.suptitle(_title(found), fontsize="medium")
    _add_legend(figure)
    return figure


def _ordered(found: Comparison) -> list[ComparisonRow]:
    """Return the models that were fitted, the best first."""
    fitted = [row for row in found.rows if row.problem is None]
    key = "accuracy" if found.n_known else "held_out" if found.n_held_out else None
    if key is None:
        return fitted
    values = [getattr(row, key) for row in fitted]
    order = sorted(
        range(len(fitted)), key=lambda r: float("inf") if values[r] is None else -values[r]
    )
    return [fitted[r] for r in order]


def _panels(found: Comparison) -> list[tuple[str, Value, Value, Value]]:
    """Return label, value, gain on the vote and its standard error of each panel."""

    def nothing(row: ComparisonRow) -> None:
        return None

    panels: list[tuple[str, Value, Value, Value]] = []
    if found.n_known:
        panels += [
            (
                "accuracy, %",
                lambda row: _percent(row.accuracy),
                lambda row: _percent(row.gain),
                lambda row: _percent(row.gain_error),
            ),
            ("log loss", lambda row: row.log_loss, nothing, nothing),
        ]
    if found.n_held_out:
        panels.append(
            (
                "log probability of labels set aside",
                lambda row: row.held_out,
                lambda row: row.held_out_gain,
                lambda row: row.held_out_gain_error,
            )
        )
    if not panels:
        panels.append(
            ("differs from the vote, %", lambda row: _percent(row.disagreement), nothing, nothing)
        )
    shortest = 1e-4  # seconds; the clock tells no less apart
    panels.append(("seconds", lambda row: max(row.seconds or 0.0, shortest), nothing, nothing))
    return panels


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _draw_panel(
    panel: Axes, rows: list[ComparisonRow], baseline: ComparisonRow, of: tuple[Value, Value, Value]
) -> None:
    """Draw one value per model, and majority vote's as a line."""
    value, gain, error = of
    line = value(baseline)
    if line is not None:
        panel.axvline(line, color=BLACK, linestyle="--", linewidth=0.9)
    for place, row in enumerate(rows):
        x = value(row)
        if x is not None:
            spread = 2 * (error(row) or 0.0)
            style = _STYLES[_standing(gain(row), spread, row is baseline)]
            panel.errorbar(x, place, xerr=spread or None, markersize=5, capsize=2, **style)
    panel.grid(color=PALE, linewidth=0.6)
    panel.set_axisbelow(True)


_STYLES: Final[dict[str, dict[str, Any]]] = {
    "majority vote": {"marker": "D", "color": BLACK},
    "ahead of it": {"marker": "o", "color": BLUE},
    "may be luck": {"marker": "o", "color": GREY, "markerfacecolor": "white"},
    "behind": {"marker": "s", "color": ORANGE},
    "": {"marker": "o", "color": GREY},
}


def _standing(gain: float | None, spread: float, is_baseline: bool) -> str:
    """Return how a model stands to majority vote."""
    if is_baseline:
        return "majority vote"
    if gain is None:
        return ""
    return "ahead of it" if gain > spread else "behind" if gain < -spread else "may be luck"


def _add_legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], linestyle="none", label=name, **style)
        for name, style in _STYLES.items()
        if name
    ]
    figure.legend(handles=marks, loc="outside lower center", ncols=len(marks), frameon=False)


def _title(found: Comparison) -> str:
    parts = [f"{found.n_items:,} items"]
    if found.n_known:
        parts.append(f"{found.n_known:,} with known truth")
    if found.n_held_out:
        parts.append(f"{found.n_held_out:,} labels set aside in turn")
    return ", ".join(parts)
