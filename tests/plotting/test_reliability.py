from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from aggregate.metrics import log_loss, reliability_curve
from aggregate.plotting import plot_reliability
from aggregate.plotting._style import BLUE, ORANGE


def soft_labels(n_items, n_classes=3, seed=0):
    random = np.random.default_rng(seed)
    probas = random.dirichlet(np.full(n_classes, 0.6), n_items)
    truth = np.array([random.choice(n_classes, p=row) for row in probas])
    return probas, truth


def bins(axes):
    """Return the marks of a panel with their bounds, in the order of confidence."""
    rows = []
    for container in axes.containers:
        marks, _, (bars,) = container
        for (x, y), bar in zip(marks.get_xydata(), bars.get_segments(), strict=True):
            rows.append((x, y, *bar[:, 1], marks.get_marker(), marks.get_color()))
    return sorted(rows)


@pytest.mark.parametrize("n_items", [1, 5, 5000])
def test_marks_and_bounds_are_those_of_the_curve(n_items):
    probas, truth = soft_labels(n_items)
    above, below = plot_reliability(probas, truth, n_bins=7, level=0.9).axes
    curve = reliability_curve(probas, truth, n_bins=7, level=0.9)
    found = bins(above)
    np.testing.assert_allclose(
        [row[:4] for row in found],
        np.stack([curve.confidence, curve.accuracy, curve.low, curve.high], axis=1),
        atol=1e-12,
    )
    assert sum(patch.get_height() for patch in below.patches) == n_items
    assert above.get_ylabel() == "accuracy, 90% bounds"
    assert below.get_xlabel() == "confidence"
    assert above.get_title() == f"log loss {log_loss(probas, truth):.2f}"
    assert above.get_xlim() == pytest.approx((1 / 3 - 0.02, 1.02))
    assert above.get_ylim()[0] < curve.low.min()


def test_bins_off_the_diagonal_are_squares():
    sure = np.tile([0.95, 0.05], (200, 1))
    half = np.arange(200) % 2
    ((*_, marker, colour),) = bins(plot_reliability(sure, half).axes[0])
    assert (marker, colour) == ("s", ORANGE)
    ((*_, marker, colour),) = bins(
        plot_reliability(sure, (np.arange(200) < 10).astype(int)).axes[0]
    )
    assert (marker, colour) == ("o", BLUE)


def test_models_side_by_side_share_their_range_and_unknown_truth_does_not_count():
    probas, truth = soft_labels(400)
    truth[:100] = -1
    models = {f"model {m}": soft_labels(400, seed=m)[0] for m in range(5)}
    figure = plot_reliability(models, truth)
    above = [axes for axes in figure.axes if axes.get_title()]
    assert [axes.get_title().split("\n")[0] for axes in above] == list(models)
    assert len({axes.get_ylim() for axes in above}) == 1
    strips = [axes for axes in figure.axes if axes.patches and axes.get_xlabel() == "confidence"]
    assert [sum(patch.get_height() for patch in axes.patches) for axes in strips] == [300] * 5
    mine = Figure(layout="constrained")
    assert plot_reliability(probas, truth, figure=mine) is mine


def test_one_class_is_right_with_certainty():
    above = plot_reliability(np.ones((20, 1)), np.zeros(20, int)).axes[0]
    ((x, y, *_),) = bins(above)
    assert (x, y) == (1, 1)


def test_what_cannot_be_drawn_is_refused():
    probas, truth = soft_labels(5)
    with pytest.raises(ValueError, match="no item has a known truth"):
        plot_reliability(probas, np.full(5, -1))
    with pytest.raises(ValueError, match="one code per item"):
        plot_reliability(probas, truth[:3])
    with pytest.raises(ValueError, match="class codes"):
        plot_reliability(probas, np.array(["a", "b", "a", "b", "a"]))
    with pytest.raises(ValueError, match="names no model"):
        plot_reliability({}, truth)
