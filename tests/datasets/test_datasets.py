from __future__ import annotations

import numpy as np
import pytest

from aggregate import load_dataset
from aggregate.datasets import dataset_names, load_anesthesia


def test_anesthesia_is_the_table_of_1979(real):
    annotations, _ = real("anesthesia")
    assert load_anesthesia() == annotations


def test_anesthesia_in_figures():
    """What can be counted by hand in table 1 of Dawid and Skene (1979)."""
    votes = load_anesthesia()
    assert votes.items.tolist() == list(range(1, 46))
    assert votes.annotators.tolist() == [1, 2, 3, 4, 5]
    assert votes.labels_per_annotator.tolist() == [135, 45, 45, 45, 45]
    patient_11 = slice(votes.item_ptr[10], votes.item_ptr[11])
    assert votes.classes[votes.label[patient_11]].tolist() == [4] * 7


@pytest.mark.parametrize("name", dataset_names())
def test_every_set_loads_the_same_each_time(name):
    one, other = load_dataset(name), load_dataset(name)
    assert one.name == name
    assert one.description
    assert one.annotations == other.annotations
    if one.truth is not None:
        np.testing.assert_array_equal(one.truth, other.truth)
        assert len(one.truth) == one.annotations.n_items
        assert set(one.truth) <= set(one.annotations.classes)


def test_the_demo_has_what_real_crowds_have():
    demo = load_dataset("demo").annotations
    per_annotator = dict(zip(demo.annotators, demo.labels_per_annotator, strict=True))
    assert per_annotator["person-04"] == 5
    assert per_annotator["person-18"] == 5
    assert demo.labels_per_item.min() >= 1


def test_an_unknown_set_is_named():
    with pytest.raises(ValueError, match="'anesthesia', 'demo'; got 'nothing'"):
        load_dataset("nothing")
