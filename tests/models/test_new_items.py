from __future__ import annotations

import numpy as np
import pytest

from aggregate import Annotations
from aggregate.models._new_items import align

ANNOTATORS, CLASSES = np.array(["u", "v"], dtype=object), np.array([0, 1])


def votes():
    return Annotations.from_columns(["a", "a", "b", "b"], ["v", "w", "w", "x"], [1, 0, 1, 1])


def test_unknown_annotators_share_one_code():
    aligned = align(votes(), ANNOTATORS, CLASSES, "prior")
    assert aligned.annotator.tolist() == [1, 2, 2, 2]
    assert aligned.label.tolist() == [1, 0, 1, 1]
    assert aligned.item_ptr.tolist() == [0, 2, 4]
    assert aligned.items.tolist() == ["a", "b"]


def test_ignored_labels_leave_their_items():
    aligned = align(votes(), ANNOTATORS, CLASSES, "ignore")
    assert aligned.annotator.tolist() == [1]
    assert aligned.item_ptr.tolist() == [0, 1, 1]
    assert aligned.n_items == 2


def test_annotators_without_labels_are_never_strange():
    silent = Annotations.from_columns(["a"], ["v"], [1], known_annotators=["v", "zoe"])
    assert align(silent, ANNOTATORS, CLASSES, "error").annotator.tolist() == [1]


def test_classes_are_matched_by_value():
    other = Annotations.from_columns(["a", "a"], ["u", "v"], [1.0, 0.0], classes=[1.0, 0.0])
    assert align(other, ANNOTATORS, CLASSES, "error").label.tolist() == [1, 0]


@pytest.mark.parametrize("policy", ["prior", "ignore", "error"])
def test_known_votes_are_the_same_under_any_policy(policy):
    known = Annotations.from_columns(["a", "b"], ["u", "v"], [0, 1])
    aligned = align(known, ANNOTATORS, CLASSES, policy)
    assert aligned.annotator.tolist() == [0, 1]
    assert aligned.label.tolist() == [0, 1]
