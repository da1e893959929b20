"""The crowd at a glance: how right, how busy and how biased each annotator is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aggregate.plotting._crowd import bounds, read_volume
from aggregate.plotting._style import (
    BLACK,
    GREY,
    SERIES,
    SMALL,
    add_grid,
    count_ticks,
    need_matplotlib,
    own_figure,
    short,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Float = NDArray[np.float64]

_NAMED = 12  # annotators up to whom names are written
_BARRED = 60  # with interval bars
_DOTTED = 300  # each a mark of its own; above, counted in cells
_CLEAR = 0.1  # bias that is marked
_APART = 0.035  # of the axis' width, between annotators who stand side by side, at most
_SEEN = 0.05  # of a volume: beyond it a mark is told to be moved
_SPREAD = 0.5  # of the width, which all of them take up together, at most


def plot_annotators(
    model: Any, annotations: Any, *, intervals: Any = None, figure: Figure | None = None
) -> Figure:
    r"""Draw a map of the annotators: skill by number of labels, and bias.

    An annotator with confusion A says class y with probability :math:`p_y = \sum_k \pi_k A[k, y]`;
    the bias is the share of labels given to classes beyond their own,
    :math:`\sum_y \max(p_y - \pi_y, 0)`. Up to 300 annotators each is a mark, which tells the
    class that is named too often if the bias is above a tenth, and grows with the bias. Above,
    cells tell how many annotators are there, and in a second panel their mean bias. The
    dashed line is the skill of naming always the most frequent class; whoever gave no label is
    left out. Annotators who gave equally many labels stand side by side, in the order of their
    skill. Up to 12 annotators have their names.

    Parameters
    ----------
    model : fitted aggregator with ``annotator_skill_``
        Without ``confusion_`` nothing is told of the bias.
    annotations : Annotations or array-like of shape (M,)
        What it was fitted to, or the number of labels of each annotator.
    intervals : Uncertainty, optional
        From `aggregate.uncertainty`: bars, for up to 60 annotators.
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
        If the model has no skills.
    ValueError
        If the annotators are others than the model's, or gave no label at all.

    Examples
    --------
    >>> from aggregate import DawidSkene, load_dataset
    >>> from aggregate.plotting import plot_annotators
    >>> votes = load_dataset("demo").annotations
    >>> figure = plot_annotators(DawidSkene().fit(votes), votes)
    >>> figure.axes[0].get_xlabel(), figure.axes[0].get_xscale()
    ('labels (equal numbers stand side by side)', 'log')
    """
    need_matplotlib()
    if not hasattr(model, "annotator_skill_"):
        raise TypeError(
            f"{type(model).__name__} has no annotator_skill_; give a fitted aggregator."
        )
    skill = np.asarray(model.annotator_skill_, dtype=np.float64)
    volume = read_volume(annotations, model.annotators_)
    active = np.flatnonzero(volume)
    if not len(active):
        raise ValueError("no annotator gave a label; there is nothing to draw.")
    excess = _excess(model)
    if len(active) > _DOTTED:
        bias = None if excess is None else _bias(excess[active])
        figure = _draw_cells(volume[active], skill[active], bias, figure)
        panels = figure.axes[: 1 if bias is None else 2]
    else:
        ends = None if intervals is None else bounds(intervals, "skill", skill.shape)
        figure, _ = own_figure(figure, 6.4, 4.4)
        panels = [figure.subplots()]
        x = _side_by_side(volume[active].astype(np.float64), skill[active])
        if len(active) <= _NAMED:
            low = skill if ends is None else ends[0]
            _write_names(panels[0], model.annotators_[active], x, low[active])
        if ends is not None and len(active) <= _BARRED:
            low, high = ends[0][active], ends[1][active]
            panels[0].vlines(x, low, high, color=GREY, linewidth=0.9, zorder=1)
        _draw_marks(panels[0], model, x, skill, excess, active)
    for panel in panels:
        _draw_frame(panel, model, skill[active], volume[active])
    if len(active) <= _DOTTED and not np.allclose(x, volume[active], rtol=_SEEN):
        panels[0].set_xlabel("labels (equal numbers stand side by side)")
    told = ": probability of the right label" if hasattr(model, "confusion_") else ""
    panels[0].set_ylabel(f"skill{told}")
    return figure


def _excess(model: Any) -> Float | None:
    """Return by how much each annotator names each class too often, shape (M, K)."""
    if not hasattr(model, "confusion_"):
        return None
    said = np.einsum("k,jky->jy", model.class_prior_, model.confusion_)
    return np.asarray(said - model.class_prior_)


def _bias(excess: Float) -> Float:
    return np.asarray(np.maximum(excess, 0).sum(axis=1))


def _side_by_side(volume: Float, skill: Float) -> Float:
    """Return where annotators of one volume stand side by side about it, by their skill.

    Those with names need more room, and also have those of nearly their volume beside them.
    """
    named = len(volume) <= _NAMED
    order = np.lexsort((skill, volume))
    place = np.log(volume[order])
    gap = min(_APART, _SPREAD / len(volume)) * (place[-1] - place[0] + np.log(2))
    steps = np.diff(place, prepend=-np.inf)
    starts = np.flatnonzero(steps >= gap if named else steps > 0)
    for start, stop in zip(starts, [*starts[1:], len(place)], strict=True):
        seats = np.arange(stop - start) - (stop - start - 1) / 2
        if stop - start > 1:
            place[start:stop] = place[start:stop].mean() + gap * seats
    moved = volume.copy()
    moved[order] = np.exp(place)
    return np.where(np.isclose(moved, volume), volume, moved)


def _draw_marks(
    axes: Axes,
    model: Any,
    x: Float,
    skill: Float,
    excess: Float | None,
    active: NDArray[np.intp],
) -> None:
    """Draw one mark per annotator, by the class that is named too often."""
    rank, legend = _kinds(model, excess, active)
    size = np.full(len(active), 24.0)
    if excess is not None:
        size += 160.0 * _bias(excess[active])
    for place, text in legend.items():
        colour, marker, _ = SERIES[place] if place >= 0 else (GREY, "o", "-")
        here = rank == place
        axes.scatter(
            x[here],
            skill[active[here]],
            s=size[here],
            marker=marker,
            facecolor=colour if place >= 0 else "white",
            edgecolor=colour,
            linewidth=0.9,
            alpha=0.85,
            label=text,
            zorder=2,
        )


def _kinds(
    model: Any, excess: Float | None, active: NDArray[np.intp]
) -> tuple[NDArray[np.intp], dict[int, str]]:
    """Return the sort of mark of each active annotator, and what each sort stands for.

    -1 is no clear bias; 0, 1, ... the classes most often named too often; the last, all others.
    """
    if excess is None:
        return np.full(len(active), -1), {-1: "annotators"}
    mine = excess[active]
    favourite = np.where(_bias(mine) > _CLEAR, mine.argmax(axis=1), -1)
    counts = np.bincount(favourite[favourite >= 0], minlength=mine.shape[1])
    order = [k for k in np.argsort(-counts, kind="stable").tolist() if counts[k]]
    last = len(SERIES) - 1
    rank = np.full(len(active), -1)
    legend = {-1: "no clear bias"} if (favourite < 0).any() else {}
    names = model.classes_.tolist()
    for place, k in enumerate(order):
        rank[favourite == k] = min(place, last)
        alone = place < last or len(order) == len(SERIES)
        legend[min(place, last)] = (
            f"says {short(names[k])!r} too often" if alone else "says another class too often"
        )
    return rank, legend


def _write_names(axes: Axes, names: NDArray[Any], x: Float, below: Float) -> None:
    """Write names upright below the marks or bars, where they take least room."""
    for name, place, end in zip(names.tolist(), x.tolist(), below.tolist(), strict=True):
        axes.annotate(
            short(name),
            (place, end),
            xytext=(0, -8),
            textcoords="offset points",
            ha="center",
            va="top",
            rotation=90 if len(str(name)) > 2 else 0,
            fontsize=SMALL,
        )


def _draw_cells(
    volume: NDArray[np.int64], skill: Float, bias: Float | None, figure: Figure | None
) -> Figure:
    """Draw how many annotators are where, and their mean bias."""
    n_panels = 1 if bias is None else 2
    figure, _ = own_figure(figure, 5.4 * n_panels, 4.4)
    panels = figure.subplots(1, n_panels, sharex=True, sharey=True, squeeze=False)[0]
    cells: dict[str, Any] = {"xscale": "log", "gridsize": (24, 12), "linewidths": 0.2, "mincnt": 1}
    count = panels[0].hexbin(volume, skill, bins="log", cmap="viridis_r", **cells)
    figure.colorbar(count, ax=panels[0], label="annotators")
    if bias is not None:
        mean = panels[1].hexbin(volume, skill, C=bias, cmap="viridis_r", **cells)
        mean.set_clim(0, max(float(np.max(mean.get_array())), 0.01))
        figure.colorbar(mean, ax=panels[1], label="mean bias (share of labels moved)")
    return figure


def _draw_frame(panel: Axes, model: Any, skill: Float, volume: NDArray[np.int64]) -> None:
    """Label the axes and draw the skill of naming always the most frequent class."""
    from matplotlib.collections import PathCollection

    add_grid(panel)
    panel.set_xscale("log")
    count_ticks(panel.xaxis)
    panel.set_xlabel("labels")
    panel.set_xlim(volume.min() / 1.4, volume.max() * 1.4)
    crowded = len(skill) > _DOTTED
    if not crowded and skill.min() >= 0 and skill.max() <= 1:
        panel.set_ylim(-0.02, 1.02)
    prior = getattr(model, "class_prior_", None)
    least = skill.min() - 0.1 if crowded else -np.inf
    if prior is not None and len(prior) > 1 and np.max(prior) > least:
        line: dict[str, Any] = {"color": BLACK, "linestyle": "--", "linewidth": 0.9}
        panel.axhline(float(np.max(prior)), label="always the most frequent class", **line)
    if panel.get_legend_handles_labels()[0]:
        legend = panel.legend(
            fontsize=SMALL, frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2
        )
        for mark in legend.legend_handles:
            if isinstance(mark, PathCollection):
                mark.set_sizes([30.0])
