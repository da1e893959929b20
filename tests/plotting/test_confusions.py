from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from aggregate import DawidSkene, MajorityVote, load_dataset, uncertainty
from aggregate.plotting import plot_confusions


def panels(figure):
    """Return the heat maps, without the colour bar."""
    return [axes for axes in figure.axes if axes.images and axes.get_label() != "<colorbar>"]


def drawn(axes):
    return np.asarray(axes.images[0].get_array()) / 100


def written(axes):
    """Return the texts by cell, the row of the truth first."""
    cells = {}
    for text in axes.texts:
        y, k = text.get_position()
        cells.setdefault((round(k), round(y)), []).append(text.get_text())
    return cells


def test_every_matrix_is_drawn_and_written_with_its_interval(crowd, intervals):
    model = crowd(5)
    found = intervals(model)
    figure = plot_confusions(model, intervals=found)
    assert len(panels(figure)) == 5
    for j, axes in enumerate(panels(figure)):
        np.testing.assert_allclose(drawn(axes), model.confusion_[j])
        low, high = found.confusion.low[j], found.confusion.high[j]
        for (k, y), share in np.ndenumerate(model.confusion_[j]):
            assert written(axes)[k, y] == [
                f"{100 * share:.0f}",
                f"{100 * low[k, y]:.0f}–{100 * high[k, y]:.0f}",
            ]
        skill = model.annotator_skill_[j]
        assert axes.get_title() == f"person-{j}\n{skill:.0%} right, {j + 1} labels"
    first = panels(figure)[0]
    assert first.get_ylabel() == "truth"
    assert [text.get_text() for text in first.get_yticklabels()] == list(model.classes_)
    assert panels(figure)[-1].get_xlabel() == "label"
    assert figure.get_suptitle() == "small figures: 95% intervals"


def test_one_annotator_and_one_class(crowd):
    figure = plot_confusions(crowd(1, 1))
    (axes,) = panels(figure)
    assert drawn(axes) == [[1.0]]
    assert written(axes) == {(0, 0): ["100"]}
    assert figure.get_suptitle() == ""


def test_a_large_crowd_is_drawn_as_one(crowd):
    model = crowd(5000)
    figure = plot_confusions(model)
    (axes,) = panels(figure)
    np.testing.assert_allclose(drawn(axes), np.median(model.confusion_, axis=0))
    low, high = np.quantile(100 * model.confusion_[:, 1, 0], [0.1, 0.9])
    assert written(axes)[1, 0][1] == f"{low:.0f}–{high:.0f}"
    assert axes.get_title() == "median of 5,000 annotators"
    # who gave no label tells nothing of the crowd
    volume = np.arange(5000) % 2
    (axes,) = panels(plot_confusions(model, annotations=volume))
    np.testing.assert_allclose(drawn(axes), np.median(model.confusion_[1::2], axis=0))


def test_the_most_active_or_those_who_are_named(crowd, intervals):
    model = crowd(5000)
    figure = plot_confusions(model, 3, intervals=intervals(model))
    titles = [axes.get_title().split("\n")[0] for axes in panels(figure)]
    assert titles == ["person-4999", "person-4998", "person-4997"]
    figure = plot_confusions(model, ["person-7"])
    np.testing.assert_allclose(drawn(panels(figure)[0]), model.confusion_[7])
    figure = plot_confusions(crowd(5), "crowd")
    assert len(panels(figure)) == 1


def test_texts_stay_readable_or_are_left_out(crowd):
    for n_classes in (2, 5, 12):
        sizes = [t.get_fontsize() for t in panels(plot_confusions(crowd(2, n_classes)))[0].texts]
        assert min(sizes) >= 6
    many = panels(plot_confusions(crowd(2, 30)))[0]
    assert not many.texts
    small = Figure(figsize=(1.0, 1.0), layout="constrained")
    assert not panels(plot_confusions(crowd(5), figure=small))[0].texts


def test_fitted_models_votes_and_bare_arrays():
    votes = load_dataset("anesthesia").annotations
    model = DawidSkene().fit(votes)
    mine = Figure(layout="constrained")
    figure = plot_confusions(model, intervals=uncertainty(model, votes), figure=mine)
    assert figure is mine
    assert panels(figure)[0].get_title() == "annotator 1\n87% right, 135 labels"
    bare = plot_confusions(model.confusion_, [0], classes=["a", "b", "c", "d"])
    assert panels(bare)[0].get_title() == "annotator 0"
    assert [text.get_text() for text in panels(bare)[0].get_xticklabels()] == ["a", "b", "c", "d"]


def test_dark_cells_are_written_in_white():
    (axes,) = panels(plot_confusions(np.array([[[1.0, 0.0], [0.4, 0.6]]])))
    colours = {text.get_text(): text.get_color() for text in axes.texts}
    assert colours == {"100": "white", "0": "black", "40": "black", "60": "black"}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"annotators": 3}, ValueError, "give annotations"),
        ({"annotators": 0}, ValueError, "at least 1"),
        ({"annotators": "all"}, ValueError, "'crowd'"),
        ({"annotators": ["nobody"]}, ValueError, "not among them: 'nobody'"),
        ({"annotators": []}, ValueError, "names nobody"),
        ({"classes": ["a"]}, ValueError, "must name 3 classes; got 1"),
        ({"annotations": [1, 2]}, ValueError, "5 numbers of labels"),
        ({"intervals": 3}, TypeError, "aggregate.uncertainty"),
    ],
)
def test_what_cannot_be_drawn_is_refused(crowd, change, error, message):
    with pytest.raises(error, match=message):
        plot_confusions(crowd(5), **change)


def test_models_and_arrays_of_the_wrong_kind_are_refused(crowd, intervals):
    votes = load_dataset("anesthesia").annotations
    with pytest.raises(TypeError, match="MajorityVote has no confusion_"):
        plot_confusions(MajorityVote().fit(votes))
    with pytest.raises(ValueError, match="at least one annotator"):
        plot_confusions(np.ones((0, 2, 2)))
    with pytest.raises(ValueError, match="between 0 and 1; wrong for the annotators at 1"):
        plot_confusions(np.array([[[1.0]], [[np.nan]]]))
    with pytest.raises(ValueError, match="computed from this model"):
        plot_confusions(crowd(5), annotations=np.ones(5, int), intervals=intervals(crowd(4)))
    with pytest.raises(ValueError, match="other annotators"):
        plot_confusions(crowd(5), annotations=votes)
