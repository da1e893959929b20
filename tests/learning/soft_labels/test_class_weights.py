"""Weights of classes come from the masses of soft labels, not from counts of copies."""

from __future__ import annotations

import numpy as np
import pytest

from aggregate.learning.soft_labels._class_weights import class_weights

CLASSES = np.array(["cat", "dog", "owl"], dtype=object)


def test_none_is_one_each():
    assert class_weights(None, np.eye(3), CLASSES).tolist() == [1, 1, 1]


def test_balanced_masses_are_equal_and_keep_their_sum():
    soft = np.random.default_rng(0).dirichlet([5, 1, 0.3], size=40)
    factors = class_weights("balanced", soft, CLASSES)
    mass = (soft * factors).sum(axis=0)
    np.testing.assert_allclose(mass, 40 / 3)


def test_balanced_leaves_out_a_class_without_mass():
    soft = np.array([[0.9, 0.1, 0.0], [0.5, 0.5, 0.0]])
    mass = (soft * class_weights("balanced", soft, CLASSES)).sum(axis=0)
    np.testing.assert_allclose(mass, [1, 1, 0])


def test_balanced_is_that_of_scikit_learn_on_hard_labels():
    from sklearn.utils.class_weight import compute_class_weight

    codes = np.array([0, 0, 0, 1, 2, 2])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=codes)
    np.testing.assert_allclose(class_weights("balanced", np.eye(3)[codes], CLASSES), expected)


def test_mapping_by_name():
    assert class_weights({"dog": 3}, np.eye(3), CLASSES).tolist() == [1, 3, 1]


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"cow": 1}, ValueError, "names 'cow'"),
        ({"dog": -1}, ValueError, r"class_weight\['dog'\]"),
        ({"dog": "much"}, TypeError, r"class_weight\['dog'\]"),
        ("equal", ValueError, "None, 'balanced' or a mapping"),
        ([1, 2, 3], ValueError, "None, 'balanced' or a mapping"),
    ],
)
def test_what_is_no_weight_is_refused(given, error, message):
    with pytest.raises(error, match=message):
        class_weights(given, np.eye(3), CLASSES)
