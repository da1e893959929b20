from __future__ import annotations

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.figure import Figure

from aggregate import MajorityVote, Wawa, load_dataset
from aggregate.plotting import plot_annotators


def marks(axes):
    """Return the positions of the marks, by their text in the legend."""
    found = [part for part in axes.collections if isinstance(part, PathCollection)]
    return {part.get_label(): np.asarray(part.get_offsets()) for part in found}


def bias(model):
    said = np.array([model.class_prior_ @ confusion for confusion in model.confusion_])
    return said - model.class_prior_


@pytest.mark.parametrize("n_annotators", [1, 5, 30, 300])
def test_every_annotator_stands_at_its_volume_and_skill(crowd, n_annotators):
    model = crowd(n_annotators)
    volume = 3 * 2 ** np.arange(n_annotators) if n_annotators < 10 else 5 + np.arange(n_annotators)
    (axes,) = plot_annotators(model, volume).axes
    points = np.concatenate(list(marks(axes).values()))
    expected = np.stack([volume, model.annotator_skill_], axis=1)
    np.testing.assert_allclose(points[np.argsort(points[:, 0])], expected)
    assert axes.get_xscale() == "log"
    assert axes.get_ylabel() == "skill: probability of the right label"
    assert axes.get_ylim() == (-0.02, 1.02)
    low, high = axes.get_xlim()
    assert low < volume.min()
    assert high > volume.max()
    names = {text.get_text() for text in axes.texts}
    assert names == (set(model.annotators_) if n_annotators <= 12 else set())


def test_marks_tell_the_class_that_is_named_too_often(crowd):
    model = crowd(40)
    surplus = bias(model)
    amount = np.maximum(surplus, 0).sum(axis=1)
    (axes,) = plot_annotators(model, np.arange(40) + 1).axes
    found = marks(axes)
    assert len(found["no clear bias"]) == (amount <= 0.1).sum()
    for k, name in enumerate(model.classes_):
        of_k = (surplus.argmax(axis=1) == k) & (amount > 0.1)
        points = found.get(f"says {str(name)!r} too often", np.empty((0, 2)))
        assert len(points) == of_k.sum()
        np.testing.assert_allclose(np.sort(points[:, 0]), np.flatnonzero(of_k) + 1)
    sizes = np.concatenate([part.get_sizes() for part in axes.collections])
    np.testing.assert_allclose(np.sort(sizes), np.sort(24 + 160 * amount))
    shapes = {
        (tuple(part.get_edgecolor()[0]), part.get_paths()[0].vertices.tobytes())
        for part in axes.collections
    }
    assert len({shape for _, shape in shapes}) >= len(found) - 1  # circles: none, and the first
    assert len(shapes) == len(found)


def test_many_biased_classes_share_the_last_mark(crowd):
    model = crowd(60, 20)
    model.confusion_ = np.zeros((60, 20, 20))
    model.confusion_[np.arange(60), :, np.arange(60) % 20] = 1.0  # each says one class only
    (axes,) = plot_annotators(model, np.full(60, 10)).axes
    found = marks(axes)
    assert len(found) == 6
    assert len(found["says another class too often"]) == 60 - 5 * 3


def test_bars_are_the_intervals_of_few(crowd, intervals):
    model = crowd(5)
    found = intervals(model)
    (axes,) = plot_annotators(model, [3, 6, 12, 24, 48], intervals=found).axes
    (bars,) = [part for part in axes.collections if isinstance(part, LineCollection)]
    ends = np.array([segment[:, 1] for segment in bars.get_segments()])
    np.testing.assert_allclose(ends, np.stack([found.skill.low, found.skill.high], axis=1))
    model = crowd(61)
    (axes,) = plot_annotators(model, np.arange(61) + 1, intervals=intervals(model)).axes
    assert not [part for part in axes.collections if isinstance(part, LineCollection)]


def test_named_annotators_of_like_volume_stand_side_by_side(crowd):
    (axes,) = plot_annotators(crowd(5), [45, 45, 45, 45, 135]).axes
    x = np.sort(np.concatenate(list(marks(axes).values()))[:, 0])
    assert (np.diff(x) > 1).all()
    assert np.exp(np.log(x[:4]).mean()) == pytest.approx(45)
    assert x[4] == 135


@pytest.mark.parametrize("n_annotators", [13, 300])
def test_those_who_gave_equally_many_labels_stand_in_the_order_of_their_skill(crowd, n_annotators):
    model = crowd(n_annotators)
    volume = np.full(n_annotators, 45)
    volume[-1] = 46
    (axes,) = plot_annotators(model, volume).axes
    points = np.concatenate(list(marks(axes).values()))
    points = points[np.argsort(points[:, 1])]
    (alone,) = np.flatnonzero(points[:, 1] == model.annotator_skill_[-1])
    assert points[alone, 0] == 46
    x = np.delete(points[:, 0], alone)
    steps = np.diff(np.log(x))
    np.testing.assert_allclose(steps, steps[0])
    assert steps[0] > 0
    assert np.exp(np.log(x).mean()) == pytest.approx(45)
    low, high = axes.get_xlim()
    assert low < x.min() < x.max() < high
    assert axes.get_xlabel() == "labels (equal numbers stand side by side)"


def test_thousands_are_counted_in_cells(crowd):
    model = crowd(5000)
    volume = np.random.default_rng(0).geometric(0.02, 5000)
    volume[:7] = 0
    figure = plot_annotators(model, volume)
    panels = figure.axes[:2]
    count, mean = (panel.collections[0] for panel in panels)
    assert isinstance(count, PolyCollection)
    assert count.get_array().sum() == 5000 - 7
    amount = np.maximum(bias(model), 0).sum(axis=1)[7:]
    weighted = (count.get_array() * mean.get_array()).sum() / count.get_array().sum()
    assert weighted == pytest.approx(amount.mean())
    labels = [axes.get_ylabel() for axes in figure.axes[2:]]
    assert labels == ["annotators", "mean bias (share of labels moved)"]


def test_alike_volumes_and_skills_are_no_trouble(crowd):
    model = crowd(400)
    model.annotator_skill_ = np.full(400, 0.7)
    figure = plot_annotators(model, np.full(400, 10))
    assert figure.axes[0].collections[0].get_array().sum() == 400


def test_without_confusions_there_is_no_bias():
    votes = load_dataset("demo").annotations
    mine = Figure(layout="constrained")
    assert plot_annotators(Wawa().fit(votes), votes, figure=mine) is mine
    assert list(marks(mine.axes[0])) == ["annotators"]
    assert mine.axes[0].get_ylabel() == "skill"


def test_what_cannot_be_drawn_is_refused(crowd):
    votes = load_dataset("anesthesia").annotations
    with pytest.raises(ValueError, match="no annotator gave a label"):
        plot_annotators(crowd(3), [0, 0, 0])
    with pytest.raises(ValueError, match="other annotators"):
        plot_annotators(crowd(3), votes)
    with pytest.raises(ValueError, match="3 numbers of labels"):
        plot_annotators(crowd(3), [1, 2, -1])
    with pytest.raises(TypeError, match="MajorityVote has no annotator_skill_"):
        plot_annotators(MajorityVote(), votes)
