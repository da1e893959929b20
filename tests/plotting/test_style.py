from __future__ import annotations

import sys

import numpy as np
import pytest
from matplotlib import pyplot

from aggregate import plotting
from aggregate.plotting._style import SERIES, ink_on, short

CALLS = {
    "plot_annotators": (None, None),
    "plot_budget": ({"a": [0.1]},),
    "plot_confusions": (np.ones((1, 1, 1)),),
    "plot_dependence": ([[0.0, 1.0], [1.0, 0.0]],),
    "plot_objective": ([1.0],),
    "plot_reliability": (np.ones((1, 1)), np.zeros(1, int)),
}


def test_every_picture_is_called_here():
    assert set(plotting.__all__) == {*CALLS, "plot_comparison"}


@pytest.mark.parametrize("name", CALLS)
def test_without_matplotlib_the_error_names_the_remedy(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'crowd-aggregate\[plot\]'"):
        getattr(plotting, name)(*CALLS[name])


def test_one_new_figure_per_picture_and_none_for_what_is_given():
    plotting.plot_budget({"a": [0.1]})
    plotting.plot_confusions(np.ones((1, 1, 1)))
    assert len(pyplot.get_fignums()) == 2
    _, axes = pyplot.subplots()
    plotting.plot_budget({"a": [0.1]}, axes=axes)
    assert len(pyplot.get_fignums()) == 3


def test_pictures_share_a_figure(crowd):
    figure = pyplot.figure(figsize=(16, 8), layout="constrained")
    parts = figure.subfigures(2, 2).ravel()
    plotting.plot_confusions(crowd(2), figure=parts[0])
    plotting.plot_annotators(crowd(500), np.arange(500) + 1, figure=parts[1])
    plotting.plot_reliability(np.full((10, 2), 0.5), np.zeros(10, int), figure=parts[2])
    plotting.plot_objective([1.0, 2.0, 3.0], figure=parts[3])
    assert [len(part.axes) for part in parts] == [3, 4, 2, 2]
    assert len(pyplot.get_fignums()) == 1


def test_series_differ_in_colour_marker_and_line():
    for kind in zip(*SERIES, strict=True):
        assert len(set(kind)) == len(SERIES)


def test_ink_and_short_names():
    assert (ink_on((1, 1, 1)), ink_on((0, 0, 0.5, 1.0))) == ("black", "white")
    assert (short("short"), short("x" * 30, 5)) == ("short", "xxxx…")
