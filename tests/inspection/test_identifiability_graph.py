"""Who shares items with whom, and what stands above noise, against plain loops."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregate import Annotations, identifiability_report, simulate_annotations
from aggregate.inspection import graph, overlap
from aggregate.inspection._evidence import (
    clear_kruskal_rank,
    evidence_against_rest,
    mean_square,
    pair_evidence,
)
from aggregate.moments import pair_moments

seeds = st.integers(0, 10_000)


def draw(seed, n_items=12, n_annotators=7, n_classes=3, n_labels=40):
    """Draw votes at random, some of them repeats; return the container and the triples."""
    random = np.random.default_rng(seed)
    columns = [random.integers(0, n, n_labels) for n in (n_items, n_annotators, n_classes)]
    votes = Annotations.from_columns(
        *columns,
        classes=range(n_classes),
        known_items=range(n_items),
        known_annotators=range(n_annotators),
    )
    return votes, [tuple(row) for row in np.column_stack(columns).tolist()]


def items_of(rows, j):
    return {i for i, annotator, _ in rows if annotator == j}


def search_components(rows, n_annotators):
    """Return each annotator's component, found breadth first; -1 without a label."""
    component = [-1] * n_annotators
    for start in range(n_annotators):
        if component[start] >= 0 or not items_of(rows, start):
            continue
        queue, component[start] = [start], start
        while queue:
            j = queue.pop(0)
            for other in range(n_annotators):
                if component[other] < 0 and items_of(rows, j) & items_of(rows, other):
                    component[other] = start
                    queue.append(other)
    return component


@given(seed=seeds, n_labels=st.integers(1, 30))
@settings(max_examples=30, deadline=None)
def test_components_are_those_of_a_breadth_first_search(seed, n_labels):
    votes, rows = draw(seed, n_items=25, n_annotators=9, n_labels=n_labels)
    found = identifiability_report(votes, n_starts=0).annotators.component
    naive = search_components(rows, 9)
    for a, b in combinations(range(9), 2):
        assert (found[a] == found[b]) == (naive[a] == naive[b])


