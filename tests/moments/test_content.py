from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregate import Annotations, simulate_annotations
from aggregate.moments import choose_triples, content_ranks
from tests.strategies import calm, votes


def mirrored(annotations, annotators, items, classes):
    """Return the same votes with annotators, items and classes in another order."""
    return Annotations.from_columns(
        items[annotations.item], annotators[annotations.annotator], classes[annotations.label],
        known_items=range(annotations.n_items),
        known_annotators=range(annotations.n_annotators),
        classes=range(annotations.n_classes),
    )  # fmt: skip


def orders(seed, annotations):
    random = np.random.default_rng(seed)
    sizes = (annotations.n_annotators, annotations.n_items, annotations.n_classes)
    return [random.permutation(size) for size in sizes]


@pytest.mark.parametrize("seed", range(3))
def test_the_order_follows_the_votes(seed):
    crowd = simulate_annotations(300, 40, 4, labels_per_item=4, random_state=seed).annotations
    annotators, items, classes = orders(seed, crowd)
    other = content_ranks(mirrored(crowd, annotators, items, classes))
    first = content_ranks(crowd)
    assert sorted(first.annotators) == list(range(40))
    assert sorted(first.items) == list(range(300))
    np.testing.assert_array_equal(first.annotators, other.annotators[annotators])
    np.testing.assert_array_equal(first.items, other.items[items])


@pytest.mark.parametrize("seed", range(3))
def test_the_same_triples_are_drawn_in_any_order(seed):
    crowd = simulate_annotations(300, 40, 4, labels_per_item=4, random_state=seed).annotations
    annotators, items, classes = orders(seed, crowd)
    turned = mirrored(crowd, annotators, items, classes)
    drawn, other = (choose_triples(votes, 70, random_state=seed) for votes in (crowd, turned))
    assert {frozenset(annotators[t]) for t in drawn} == {frozenset(t) for t in other.tolist()}


@calm
@given(drawn=votes(min_rows=1), seed=st.integers(0, 99))
def test_only_annotators_who_look_alike_may_change_places(drawn, seed):
    """Of each rank, the profile (labels, agreements) is the same in any order."""
    item, annotator, label = drawn.columns
    crowd = Annotations.from_columns(item, annotator, label)
    turned = mirrored(crowd, *orders(seed, crowd))
    profiles = []
    for votes_ in (crowd, turned):
        same_item = votes_.item[:, None] == votes_.item
        agree = (same_item & (votes_.label[:, None] == votes_.label)).sum(axis=1)
        rows = [[] for _ in range(votes_.n_annotators)]
        for j, n, a in zip(votes_.annotator, same_item.sum(axis=1), agree, strict=True):
            rows[j].append((int(n), int(a)))
        rank = content_ranks(votes_).annotators
        profiles.append([sorted(rows[j]) for j in np.argsort(rank)])
    assert profiles[0] == profiles[1]


def test_threads_and_blocks_change_nothing(monkeypatch):
    crowd = simulate_annotations(200, 30, 3, labels_per_item=4, random_state=0).annotations
    whole = content_ranks(crowd)
    monkeypatch.setattr("aggregate.moments.content._AT_ONCE", 50)
    for n_jobs in (1, 3):
        parts = content_ranks(crowd, n_jobs=n_jobs)
        np.testing.assert_array_equal(whole.annotators, parts.annotators)
        np.testing.assert_array_equal(whole.items, parts.items)


def test_nothing_to_rank():
    empty = Annotations.from_columns([], [], [], known_annotators=["a", "b"], classes=[0, 1])
    assert content_ranks(empty).annotators.tolist() == [0, 1]
    assert content_ranks(empty).items.shape == (0,)
