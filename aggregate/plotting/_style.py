"""What all pictures share: colours, a new figure, the word when matplotlib is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

BLACK: Final = "#000000"
BLUE: Final = "#0072B2"
ORANGE: Final = "#D55E00"
GREEN: Final = "#009E73"
PURPLE: Final = "#CC79A7"
SKY: Final = "#56B4E9"
GREY: Final = "#767676"
PALE: Final = "#E4E4E4"

SERIES: Final = (  # colour, marker, line: each alone tells one from the other
    (BLUE, "o", "-"),
    (ORANGE, "s", "--"),
    (BLACK, "^", ":"),
    (GREEN, "D", "-."),
    (PURPLE, "v", (0, (5, 1, 1, 1, 1, 1))),
    (SKY, "P", (0, (1, 1))),
)

SMALL: Final = 8.0  # points; of what is beside a picture; figures inside may be smaller
_NAME_LENGTH = 18
_CROSSOVER = 0.18  # luminance at which black and white stand out alike


def need_matplotlib() -> None:
    """Raise an error that names the remedy where matplotlib is missing."""
    try:
        import matplotlib  # noqa: F401 (asked for before any work is done)
    except ImportError as error:
        raise ImportError(
            "pictures need matplotlib: python -m pip install 'crowd-aggregate[plot]'."
        ) from error


def new_figure(width: float | None = None, height: float | None = None) -> Figure:
    """Return a new figure from pyplot, in inches if asked."""
    need_matplotlib()
    from matplotlib import pyplot

    figure = pyplot.figure(layout="constrained")
    if width is not None and height is not None:
        figure.set_size_inches(width, height)
    return figure


def own_figure(figure: Figure | None, width: float, height: float) -> tuple[Figure, float]:
    """Return the figure to draw into and how much smaller it is than the picture needs."""
    if figure is None:
        return new_figure(width, height), 1.0
    given = figure.bbox.width / figure.dpi, figure.bbox.height / figure.dpi  # of subfigures too
    return figure, float(min(1.0, given[0] / width, given[1] / height))


def own_axes(axes: Axes | None, width: float, height: float) -> Axes:
    """Return the axes to draw into: those given, or the only ones of a new figure."""
    return new_figure(width, height).subplots() if axes is None else axes


def figure_of(axes: Axes) -> Figure:
    """Return the figure that axes belong to."""
    figure: Any = axes.get_figure(root=True) if _has_root() else axes.figure
    return figure


def _has_root() -> bool:
    from matplotlib import __version_info__ as version

    return tuple(version[:2]) >= (3, 10)


def short(name: Any, most: int = _NAME_LENGTH) -> str:
    """Write a name so that it fits beside an axis, or in so many letters."""
    text = str(name)
    return text if len(text) <= most else text[: most - 1] + "…"


def ink_on(colour: tuple[float, ...]) -> str:
    """Return black or white, whichever is easier to read on a colour (red, green, blue)."""
    red, green, blue = np.asarray(colour[:3]) ** 2.2  # near enough to sRGB's curve
    return "black" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > _CROSSOVER else "white"


def count_ticks(axis: Axis) -> None:
    """Write the ticks of a logarithmic axis of counts in plain figures: 1, 2, 5, 10, ..."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axis.set_minor_formatter(NullFormatter())


def add_grid(axes: Axes) -> None:
    """Draw a pale grid behind the data and leave out the frame's upper right."""
    axes.grid(color=PALE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def name_ticks(axes: Axes, side: str, names: NDArray[Any], most: int = 40) -> None:
    """Write names at the places 0, 1, ... of the axis ``side``, at most so many of them."""
    places = np.arange(0, len(names), max(1, -(-len(names) // most)))
    texts = [short(name) for name in names[places].tolist()]
    if side == "x":
        longest = max(map(len, texts), default=0)
        turned = longest * len(texts) > 30 or longest > 8
        axes.set_xticks(places, texts, rotation=90 if turned else 0, fontsize=SMALL)
    else:
        axes.set_yticks(places, texts, fontsize=SMALL)
