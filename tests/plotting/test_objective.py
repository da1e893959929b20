from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from aggregate import DawidSkene, MajorityVote, load_dataset
from aggregate.plotting import plot_objective


def test_the_path_and_what_it_lacks():
    model = DawidSkene().fit(load_dataset("demo").annotations)
    path = model.objective_path_
    climb, gap = plot_objective(model).axes
    passes = np.arange(1, len(path) + 1)
    np.testing.assert_array_equal(climb.lines[0].get_xydata(), np.stack([passes, path], axis=1))
    below = path.max() - path
    np.testing.assert_allclose(gap.lines[0].get_ydata(), below[below > 0])
    np.testing.assert_array_equal(gap.lines[0].get_xdata(), passes[below > 0])
    assert gap.get_yscale() == "log"
    assert climb.get_xlabel() == gap.get_xlabel() == "pass"
    assert climb.get_legend() is None


def test_several_paths_share_the_highest_value_and_differ_without_colour():
    mine = Figure(layout="constrained")
    figure = plot_objective({"one": [-5.0, -3.0, -2.0], "two": [-4.0, -1.0]}, figure=mine)
    assert figure is mine
    climb, gap = figure.axes
    assert [text.get_text() for text in climb.get_legend().get_texts()] == ["one", "two"]
    np.testing.assert_allclose(gap.lines[0].get_ydata(), [4, 2, 1])
    np.testing.assert_allclose(gap.lines[1].get_ydata(), [3])
    assert len({(line.get_marker(), line.get_linestyle()) for line in climb.lines}) == 2


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_fit_that_was_stopped_says_so():
    model = DawidSkene(max_iter=2).fit(load_dataset("demo").annotations)
    (text,) = plot_objective(model).axes[0].get_legend().get_texts()
    assert text.get_text() == "not converged"


@pytest.mark.parametrize("path", [[3.0], [2.0, 2.0], np.linspace(-9.0, -1.0, 5000)])
def test_paths_of_any_length(path):
    climb, gap = plot_objective(path).axes
    assert len(climb.lines[0].get_xdata()) == len(path)
    told = [text.get_text() for text in gap.texts]
    assert told == ([] if path[0] < path[-1] else ["reached at once"])
    assert climb.lines[0].get_markevery() <= max(1, len(path) // 25)


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(TypeError, match="MajorityVote has no objective_path_"):
        plot_objective(MajorityVote().fit(load_dataset("demo").annotations))
    with pytest.raises(ValueError, match="at least one"):
        plot_objective([])
    with pytest.raises(ValueError, match="finite"):
        plot_objective([1.0, np.nan])
    with pytest.raises(ValueError, match="nothing to draw"):
        plot_objective({})
