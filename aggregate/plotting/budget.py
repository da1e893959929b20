"""What labels buy: error by number of labels, for several ways of choosing them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._validation import check_number
from aggregate.plotting._style import (
    BLACK,
    SERIES,
    SMALL,
    add_grid,
    figure_of,
    need_matplotlib,
    own_axes,
    short,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Float = NDArray[np.float64]


class _Curve(NamedTuple):
    labels: Float
    error: Float
    spread: Float | None


def plot_budget(
    curves: Mapping[str, Any],
    labels: ArrayLike | None = None,
    *,
    target: float | None = None,
    axes: Axes | None = None,
) -> Figure:
    """Draw the error by the number of labels bought, one line per strategy.

    Parameters
    ----------
    curves : mapping of name to array-like of shape (S,) or (D, S)
        Share of items decided wrongly after each of S steps, or of D draws: then the mean is
        drawn, and as a band two standard errors of it. The first is what the others are
        compared with.
    labels : array-like of shape (S,), optional
        Labels that had been bought at each step, rising; by default the steps are counted.
        For strategies with steps of their own, give pairs ``(labels, error)`` as curves.
    target : float, optional
        An error to reach: the legend tells the labels (interpolated) at which each strategy
        first does, and how many fewer than the first strategy.
    axes : matplotlib Axes, optional
        To draw into. By default those of a new figure from pyplot.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ImportError
        Without matplotlib.
    ValueError
        If there is no curve, shapes disagree, errors are no shares or labels do not rise.

    Examples
    --------
    >>> from aggregate.plotting import plot_budget
    >>> curves = {"random": [0.3, 0.2, 0.1], "chosen": [0.3, 0.1, 0.1]}
    >>> figure = plot_budget(curves, [0, 100, 200], target=0.1)
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['random: 200 labels', 'chosen: 100 labels, 50% fewer', '10% wrong']
    """
    need_matplotlib()
    if not curves:
        raise ValueError("curves names no strategy; there is nothing to draw.")
    if target is not None:
        check_number("target", target, low=0, high=1)
    read = {name: _read(name, given, labels) for name, given in curves.items()}
    axes = own_axes(axes, 5.6, 3.8)
    first = _reached(next(iter(read.values())), target)
    for place, (name, curve) in enumerate(read.items()):
        reached = _reached(curve, target)
        text = short(name)
        if target is not None:
            text += ": " + _told(reached, None if place == 0 else first)
        _draw_curve(axes, curve, place, text)
        if reached is not None and target is not None:
            axes.plot([reached] * 2, [0, 100 * target], color=SERIES[place % 6][0], linewidth=0.8)
    if target is not None:
        text = f"{100 * target:.3g}% wrong"
        axes.axhline(100 * target, color=BLACK, linestyle="--", linewidth=0.9, label=text)
    add_grid(axes)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("labels bought" if labels is not None or _in_pairs(curves) else "step")
    axes.set_ylabel("items decided wrongly, %")
    axes.legend(fontsize=SMALL, frameon=False)
    return figure_of(axes)


def _in_pairs(curves: Mapping[str, Any]) -> bool:
    return all(isinstance(given, tuple) for given in curves.values())


def _read(name: str, given: Any, labels: ArrayLike | None) -> _Curve:
    """Return a curve, checked."""
    steps: Any = labels
    if isinstance(given, tuple) and len(given) == 2:
        steps, given = given
    values = np.atleast_2d(np.asarray(given, dtype=np.float64))
    if values.ndim != 2 or not values.size or not ((values >= 0) & (values <= 1)).all():
        raise ValueError(
            f"the curve {name!r} must hold shares of wrong items, between 0 and 1, of shape "
            f"(steps,) or (draws, steps); got shape {values.shape}."
        )
    at = np.arange(values.shape[1]) if steps is None else np.asarray(steps)
    if at.shape != values.shape[1:] or not np.isfinite(at).all() or (np.diff(at) <= 0).any():
        raise ValueError(
            f"labels must rise, one number per step; the curve {name!r} has {values.shape[1]} "
            f"steps, labels have shape {at.shape}."
        )
    n_draws = len(values)
    error = values.std(axis=0, ddof=1) / np.sqrt(n_draws) if n_draws > 1 else None
    return _Curve(at.astype(np.float64), values.mean(axis=0), error)


def _reached(curve: _Curve, target: float | None) -> float | None:
    """Return at how many labels a curve first comes down to the target, None if never."""
    if target is None:
        return None
    below = np.flatnonzero(curve.error <= target)
    if not len(below):
        return None
    after = int(below[0])
    if after == 0:
        return float(curve.labels[0])
    high, low = curve.error[after - 1 : after + 1]
    start, stop = curve.labels[after - 1 : after + 1]
    return float(start + (stop - start) * (high - target) / (high - low))


def _told(reached: float | None, first: float | None) -> str:
    if reached is None:
        return "not reached"
    text = f"{reached:,.0f} labels"
    if first is None or first <= 0:
        return text
    saved = 1 - reached / first
    return f"{text}, {abs(saved):.0%} {'fewer' if saved >= 0 else 'more'}"


def _draw_curve(axes: Axes, curve: _Curve, place: int, text: str) -> None:
    colour, marker, line = SERIES[place % len(SERIES)]
    error = 100 * curve.error
    axes.plot(
        curve.labels,
        error,
        color=colour,
        marker=marker,
        linestyle=line,
        markersize=4,
        linewidth=1.3,
        markevery=max(1, len(error) // 25),
        label=text,
    )
    if curve.spread is not None:
        low, high = error - 200 * curve.spread, error + 200 * curve.spread
        axes.fill_between(curve.labels, np.maximum(low, 0), high, color=colour, alpha=0.15, lw=0)