@given(seed=seeds, enough=st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_overlap_counts_shared_items_once(seed, enough):
    votes, rows = draw(seed)
    found = overlap(votes, min_overlap=enough)
    shared = {
        (a, b): len(items_of(rows, a) & items_of(rows, b)) for a, b in combinations(range(7), 2)
    }
    assert found.is_complete
    assert found.n_possible == 21
    assert found.n_pairs == sum(n > 0 for n in shared.values())
    assert found.usable_pairs().tolist() == [[a, b] for (a, b), n in shared.items() if n >= enough]
    partners = [sum(n > 0 for pair, n in shared.items() if j in pair) for j in range(7)]
    assert found.partners.tolist() == partners
    usable = [sum(n >= enough for pair, n in shared.items() if j in pair) for j in range(7)]
    assert found.usable_partners.tolist() == usable


@given(seed=seeds)
@settings(max_examples=30, deadline=None)
def test_triples_are_all_those_with_enough_items(seed):
    votes, rows = draw(seed, n_labels=60)
    found = overlap(votes, min_overlap=2)
    triples, complete = graph.triangles(found, np.random.default_rng(0))
    counted = graph.triple_overlap(votes, triples)
    usable = triples[counted >= 2].tolist()
    assert complete
    assert usable == [
        list(t)
        for t in combinations(range(7), 3)
        if len(set.intersection(*(items_of(rows, j) for j in t))) >= 2
    ]


def test_sampled_triples_are_triangles_and_reach_every_annotator(monkeypatch):
    monkeypatch.setattr(graph, "_TRIPLES", 40)
    votes = simulate_annotations(150, 20, 2, labels_per_item=6, random_state=1).annotations
    found = overlap(votes, min_overlap=10)
    triples, complete = graph.triangles(found, np.random.default_rng(0))
    assert not complete
    usable = found.usable.toarray()
    for a, b, c in triples.tolist():
        assert a < b < c
        assert usable[[a, a, b], [b, c, c]].all()
    in_a_triangle = np.flatnonzero(np.diag(usable @ usable @ usable))
    assert set(triples.ravel()) <= set(in_a_triangle)
    assert len(set(triples.ravel())) >= 0.8 * len(in_a_triangle)


def test_a_sample_of_partners_where_pairs_are_too_many(monkeypatch):
    votes = simulate_annotations(300, 60, 2, labels_per_item=30, random_state=1).annotations
    whole = overlap(votes)
    monkeypatch.setattr(graph, "_CHEAP", 90_000)
    part = overlap(votes, random_state=0)
    assert whole.is_complete
    assert not part.is_complete
    expected = whole.shared.toarray() * part.candidates
    np.testing.assert_array_equal(part.shared.toarray(), expected)
    chosen = part.candidates.sum()
    assert part.n_possible == chosen * (chosen - 1) // 2 + (60 - chosen) * chosen
    assert part.n_pairs == part.n_possible  # here everybody shares an item with everybody
    assert not identifiability_report(votes, n_starts=0, random_state=0).is_complete


@given(seed=seeds)
@settings(max_examples=20, deadline=None)
def test_tables_against_the_rest_are_averages_over_labels(seed):
    votes, rows = draw(seed, n_items=8, n_annotators=4, n_labels=30)
    whole, n_compared = np.zeros((3, 3)), 0
    shared = np.zeros(4, dtype=int)
    for j in range(4):
        seen = set()
        for i, annotator, label in rows:
            others = [y for item, other, y in rows if item == i and other != j]
            if annotator != j or not others:
                continue
            for y in others:
                whole[label, y] += 1 / len(others)
            n_compared += 1
            seen.add(i)
        shared[j] = len(seen)
    found = evidence_against_rest(votes, min_items=1)
    np.testing.assert_array_equal(found.shared_items, shared)
    symmetric = (whole + whole.T) / 2 / max(n_compared, 1)
    np.testing.assert_allclose(found.values, np.linalg.svd(symmetric)[1], atol=1e-12)
    assert (found.errors >= 0).all()


def test_evidence_in_many_small_blocks_is_the_same(monkeypatch):
    from aggregate.inspection import _evidence

    votes = simulate_annotations(200, 25, 3, labels_per_item=4, random_state=0).annotations
    whole = evidence_against_rest(votes, 10)
    monkeypatch.setattr(_evidence, "_AT_ONCE", 400)
    parts = evidence_against_rest(votes, 10)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_noise_of_spammers_rarely_looks_like_rank():
    clear = 0
    for seed in range(40):
        crowd = simulate_annotations(
            60, 12, 3, labels_per_item=5, confusion=np.full((3, 3), 1 / 3), random_state=seed
        )
        clear += evidence_against_rest(crowd.annotations, 5).rank > 1
    assert clear <= 1


def test_standard_errors_of_singular_values_are_those_of_repeated_draws():
    confusion = [[0.8, 0.2], [0.3, 0.7]]
    values, errors, pairs = [], [], []
    for seed in range(300):
        crowd = simulate_annotations(
            150, 3, 2, labels_per_item=3, confusion=confusion, random_state=seed
        ).annotations
        found = evidence_against_rest(crowd, 5)
        values.append(found.values)
        errors.append(found.errors)
        smallest, error, _ = pair_evidence(pair_moments(crowd))
        pairs.append((smallest[0], error[0]))
    np.testing.assert_allclose(np.std(values, axis=0), np.mean(errors, axis=0), rtol=0.15)
    spread = np.array(pairs)
    assert spread[:, 0].std() == pytest.approx(spread[:, 1].mean(), rel=0.15)


def test_equal_singular_values_are_judged_by_the_mean_over_their_bases():
    left, right = np.random.default_rng(0).normal(size=(2, 5, 4))
    found = mean_square(left, right, np.array([3.0, 2.0, 2.0, 1.0]))
    angles = 2 * np.pi * np.arange(8) / 8  # as good as all: the squares are of degree four
    turns = np.stack([np.cos(angles), np.sin(angles)])
    tied = np.square((left[:, 1:3] @ turns) * (right[:, 1:3] @ turns)).mean(axis=1)
    plain = np.square(left * right)
    np.testing.assert_allclose(found, np.stack([plain[:, 0], tied, tied, plain[:, 3]], axis=1))


def test_kruskal_rank_clear_of_noise():
    merges = np.array([[0.8, 0.1, 0.1], [0.2, 0.4, 0.4], [0.2, 0.42, 0.38]])
    flat = np.array([[0.9, 0.1, 0.0], [0.5, 0.3, 0.2], [0.1, 0.5, 0.4]])
    assert clear_kruskal_rank(flat, np.full(3, 1e3), 3) == 2
    assert clear_kruskal_rank(merges, np.full(3, 1e3), 3) == 1
    assert clear_kruskal_rank(merges, np.full(3, 1e6), 3) == 3
    assert clear_kruskal_rank(flat, np.full(3, 3.0), 3) == 1
    assert clear_kruskal_rank(flat, np.full(3, 1e3), 1) == 1
