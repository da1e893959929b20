"""How a fit climbed: its objective pass by pass, and how far it was from where it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aggregate.plotting._style import SERIES, SMALL, add_grid, need_matplotlib, own_figure, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Float = NDArray[np.float64]


def plot_objective(model: Any, *, figure: Figure | None = None) -> Figure:
    """Draw the objective after each pass, and how far below its highest value it still was.

    The second panel is logarithmic: a straight line is linear convergence, and a path that ends
    while it falls steeply was stopped too early. Several fits of one objective to the same votes
    (starts, accelerations) can share the picture; other objectives cannot be compared.

    Parameters
    ----------
    model : fitted aggregator with ``objective_path_``, array-like of shape (passes,), or mapping
        The path to draw; a mapping names several.
    figure : matplotlib Figure, optional
        An empty one (or subfigure) to draw into. By default a new one from pyplot.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ImportError
        Without matplotlib.
    TypeError
        If the model keeps no path.
    ValueError
        If a path is empty or not finite.

    Examples
    --------
    >>> from aggregate import DawidSkene, load_dataset
    >>> from aggregate.plotting import plot_objective
    >>> model = DawidSkene().fit(load_dataset("anesthesia").annotations)
    >>> figure = plot_objective(model)
    >>> [panel.get_ylabel() for panel in figure.axes]
    ['objective', 'below its highest value']
    """
    need_matplotlib()
    models: Mapping[Any, Any] = model if isinstance(model, Mapping) else {"": model}
    if not models:
        raise ValueError("no fit is named; there is nothing to draw.")
    paths = {_text(name, given): _path(given) for name, given in models.items()}
    figure, _ = own_figure(figure, 7.6, 3.2)
    climb, gap = figure.subplots(1, 2)
    highest = max(float(path.max()) for path in paths.values())
    for place, (text, path) in enumerate(paths.items()):
        style = _style(place, len(path))
        passes = np.arange(1, len(path) + 1)
        climb.plot(passes, path, label=text, **style)
        below = highest - path
        left = below > 0
        gap.plot(passes[left], below[left], **style)
    for axes in (climb, gap):
        _draw_frame(axes, max(map(len, paths.values())))
    climb.set_ylabel("objective")
    gap.set_ylabel("below its highest value")
    if any((path < highest).any() for path in paths.values()):
        gap.set_yscale("log")
    else:
        gap.set_yticks([])
        gap.text(0.5, 0.5, "reached at once", ha="center", va="center", transform=gap.transAxes)
    if any(paths):
        climb.legend(fontsize=SMALL, frameon=False, loc="lower right")
    return figure


def _path(given: Any) -> Float:
    bare = isinstance(given, np.ndarray | list | tuple)
    if not bare and getattr(given, "objective_path_", None) is None:
        raise TypeError(
            f"{type(given).__name__} has no objective_path_; give a fitted aggregator that climbs "
            "an objective, such as DawidSkene, or the path itself."
        )
    path = np.asarray(given if bare else given.objective_path_, dtype=np.float64)
    if path.ndim != 1 or not len(path) or not np.isfinite(path).all():
        raise ValueError(
            "a path must hold finite values, one per pass and at least one; got shape "
            f"{path.shape}."
        )
    return path


def _text(name: Any, given: Any) -> str:
    """Return what the legend says of a fit: its name, and if it was stopped."""
    stopped = getattr(given, "converged_", True) is False
    return ", ".join([short(name)] * (name != "") + ["not converged"] * stopped)


def _style(place: int, n_passes: int) -> dict[str, Any]:
    colour, marker, line = SERIES[place % len(SERIES)]
    return {
        "color": colour,
        "marker": marker,
        "linestyle": line,
        "markersize": 4,
        "linewidth": 1.2,
        "markevery": max(1, n_passes // 25),
    }


def _draw_frame(axes: Axes, n_passes: int) -> None:
    from matplotlib.ticker import MaxNLocator

    add_grid(axes)
    axes.set_xlabel("pass")
    margin = max(0.03 * n_passes, 0.5)
    axes.set_xlim(1 - margin, n_passes + margin)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
