"""What each annotator says for each true class: confusion matrices as heat maps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._validation import check_number, first_few
from aggregate.plotting._crowd import Crowd, bounds, read_crowd, read_volume
from aggregate.plotting._style import SMALL, ink_on, name_ticks, need_matplotlib, own_figure, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

Float = NDArray[np.float64]

_ALL = 12  # annotators up to whom each has a panel unasked
_WIDEST = 12.4  # inches
_MOST_WRITTEN = 12  # classes up to which figures are written into the cells
_TENTHS = (0.1, 0.9)


class _Panel(NamedTuple):
    title: str
    value: Float
    low: Float | None
    high: Float | None


def plot_confusions(
    model: Any,
    annotators: int | str | Iterable[Any] | None = None,
    *,
    annotations: Any = None,
    intervals: Any = None,
    classes: ArrayLike | None = None,
    figure: Figure | None = None,
) -> Figure:
    """Draw confusion matrices, truth in the rows, in per cent of each row.

    A crowd that is too large for a panel each is drawn as one: in every cell the median of the
    annotators, and below it the range in which four in five of them lie.

    Parameters
    ----------
    model : fitted aggregator with ``confusion_``, or array-like of shape (M, K, K)
    annotators : int, "crowd" or iterable of names, optional
        The most active so many, the crowd as one, or those named (codes, for an array). By
        default everybody up to 12, above that the crowd.
    annotations : Annotations or array-like of shape (M,), optional
        What the model was fitted to, or the numbers of labels: who is most active, and written
        above the panels. Not needed beside intervals, which know it.
    intervals : Uncertainty, optional
        From `aggregate.uncertainty`; written below the figures. (Or anything with arrays ``low``
        and ``high`` of shape (M, K, K).)
    classes : array-like of shape (K,), optional
        Names; by default the model's.
    figure : matplotlib Figure, optional
        An empty one (or subfigure) to draw into. By default a new one from pyplot, as large as
        it needs.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ImportError
        Without matplotlib.
    TypeError
        If the model has no confusions.
    ValueError
        If an annotator is unknown, shapes disagree, or nobody knows who is most active.

    Examples
    --------
    >>> from aggregate import DawidSkene, load_dataset, uncertainty
    >>> from aggregate.plotting import plot_confusions
    >>> votes = load_dataset("anesthesia").annotations
    >>> model = DawidSkene().fit(votes)
    >>> figure = plot_confusions(model, [1, 2], intervals=uncertainty(model, votes))
    >>> figure.axes[0].get_title().splitlines()
    ['annotator 1', '87% right, 135 labels']
    """
    need_matplotlib()
    crowd = read_crowd(model, classes)
    volume = _volume(crowd, annotations, intervals)
    chosen = _chosen(crowd, annotators, volume)
    if chosen is None:
        panels, note = [_whole_crowd(crowd, volume)], "small figures: four in five annotators"
    else:
        panels, note = _single(crowd, chosen, volume, intervals), ""
        if intervals is not None:
            level = getattr(intervals, "level", None)
            note = "small figures: " + ("intervals" if level is None else f"{level:.0%} intervals")
    return _draw(panels, crowd.classes, note, figure)


def _volume(crowd: Crowd, annotations: Any, intervals: Any) -> NDArray[np.int64] | None:
    """Return the labels of each annotator, if anything tells."""
    if annotations is None:
        annotations = getattr(intervals, "n_labels", None)
    return None if annotations is None else read_volume(annotations, crowd.annotators)


def _chosen(
    crowd: Crowd, annotators: int | str | Iterable[Any] | None, volume: NDArray[np.int64] | None
) -> NDArray[np.intp] | None:
    """Return the codes of the annotators to draw, None for the crowd as one."""
    names = crowd.annotators.tolist()
    if annotators is None:
        return np.arange(len(names)) if len(names) <= _ALL else None
    if isinstance(annotators, str):
        if annotators != "crowd":
            raise ValueError(f"annotators must be a number, 'crowd' or names; got {annotators!r}.")
        return None
    if isinstance(annotators, int | np.integer):
        check_number("annotators", annotators, low=1, integer=True)
        if volume is None:
            raise ValueError(
                "who is most active is not known: give annotations (or intervals) as well."
            )
        return np.argsort(-volume, kind="stable")[: int(annotators)]
    code = {name: place for place, name in enumerate(names)}
    wanted = list(annotators)
    unknown = [name for name in wanted if name not in code]
    if unknown or not wanted:
        raise ValueError(
            f"annotators must name annotators of the model; not among them: {first_few(unknown)}."
            if unknown
            else "annotators names nobody; there is nothing to draw."
        )
    return np.array([code[name] for name in wanted])


def _whole_crowd(crowd: Crowd, volume: NDArray[np.int64] | None) -> _Panel:
    """Return the median annotator and the tenths, of those with labels."""
    confusion = crowd.confusion
    if volume is not None and volume.any():
        confusion = confusion[volume > 0]
    low, high = np.quantile(confusion, _TENTHS, axis=0)
    middle = np.median(confusion, axis=0)
    return _Panel(f"median of {len(confusion):,} annotators", middle, low, high)


def _single(
    crowd: Crowd, chosen: NDArray[np.intp], volume: NDArray[np.int64] | None, intervals: Any
) -> list[_Panel]:
    """Return one panel per annotator."""
    low = high = None
    if intervals is not None:
        low, high = bounds(intervals, "confusion", crowd.confusion.shape)
    panels = []
    for j in chosen.tolist():
        facts = [] if crowd.skill is None else [f"{crowd.skill[j]:.0%} right"]
        if volume is not None:
            facts.append(f"{volume[j]:,} labels")
        name = crowd.annotators.tolist()[j]
        name = short(name) if isinstance(name, str) else short(f"annotator {name}")
        title = "\n".join([name, ", ".join(facts)]).strip()
        ends = (None, None) if low is None or high is None else (low[j], high[j])
        panels.append(_Panel(title, crowd.confusion[j], *ends))
    return panels


def _draw(panels: list[_Panel], classes: NDArray[Any], note: str, figure: Figure | None) -> Figure:
    n_classes = len(classes)
    cell = 0.36 if panels[0].low is None else 0.56
    largest = 4.0 if len(panels) > 1 and panels[0].low is None else 6.0
    side = float(np.clip(cell * n_classes, 1.6, largest))
    n_rows = -(-len(panels) // max(1, int(_WIDEST / (side + 0.3))))
    n_columns = -(-len(panels) // n_rows)
    width = 1.6 + n_columns * (side + 0.3)
    figure, scale = own_figure(figure, width, 0.8 + n_rows * (side + 0.6))
    grid = figure.subplots(n_rows, n_columns, squeeze=False)
    size = scale * min(10.0, 72 * side / n_classes * (0.34 if panels[0].low is None else 0.25))
    for place, (axes, panel) in enumerate(zip(grid.flat, panels, strict=False)):
        image = axes.imshow(100 * panel.value, vmin=0, vmax=100, cmap="Blues")
        axes.set_title(panel.title, fontsize=9)
        if n_classes <= _MOST_WRITTEN and size >= 5:
            _write_figures(axes, panel, size, image)
        lowest = place + n_columns >= len(panels)
        _label_sides(axes, classes, left=place % n_columns == 0, below=lowest)
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    bar = figure.colorbar(image, ax=grid, fraction=0.05, aspect=30, shrink=0.9)
    bar.set_label("% of the truth's row", fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    if note:
        figure.suptitle(note, fontsize=SMALL)
    return figure


def _label_sides(axes: Axes, classes: NDArray[Any], *, left: bool, below: bool) -> None:
    """Name the classes where no other panel stands between."""
    axes.set_xticks([])
    axes.set_yticks([])
    if left:
        name_ticks(axes, "y", classes)
        axes.set_ylabel("truth")
    if below:
        name_ticks(axes, "x", classes)
        axes.set_xlabel("label")


def _write_figures(axes: Axes, panel: _Panel, size: float, image: AxesImage) -> None:
    """Write the per cent into each cell, and below it the interval."""
    for (k, y), share in np.ndenumerate(panel.value):
        colour = ink_on(image.cmap(float(share)))
        with_ends = panel.low is not None and panel.high is not None
        place = k - 0.12 if with_ends else k
        axes.text(
            y, place, f"{100 * share:.0f}", ha="center", va="center", color=colour, fontsize=size
        )
        if panel.low is not None and panel.high is not None:
            ends = f"{100 * panel.low[k, y]:.0f}–{100 * panel.high[k, y]:.0f}"
            axes.text(
                y,
                k + 0.26,
                ends,
                ha="center",
                va="center",
                color=colour,
                fontsize=max(5.0, 0.72 * size),
            )
