from __future__ import annotations

import numpy as np
import pytest

from aggregate import Annotations, simulate_annotations
from aggregate.simulate.crowd import _invert, _subsets

CONFUSION = np.array([[0.7, 0.2, 0.1], [0.05, 0.9, 0.05], [0.3, 0.3, 0.4]])


def counts_by_truth(crowd):
    """Count what was reported for each truth, one by one."""
    table = np.zeros((3, 3))
    votes = crowd.annotations
    for i in range(votes.n_items):
        for e in range(votes.item_ptr[i], votes.item_ptr[i + 1]):
            table[crowd.truth[i], votes.label[e]] += 1
    return table


def test_frequencies_match_the_confusion_and_the_prior():
    crowd = simulate_annotations(
        20_000, 30, 3, labels_per_item=3, class_prior=[0.2, 0.3, 0.5], confusion=CONFUSION,
        random_state=1,
    )  # fmt: skip
    table = counts_by_truth(crowd)
    shares = table / table.sum(axis=1, keepdims=True)
    error = np.sqrt(CONFUSION * (1 - CONFUSION) / table.sum(axis=1, keepdims=True))
    assert (abs(shares - CONFUSION) < 4 * error).all()
    prior = np.bincount(crowd.truth) / 20_000
    np.testing.assert_allclose(prior, [0.2, 0.3, 0.5], atol=4 * 0.5 / np.sqrt(20_000))


def test_each_annotator_has_their_own_confusion():
    stack = np.stack([np.eye(3), np.roll(np.eye(3), 1, axis=1)])
    crowd = simulate_annotations(50, 2, 3, labels_per_item=2, confusion=stack, random_state=0)
    matrix = crowd.annotations.to_matrix()
    np.testing.assert_array_equal(matrix[:, 0], crowd.truth)
    np.testing.assert_array_equal(matrix[:, 1], (crowd.truth + 1) % 3)


def test_the_container_is_as_if_built_from_columns():
    votes = simulate_annotations(100, 12, 4, labels_per_item=(0, 5), random_state=3).annotations
    rebuilt = Annotations.from_columns(
        votes.item, votes.annotator, votes.label,
        known_items=np.arange(100), known_annotators=np.arange(12), classes=np.arange(4),
    )  # fmt: skip
    assert rebuilt == votes
    assert votes.describe().repeats == 0


@pytest.mark.parametrize(("size", "population"), [(2, 5), (2, 9), (3, 3), (1, 40)])
def test_every_subset_is_equally_likely(size, population):
    drawn = _subsets(40_000, size, population, np.random.default_rng(0))
    assert (np.diff(drawn, axis=1) > 0).all()
    subsets, counts = np.unique(drawn, axis=0, return_counts=True)
    expected = 40_000 / len(subsets)
    n_subsets = {(2, 5): 10, (2, 9): 36, (3, 3): 1, (1, 40): 40}[size, population]
    assert len(subsets) == n_subsets
    assert (abs(counts - expected) < 4.5 * np.sqrt(expected)).all()


@pytest.mark.parametrize("n_classes", [1, 2, 3, 4, 5, 8, 9])
def test_inversion_is_a_search_in_the_row(n_classes):
    random = np.random.default_rng(n_classes)
    cumulative = np.cumsum(random.dirichlet(np.ones(n_classes), size=6), axis=1)
    row, uniform = random.integers(0, 6, 500), random.random(500)
    expected = [
        min(np.searchsorted(cumulative[r], u, side="right"), n_classes - 1)
        for r, u in zip(row, uniform, strict=True)
    ]
    np.testing.assert_array_equal(_invert(cumulative, row, uniform), expected)


def test_labels_of_probability_zero_never_come():
    crowd = simulate_annotations(2000, 5, 3, confusion=np.eye(3), random_state=0)
    np.testing.assert_array_equal(crowd.annotations.label, crowd.truth[crowd.annotations.item])


def test_labels_per_item_stay_in_their_range():
    crowd = simulate_annotations(3000, 20, 2, labels_per_item=(2, 6), random_state=0)
    assert np.unique(crowd.annotations.labels_per_item).tolist() == [2, 3, 4, 5, 6]


def test_drawn_accuracies_lie_in_their_range():
    crowd = simulate_annotations(10, 200, 4, accuracy=(0.5, 0.7), random_state=0)
    diagonal = crowd.confusion[:, np.arange(4), np.arange(4)]
    assert diagonal.min() >= 0.5
    assert diagonal.max() <= 0.7
    np.testing.assert_allclose(crowd.confusion.sum(axis=2), 1)
    fixed = simulate_annotations(10, 5, 1, accuracy=0.6, random_state=0)
    np.testing.assert_array_equal(fixed.confusion, 1)


def test_hard_items_make_errors_that_agree():
    """Two wrong answers to a hard item are the look-alike far more often than by chance."""
    crowd = simulate_annotations(
        4000, 50, 5, labels_per_item=2, accuracy=0.9, hard_items=0.5, random_state=0
    )
    wrong = crowd.annotations.label.reshape(-1, 2) != crowd.truth[:, np.newaxis]
    assert 0.45 < crowd.hard.mean() < 0.55
    assert wrong[~crowd.hard].mean() == pytest.approx(0.1, abs=0.02)
    assert wrong[crowd.hard].mean() == pytest.approx(0.6 * 0.1 + 0.4 * 0.975, abs=0.03)
    both = crowd.annotations.label.reshape(-1, 2)[crowd.hard & wrong.all(axis=1)]
    assert (both[:, 0] == both[:, 1]).mean() > 0.5  # by chance: 0.25


def test_the_seed_decides_everything():
    def draw(seed):
        return simulate_annotations(300, 30, 3, hard_items=0.3, random_state=seed)

    one, same, other = draw(5), draw(np.random.default_rng(5)), draw(6)
    assert one.annotations == same.annotations
    np.testing.assert_array_equal(one.truth, same.truth)
    assert one.annotations != other.annotations


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_items": 0}, "n_items must be an integer of at least 1"),
        ({"n_classes": 0}, "n_classes must be"),
        ({"labels_per_item": 21}, "at most n_annotators=20"),
        ({"labels_per_item": (3, 2)}, "labels_per_item must be an integer of at least 3"),
        ({"labels_per_item": (1, 2, 3)}, "a pair"),
        ({"class_prior": [0.5, 0.6, 0.1]}, "sum to 1"),
        ({"confusion": np.eye(2)}, "confusion must have shape"),
        ({"confusion": np.ones((3, 3))}, "summing to 1"),
        ({"accuracy": (0.9, 0.8)}, "accuracy must be"),
        ({"hard_items": 1.5}, "hard_items must be"),
        ({"look_alike": -1}, "look_alike must be"),
    ],
)
def test_what_cannot_be_drawn_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        simulate_annotations(**({"n_items": 10, "n_annotators": 20, "n_classes": 3} | change))


def test_a_million_labels_are_drawn_in_blocks():
    crowd = simulate_annotations(250_000, 800, 3, labels_per_item=5, random_state=0)
    assert crowd.annotations.n_annotations == 1_250_000
    label = crowd.annotations.label.reshape(-1, 5)
    right = (label == crowd.truth[:, np.newaxis]).mean()
    skill = crowd.confusion[:, np.arange(3), np.arange(3)].mean()
    assert right == pytest.approx(skill, abs=0.01)
