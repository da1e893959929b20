from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from aggregate import compare, load_dataset
from aggregate.inspection import Comparison, ComparisonRow
from aggregate.plotting import plot_comparison

NAMES = ["wawa", "glad", "pooled"]


def drawn(panel):
    """Return the position of each marker, by the row it stands in."""
    marks = [line for line in panel.lines if line.get_marker() not in ("None", "|", "", None)]
    return {int(line.get_ydata()[0]): float(line.get_xdata()[0]) for line in marks}


def test_every_model_stands_where_its_figure_says():
    demo = load_dataset("demo")
    found = compare(demo.annotations, NAMES, demo.truth)
    figure = plot_comparison(found)
    accuracy, log_loss, seconds = figure.axes
    names = [text.get_text() for text in accuracy.get_yticklabels()]
    rows = {row.model: row for row in found.rows}
    assert sorted(names) == sorted(rows)
    for place, name in enumerate(names):
        assert drawn(accuracy)[place] == pytest.approx(100 * rows[name].accuracy)
        assert drawn(log_loss)[place] == pytest.approx(rows[name].log_loss)
    values = [rows[name].accuracy for name in names]
    assert values == sorted(values, reverse=True)
    assert seconds.get_xscale() == "log"
    assert accuracy.get_ylim()[0] > accuracy.get_ylim()[1]  # the best above


def test_without_a_truth_the_prediction_is_drawn():
    found = compare(load_dataset("anesthesia").annotations, NAMES)
    figure = plot_comparison(found, figure=Figure(layout="constrained"))
    assert [panel.get_xlabel() for panel in figure.axes] == [
        "log probability of labels set aside",
        "seconds",
    ]
    figure = plot_comparison(compare(load_dataset("anesthesia").annotations, NAMES, n_folds=0))
    assert figure.axes[0].get_xlabel() == "differs from the vote, %"


def test_colour_says_who_is_ahead_and_failures_are_left_out():
    vote = ComparisonRow("majority-vote", accuracy=0.8, gain=0.0, gain_error=0.0, log_loss=0.5)
    rows = (
        vote,
        replace(vote, model="ahead", accuracy=0.9, gain=0.1, gain_error=0.01),
        replace(vote, model="unclear", accuracy=0.81, gain=0.01, gain_error=0.02),
        replace(vote, model="behind", accuracy=0.7, gain=-0.1, gain_error=0.01),
        ComparisonRow("failed", problem="no"),
    )
    figure = plot_comparison(Comparison(rows, 100, 100))
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert names == ["ahead", "unclear", "majority-vote", "behind"]
    marks = {
        int(line.get_ydata()[0]): (line.get_marker(), line.get_color())
        for line in figure.axes[0].lines
        if line.get_marker() in ("o", "s", "D")
    }
    assert len(set(marks.values())) == 4
    assert len({marker for marker, _ in marks.values()}) == 3
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["majority vote", "ahead of it", "may be luck", "behind"]
    assert np.isfinite(list(drawn(figure.axes[2]).values())).all()
