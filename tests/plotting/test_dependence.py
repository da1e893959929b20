from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.patches import Rectangle
from scipy.stats import norm

from aggregate import (
    Annotations,
    DawidSkene,
    dependence_report,
    load_dataset,
    simulate_annotations,
    spammer_report,
)
from aggregate.inspection import PairResiduals, pair_residuals
from aggregate.plotting import plot_dependence


def excess_of(n_annotators, groups=(), seed=0):
    """Return excess agreement of a crowd in which the groups agree."""
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(n_annotators, n_annotators))
    for members in groups:
        matrix[np.ix_(members, members)] += 9
    matrix = np.triu(matrix, 1)
    matrix += matrix.T
    np.fill_diagonal(matrix, np.nan)
    return matrix


def drawn(figure):
    """Return the matrix and the names of its rows."""
    axes = figure.axes[0]
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names == [text.get_text() for text in axes.get_xticklabels()]
    return np.ma.filled(axes.images[0].get_array(), np.nan), names


def marked(figure, mark):
    """Return the cells that carry a mark."""
    lines = [line for line in figure.axes[0].lines if line.get_marker() == mark]
    return {(int(y), int(x)) for line in lines for x, y in line.get_xydata()}


@pytest.mark.parametrize("n_annotators", [2, 5, 40])
def test_cells_are_the_excess_in_the_order_of_the_names(n_annotators):
    given = excess_of(n_annotators)
    matrix, names = drawn(plot_dependence(given))
    codes = np.array(names, dtype=int)
    assert sorted(codes) == list(range(n_annotators))
    np.testing.assert_array_equal(matrix, given[np.ix_(codes, codes)])


def test_marks_stand_for_what_chance_does_not_explain():
    given = excess_of(12, [[2, 9]])
    given[3, 7] = given[7, 3] = -6.0
    given[4, 5] = given[5, 4] = np.nan
    figure = plot_dependence(given, level=0.01)
    _, names = drawn(figure)
    place = {int(name): row for row, name in enumerate(names)}
    limit = norm.isf(0.01 / 65)
    beyond = {tuple(cell) for cell in np.argwhere(np.nan_to_num(given) > limit)}
    assert marked(figure, "+") == {(place[j], place[m]) for j, m in beyond} != set()
    assert marked(figure, "_") == {(place[3], place[7]), (place[7], place[3])}
    assert marked(figure, "x") == {(place[4], place[5]), (place[5], place[4])}
    low, high = figure.axes[0].images[0].get_clim()
    assert -low == high == pytest.approx(np.nanmax(abs(given)))


def test_groups_stand_together_the_largest_first_and_framed():
    groups = np.array(["x", "b", "a", "b", "y", "a", "b"])
    given = excess_of(7, [[1, 3, 6], [2, 5]])
    figure = plot_dependence(given, groups=groups)
    _, names = drawn(figure)
    assert [set(names[:3]), set(names[3:5])] == [{"1", "3", "6"}, {"2", "5"}]
    frames = [part for part in figure.axes[0].patches if isinstance(part, Rectangle)]
    boxes = [(*part.get_xy(), part.get_width(), part.get_height()) for part in frames]
    assert boxes == [(-0.5, -0.5, 3, 3), (2.5, 2.5, 2, 2)]


def test_without_groups_those_who_agree_are_neighbours():
    _, names = drawn(plot_dependence(excess_of(20, [[1, 8, 15], [4, 11]])))
    place = [names.index(str(j)) for j in (1, 8, 15)]
    assert max(place) - min(place) == 2
    assert abs(names.index("4") - names.index("11")) == 1


