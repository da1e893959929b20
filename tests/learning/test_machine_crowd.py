from __future__ import annotations

import numpy as np
import pytest

from aggregate import DawidSkene
from aggregate.learning import load_machine_crowd


@pytest.mark.parametrize(
    ("name", "sizes"),
    [("digits", (898, 300, 64)), ("breast_cancer", (284, 96, 30)), ("wine", (89, 30, 13))],
)
def test_shapes_and_counts(name, sizes):
    crowd = load_machine_crowd(name, n_annotators=7, labels_per_item=3, random_state=0)
    n_items, n_tests, n_features = sizes
    assert crowd.X.shape == (n_items, n_features)
    assert crowd.X_test.shape == (n_tests, n_features)
    assert len(crowd.truth) == n_items
    assert len(crowd.y_test) == n_tests
    assert crowd.annotations.n_annotators == 7
    assert set(crowd.annotations.labels_per_item.tolist()) == {3}


def test_no_item_is_both_labelled_and_tested():
    crowd = load_machine_crowd("wine", random_state=1)
    labelled = {row.tobytes() for row in crowd.X}
    assert not labelled & {row.tobytes() for row in crowd.X_test}


def test_the_seed_decides_everything():
    first, again, other = (load_machine_crowd("wine", random_state=seed) for seed in (3, 3, 4))
    assert first.annotations == again.annotations
    assert np.array_equal(first.X, again.X)
    assert first.annotations != other.annotations


def test_better_than_chance_and_together_better_than_one():
    crowd = load_machine_crowd("digits", random_state=0)
    truth = crowd.truth[crowd.annotations.item]
    single = np.mean(crowd.annotations.label == truth)
    assert 0.4 < single < 0.9
    assert np.mean(DawidSkene().fit(crowd.annotations).labels_ == crowd.truth) > single + 0.1


def test_machines_share_their_mistakes():
    """Given the truth, two machines agree on the same wrong digit more often than by chance."""
    crowd = load_machine_crowd("digits", n_annotators=8, labels_per_item=8, random_state=0)
    said = crowd.annotations.to_matrix()
    confusion = np.zeros((8, 10, 10))
    for j in range(8):
        np.add.at(confusion[j], (crowd.truth, said[:, j]), 1)
    confusion /= confusion.sum(axis=2, keepdims=True)
    alike = expected = 0.0
    for a in range(8):
        for b in range(a):
            alike += np.mean((said[:, a] == said[:, b]) & (said[:, a] != crowd.truth))
            same = confusion[a] * confusion[b]
            np.fill_diagonal(same, 0)
            expected += same.sum(axis=1)[crowd.truth].mean()
    assert alike > 1.2 * expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "iris"}, "name must be one of"),
        ({"n_annotators": 0}, "n_annotators must be"),
        ({"labels_per_item": 21}, "labels_per_item must be"),
        ({"examples": 9}, "examples must be"),
    ],
)
def test_messages(options, message):
    with pytest.raises(ValueError, match=message):
        load_machine_crowd(**options)
