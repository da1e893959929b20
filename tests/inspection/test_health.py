from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregate import Annotations, load_dataset, simulate_annotations
from aggregate.inspection import check_health, health

VOTES = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 6), st.integers(0, 2)), min_size=0, max_size=25
)


def build(votes):
    items, annotators, labels = zip(*votes, strict=True) if votes else ((), (), ())
    return Annotations.from_columns(
        np.array(items, dtype=int), np.array(annotators, dtype=int), np.array(labels, dtype=int),
        known_items=range(8), known_annotators=range(7), classes=range(3),
    )  # fmt: skip


def naive_components(votes):
    """Merge sets of annotators and items until none touch."""
    groups = []
    for i, j, _ in votes:
        joined = {("item", i), ("annotator", j)}
        for group in [g for g in groups if g & joined]:
            joined |= group
            groups.remove(group)
        groups.append(joined)
    return groups


@settings(max_examples=150, deadline=None)
@given(VOTES)
def test_everything_that_is_counted_equals_the_naive_count(votes):
    found = check_health(build(votes))
    groups = naive_components(votes)
    assert found.n_components == len(groups)
    sizes = [sum(("item", i) in group for i, _, _ in votes) for group in groups]
    assert found.share_of_largest == pytest.approx(max(sizes, default=0) / max(len(votes), 1))
    for group in groups:
        codes = {found.component_of_item[i] for kind, i in group if kind == "item"}
        codes |= {found.component_of_annotator[j] for kind, j in group if kind == "annotator"}
        assert len(codes) == 1
        assert codes != {-1}
    by_item = {i: [(j, y) for n, j, y in votes if n == i] for i in range(8)}
    assert found.single_label_items == sum(len(given) == 1 for given in by_item.values())
    several = [given for given in by_item.values() if len(given) > 1]
    unanimous = [len({y for _, y in given}) == 1 for given in several]
    expected = np.mean(unanimous) if several else np.nan
    np.testing.assert_allclose(found.unanimous_share, expected)
    pairs = {
        pair
        for given in by_item.values()
        for pair in combinations(sorted({j for j, _ in given}), 2)
    }
    assert found.annotator_pairs == len(pairs)
    given_by = {j: sum(n == j for _, n, _ in votes) for j in range(7)}
    assert found.few_labels.tolist() == [j for j, n in given_by.items() if 0 < n < 10]
    assert str(found) is not None


@settings(max_examples=60, deadline=None)
@given(VOTES)
def test_agreement_equals_the_naive_mean(votes):
    found = check_health(build(votes)).agreement
    for j in range(7):
        shares = []
        for place, (i, annotator, y) in enumerate(votes):
            others = [v for p, (n, _, v) in enumerate(votes) if n == i and p != place]
            if annotator == j and others:
                shares.append(np.mean([v == y for v in others]))
        np.testing.assert_allclose(found[j], np.mean(shares) if shares else np.nan)


def test_the_component_with_most_labels_comes_first():
    votes = build([(0, 0, 0), (1, 1, 1), (1, 2, 1), (2, 2, 0)])
    found = check_health(votes)
    assert found.component_of_item.tolist() == [1, 0, 0, -1, -1, -1, -1, -1]
    assert found.component_of_annotator.tolist() == [1, 0, 0, -1, -1, -1, -1]
    assert "separate groups of annotators without a common item: 2" in str(found)


def test_the_constant_and_the_contrary_are_found_and_nobody_else():
    """In the demo, 21 says yes to everything; a crowd with one liar knows him."""
    demo = check_health(load_dataset("demo").annotations)
    assert demo.one_label.tolist() == ["person-21"]
    assert demo.few_labels.tolist() == ["person-04", "person-18"]
    confusion = np.repeat([[[0.8, 0.2], [0.2, 0.8]]], 10, axis=0)
    confusion[4] = [[0.1, 0.9], [0.9, 0.1]]
    crowd = simulate_annotations(100, 10, 2, labels_per_item=4, confusion=confusion, random_state=0)
    found = check_health(crowd.annotations)
    assert found.below_chance.tolist() == [4]
    assert not len(found.one_label)
    assert "annotators who agree with others less than by chance: 1 (4)" in str(found)


def test_a_frequent_class_makes_no_one_suspect():
    """Fifteen times the usual class in a row is nothing odd; a rare class would be."""
    labels = np.zeros((300, 20), dtype=int)
    labels[:20, 1:] = 1
    labels[np.arange(300) % 20 != 0, 0] = -1  # annotator 0 saw fifteen items
    found = check_health(Annotations.from_matrix(labels))
    assert not len(found.one_label)
    labels[labels[:, 0] >= 0, 0] = 1
    assert check_health(Annotations.from_matrix(labels)).one_label.tolist() == [0]


def test_pairs_are_not_counted_where_that_is_slow(monkeypatch):
    monkeypatch.setattr(health, "_CHEAP", 10)
    found = check_health(load_dataset("anesthesia").annotations)
    assert found.annotator_pairs is None
    assert "pairs" not in str(found)


def test_no_labels_at_all():
    found = check_health(Annotations.from_columns([], [], []))
    assert found.n_components == 0
    assert found.share_of_largest == 0
    assert not len(found.agreement)
