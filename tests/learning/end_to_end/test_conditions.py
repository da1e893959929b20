from __future__ import annotations

import numpy as np
import pytest

from aggregate.learning import CCEMClassifier
from aggregate.learning.end_to_end.conditions import find_conditions
from tests.learning.end_to_end.crowds import mixture

CLASSES, PEOPLE = np.array(["cat", "dog"]), np.array(["ann", "bob"])
SHARP = np.array([[[1.0, 0.0], [0.02, 0.98]], [[0.6, 0.4], [0.4, 0.6]]])


def conditions(soft=((0.95, 0.05), (0.3, 0.7)), confusion=SHARP, uses=10.0):
    return find_conditions(
        np.array(soft), np.array(confusion), np.full((2, 2), uses), CLASSES, PEOPLE
    )


def test_the_surest_row_and_the_purest_label_of_each_class():
    found = conditions()
    np.testing.assert_allclose(found.anchor, [0.95, 0.7])
    assert found.anchor_row.tolist() == [0, 1]
    assert found.specialist == pytest.approx([1 / 1.02, 1.0])
    assert found.specialist_annotator.tolist() == ["ann", "ann"]
    assert not found.has_anchors
    assert found.has_specialists


def test_labels_hardly_used_prove_nothing():
    found = conditions(uses=4.0)
    assert found.specialist.tolist() == [0, 0]
    assert found.specialist_annotator.tolist() == [None, None]


@pytest.mark.parametrize(
    ("soft", "confusion", "advice"),
    [
        ([[0.95, 0.05], [0.05, 0.95]], SHARP, "are determined by enough labels"),
        ([[0.95, 0.05], [0.05, 0.95]], np.full((2, 2, 2), 0.5), "geocrowdnet-f"),
        ([[0.5, 0.5], [0.6, 0.4]], SHARP, "geocrowdnet-w"),
        ([[0.5, 0.5], [0.6, 0.4]], np.full((2, 2, 2), 0.5), "Gold for some items"),
    ],
)
def test_advice(soft, confusion, advice):
    assert advice in str(conditions(soft, confusion)).splitlines()[-1]


def test_what_lacks_is_named():
    text = str(conditions())
    assert "1 of 2 classes have no near anchor point" in text
    assert "'dog'; the weakest: 0.70." in text
    assert "Every class has a near specialist (a label used for it alone)" in text


def test_planted_structure_is_found():
    X, votes, *_ = mixture(anchors=True, specialists=True, n_items=2000)
    model = CCEMClassifier(alpha=1).fit(X, votes)
    assert model.conditions_.has_anchors
    assert model.conditions_.has_specialists
    assert model.conditions_.specialist_annotator.tolist() == [0, 1, 2, 3]
    assert "are determined" in model.identifiability()


def test_a_fit_that_nothing_pins_down_is_told():
    X, votes, *_ = mixture(anchors=False, specialists=False)
    with pytest.warns(UserWarning, match="nothing pins this fit down"):
        model = CCEMClassifier().fit(X, votes)
    assert "Gold for some items" in model.identifiability()