def test_of_thousands_the_pairs_that_agree_most():
    copies = [17, 1234, 4321]
    random = np.random.default_rng(0)
    pairs = np.array([*pairwise(range(5000)), (17, 1234), (1234, 4321), (17, 4321)], np.int32)
    excess = np.append(random.normal(size=4999), [30.0, 25.0, 20.0])
    ones = np.ones(len(pairs))
    found = PairResiduals(pairs, 50 * ones, ones, excess, norm.sf(excess))
    names = np.array([f"person-{j}" for j in range(5000)])
    figure = plot_dependence(found, annotators=names, most=40)
    matrix, shown = drawn(figure)
    assert matrix.shape == (40, 40)
    assert {f"person-{j}" for j in copies} <= set(shown)
    assert np.nanmax(matrix) == 30
    assert figure.axes[0].get_title().startswith("40 of 5,000 annotators")
    assert not marked(figure, "x")  # nearly all pairs share nothing
    assert figure.axes[0].get_xlabel().endswith("grey: not compared")
    assert min(text.get_fontsize() for text in figure.axes[0].get_yticklabels()) >= 6


def test_residuals_and_reports_of_a_fitted_crowd():
    votes = load_dataset("demo").annotations
    model = DawidSkene().fit(votes)
    found = pair_residuals(votes, model.confusion_, model.class_prior_, min_shared=5)
    figure, axes = pyplot.subplots(layout="constrained")
    assert plot_dependence(found, annotators=votes.annotators, axes=axes) is figure
    matrix, names = drawn(figure)
    place = {name: row for row, name in enumerate(names)}
    for (j, m), value in zip(found.pairs, found.excess, strict=True):
        assert matrix[place[votes.annotators[j]], place[votes.annotators[m]]] == value
    report = spammer_report(votes, model, min_shared=5)
    both = [drawn(plot_dependence(each)) for each in (report, report.dependence)]
    assert both[0][1] == both[1][1]
    np.testing.assert_array_equal(both[0][0], both[1][0])


def test_reports_on_dependence_bring_their_findings_and_groups():
    crowd = simulate_annotations(300, 8, 2, labels_per_item=8, accuracy=0.8, random_state=0)
    votes = crowd.annotations.to_matrix()
    votes[:, 6] = votes[:, 1]
    report = dependence_report(Annotations.from_matrix(votes))
    assert report.copiers == [(1, 6)]
    figure = plot_dependence(report)
    matrix, names = drawn(figure)
    assert set(names[:2]) == {"1", "6"}
    assert marked(figure, "+") == {(0, 1), (1, 0)}
    assert len(figure.axes[0].patches) == 1  # those who stand alone have no frame
    pairs = report.pairs
    (place,) = np.flatnonzero((pairs.codes == [1, 6]).all(axis=1))
    assert matrix[0, 1] == pairs.rate[place] > 0.9
    assert np.nanmax(matrix[2:]) < 0.5
    assert figure.axes[1].get_ylabel() == "share of labels copied"
    calm = dependence_report(crowd.annotations)
    assert not plot_dependence(calm).axes[0].patches


def test_numbers_below_zero_are_nobody_elses_group():
    figure = plot_dependence(excess_of(6), groups=[-1, 4, -1, 4, 0, -1])
    assert set(drawn(figure)[1][:2]) == {"1", "3"}
    assert [part.get_width() for part in figure.axes[0].patches] == [2]


def test_what_cannot_be_drawn_is_refused():
    given = excess_of(4)
    with pytest.raises(ValueError, match="no pair of annotators can be compared"):
        plot_dependence([[np.nan]])
    with pytest.raises(ValueError, match="square matrix"):
        plot_dependence(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="symmetric"):
        plot_dependence([[0.0, 1.0], [2.0, 0.0]])
    with pytest.raises(ValueError, match="must name 4 annotators; got 1"):
        plot_dependence(given, annotators=["a"])
    with pytest.raises(ValueError, match="one group for each of 4"):
        plot_dependence(given, groups=[1, 2])
    found = PairResiduals(np.array([[0, 3]]), *(np.ones(1) for _ in range(4)))
    with pytest.raises(ValueError, match="all 4 annotators of the pairs; got 2"):
        plot_dependence(found, annotators=["a", "b"])
