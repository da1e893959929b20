from __future__ import annotations

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.collections import PolyCollection

from aggregate.plotting import plot_budget

CURVES = {
    "random": np.array([[0.40, 0.30, 0.20], [0.40, 0.34, 0.20]]),
    "doubtful": np.array([[0.40, 0.28, 0.18], [0.42, 0.28, 0.18]]),
    "chosen": np.array([[0.40, 0.20, 0.10], [0.44, 0.20, 0.10]]),
}


def texts(figure):
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_lines_are_means_and_bands_two_standard_errors():
    figure = plot_budget(CURVES, [100, 200, 400])
    (axes,) = figure.axes
    bands = [part for part in axes.collections if isinstance(part, PolyCollection)]
    assert texts(figure) == list(CURVES)
    for line, band, given in zip(axes.lines, bands, CURVES.values(), strict=True):
        np.testing.assert_allclose(line.get_xdata(), [100, 200, 400])
        np.testing.assert_allclose(line.get_ydata(), 100 * given.mean(axis=0))
        half = 2 * 100 * abs(given[0] - given[1]) / 2  # of two draws the error is half their gap
        corners = band.get_paths()[0].vertices
        assert corners[:, 1].max() == pytest.approx((100 * given.mean(axis=0) + half).max())
    styles = [(line.get_marker(), line.get_linestyle()) for line in axes.lines]
    assert len({marker for marker, _ in styles}) == len({dash for _, dash in styles}) == 3
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("labels bought", "items decided wrongly, %")
    assert axes.get_ylim()[0] == 0


def test_the_legend_tells_what_reaching_a_target_takes():
    figure = plot_budget(CURVES, [100, 200, 400], target=0.26)
    assert texts(figure) == [
        "random: 300 labels",  # half way from 0.32 to 0.20
        "doubtful: 240 labels, 20% fewer",  # a fifth of the way from 0.28 to 0.18
        "chosen: 173 labels, 42% fewer",  # 0.16 of 0.22 down from 0.42
        "26% wrong",
    ]
    assert texts(plot_budget(CURVES, [100, 200, 400], target=0.15))[:2] == [
        "random: not reached",
        "doubtful: not reached",
    ]
    slow = {"fast": [0.3, 0.1, 0.1], "slow": [0.3, 0.2, 0.1]}
    assert texts(plot_budget(slow, [0, 10, 20], target=0.1))[1] == "slow: 20 labels, 100% more"
    assert texts(plot_budget(slow, [5, 10, 20], target=0.5))[0] == "fast: 5 labels"


def test_steps_of_their_own_and_axes_that_are_given():
    figure, axes = pyplot.subplots()
    assert plot_budget({"a": ([1, 5], [0.2, 0.1]), "b": ([2, 3], [0.2, 0.2])}, axes=axes) is figure
    np.testing.assert_array_equal(axes.lines[1].get_xdata(), [2, 3])
    assert axes.get_xlabel() == "labels bought"
    assert not axes.collections


def test_without_labels_steps_are_counted():
    (axes,) = plot_budget({"a": [0.2]}).axes
    assert axes.get_xlabel() == "step"
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), [[0, 20]])
    (axes,) = plot_budget({"a": np.linspace(0.9, 0.1, 5000)}).axes
    assert axes.lines[0].get_markevery() == 200


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="names no strategy"):
        plot_budget({})
    with pytest.raises(ValueError, match="curve 'a' must hold shares"):
        plot_budget({"a": [20.0, 10.0]})
    with pytest.raises(ValueError, match="curve 'a' must hold shares"):
        plot_budget({"a": []})
    with pytest.raises(ValueError, match="must rise"):
        plot_budget({"a": [0.2, 0.1]}, [5, 5])
    with pytest.raises(ValueError, match="has 2 steps"):
        plot_budget({"a": [0.2, 0.1]}, [5])
    with pytest.raises(ValueError, match="target"):
        plot_budget({"a": [0.2]}, target=2)
