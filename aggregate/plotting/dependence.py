"""Who agrees with whom beyond what their skill explains: pairs as a matrix, groups side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._validation import check_number
from aggregate.plotting._agreeing import Agreeing, read_agreeing
from aggregate.plotting._style import (
    BLACK,
    BLUE,
    ORANGE,
    PALE,
    SMALL,
    figure_of,
    name_ticks,
    need_matplotlib,
    own_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Float = NDArray[np.float64]
Codes = NDArray[np.intp]


def plot_dependence(
    pairs: Any,
    *,
    groups: ArrayLike | None = None,
    annotators: ArrayLike | None = None,
    level: float = 0.05,
    most: int = 60,
    axes: Axes | None = None,
) -> Figure:
    """Draw how much pairs of annotators agree beyond what a model of independent ones expects.

    Each cell is a pair, in standard errors, or of an `aggregate.dependence_report` the share of
    labels that one seems to copy from the other; annotators who agree stand side by side, by their
    groups if they are known, else by a tree of average links. A + marks the pairs that
    `aggregate.dependence_report` found; without it, those that agree more than chance explains at
    ``level`` over all pairs (Bonferroni), and a - those that agree so much less. Cells with
    a cross (all grey ones, where they are many) have too few items in common.

    Parameters
    ----------
    pairs : DependenceReport, PairResiduals, SpammerReport or array-like of shape (M, M)
        From `aggregate.dependence_report`, `aggregate.inspection.pair_residuals` or
        `aggregate.spammer_report`; or excess agreement in standard errors, symmetric, NaN where
        there is none.
    groups : array-like of shape (M,), optional
        The group of each annotator; groups are kept together, the largest first, and framed if
        they have more than one member. A number below 0 stands for nobody else's group. By
        default those of the report.
    annotators : array-like of shape (M,), optional
        Names; by default codes, or those of the report.
    level : float, default=0.05
        Of the marks; a dependence report brings its own.
    most : int, default=60
        Annotators that are drawn. Of more, those of the pairs furthest from what is expected.
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
        If shapes disagree, or there is no pair to compare.

    Examples
    --------
    >>> from aggregate.plotting import plot_dependence
    >>> excess = [[float("nan"), 6.0, 0.3], [6.0, float("nan"), -0.2], [0.3, -0.2, float("nan")]]
    >>> figure = plot_dependence(excess, annotators=["ann", "bob", "cy"])
    >>> [text.get_text() for text in figure.axes[0].get_yticklabels()]
    ['cy', 'ann', 'bob']
    """
    need_matplotlib()
    check_number("level", level, low=0, high=1, low_open=True)
    check_number("most", most, low=2, integer=True)
    read = read_agreeing(pairs, annotators, level)
    names, groups = read.names, read.groups if groups is None else groups
    kinds = None if groups is None else _group_codes(groups, len(names))
    drawn = _strongest(read, most)
    matrix = _matrix(read.codes, read.excess, drawn, len(names))
    order = _by_tree(matrix) if kinds is None else _by_groups(matrix, kinds[drawn])
    drawn, matrix = drawn[order], matrix[np.ix_(order, order)]
    side = float(np.clip(0.2 * len(drawn), 2.6, 7.5))
    axes = own_axes(axes, side + 2.0, side + 1.0)
    _draw(axes, matrix, read)
    _write(axes, matrix, _matrix(read.codes, read.mark, drawn, len(names)))
    name_ticks(axes, "x", names[drawn], most=60)
    name_ticks(axes, "y", names[drawn], most=60)
    if kinds is not None:
        _frame_groups(axes, kinds[drawn])
    if len(drawn) < len(names):
        axes.set_title(
            f"{len(drawn)} of {len(names):,} annotators: the pairs who agree most beyond the model",
            fontsize=SMALL,
        )
    return figure_of(axes)


def _group_codes(groups: ArrayLike, n_annotators: int) -> Codes:
    """Return the groups as codes, the largest first; below 0 stands everybody alone."""
    given = np.asarray(groups)
    if given.shape != (n_annotators,):
        raise ValueError(
            f"groups must hold one group for each of {n_annotators} annotators; got shape "
            f"{given.shape}."
        )
    _, codes, counts = np.unique(given, return_inverse=True, return_counts=True)
    if given.dtype.kind == "i" and (given < 0).any():
        codes[given < 0] = len(counts) + np.arange((given < 0).sum())
        counts = np.bincount(codes)
    rank = np.empty(len(counts), dtype=np.intp)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return rank[codes]


def _strongest(read: Agreeing, most: int) -> Codes:
    """Return which annotators to draw: all, or the first met on going down the pairs."""
    n_annotators = len(read.names)
    if n_annotators <= most:
        return np.arange(n_annotators)
    met = read.codes[np.lexsort((-read.excess, -read.mark))].ravel()
    found, first = np.unique(met, return_index=True)
    return np.sort(found[np.argsort(first)][:most]).astype(np.intp)


def _matrix(
    codes: NDArray[np.integer[Any]], values: Float, drawn: Codes, n_annotators: int
) -> Float:
    """Return the excess of the drawn annotators, NaN where there is none."""
    place = np.full(n_annotators, -1)
    place[drawn] = np.arange(len(drawn))
    one, other = place[codes].T
    inside = (one >= 0) & (other >= 0)
    matrix = np.full((len(drawn), len(drawn)), np.nan)
    matrix[one[inside], other[inside]] = values[inside]
    matrix[other[inside], one[inside]] = values[inside]
    return matrix


def _by_tree(matrix: Float) -> Codes:
    """Return an order in which annotators who agree are neighbours."""
    from scipy.cluster.hierarchy import leaves_list, linkage

    near = np.nan_to_num(matrix, nan=0.0)
    distance = near.max() - near
    apart = distance[np.triu_indices(len(matrix), 1)]
    return leaves_list(linkage(apart, "average")).astype(np.intp)


def _by_groups(matrix: Float, kinds: Codes) -> Codes:
    """Return the groups one after the other, in each those first who agree most with it."""
    same = np.nan_to_num(matrix, nan=0.0) * (kinds[:, np.newaxis] == kinds)
    return np.lexsort((-same.sum(axis=1), kinds))


def _draw(axes: Axes, matrix: Float, read: Agreeing) -> None:
    """Draw the matrix, blue below expectation and orange above."""
    from matplotlib.colors import LinearSegmentedColormap

    plain = LinearSegmentedColormap.from_list("excess", [BLUE, "#FFFFFF", ORANGE])
    colours = plain.with_extremes(bad=PALE)
    top = max(read.full, float(np.nanmax(abs(matrix), initial=0.0)))
    image = axes.imshow(np.ma.masked_invalid(matrix), cmap=colours, vmin=-top, vmax=top)
    bar = figure_of(axes).colorbar(image, ax=axes, shrink=0.8)
    bar.set_label(read.unit, fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    if not (matrix < 0).any():
        bar.ax.set_ylim(bottom=0)


def _write(axes: Axes, matrix: Float, mark: Float) -> None:
    """Mark the pairs that chance does not explain, and those that nobody can compare."""
    missing = np.isnan(matrix) & ~np.eye(len(matrix), dtype=bool)
    few = 4 * missing.sum() <= missing.size  # where most are missing, crosses drown the rest
    note = "× not compared" if few else "grey: not compared"
    axes.set_xlabel(f"+ more, – less than chance explains; {note}", fontsize=SMALL)
    size = float(np.clip(150 / len(matrix), 3.0, 9.0))
    for shape, cells, colour in (
        ("+", mark > 0, BLACK),
        ("_", mark < 0, BLACK),
        ("x", missing & few, "#A0A0A0"),
    ):
        rows, columns = np.nonzero(cells)
        if len(rows):
            style: dict[str, Any] = {"linestyle": "none", "marker": shape, "markersize": size}
            axes.plot(columns, rows, color=colour, markeredgewidth=0.8, **style)


def _frame_groups(axes: Axes, kinds: Codes) -> None:
    """Draw a frame about every group of more than one."""
    from matplotlib.patches import Rectangle

    for kind in np.unique(kinds):
        (members,) = np.nonzero(kinds == kind)
        if len(members) > 1:
            corner = (float(members[0]) - 0.5, float(members[0]) - 0.5)
            axes.add_patch(
                Rectangle(corner, len(members), len(members), fill=False, edgecolor=BLACK, lw=1.5)
            )
