"""Kruskal's condition, separability and scattering, against definitions spelled out."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregate.inspection import (
    kruskal_holds,
    kruskal_rank,
    scatter,
    separability,
    sufficiently_scattered,
)

seeds = st.integers(0, 10_000)


def naive_kruskal_rank(matrix):
    n_columns = matrix.shape[1]
    for size in range(1, n_columns + 1):
        for chosen in combinations(range(n_columns), size):
            if np.linalg.matrix_rank(matrix[:, chosen]) < size:
                return size - 1
    return n_columns


@given(seed=seeds, n_rows=st.integers(1, 5), n_columns=st.integers(1, 6))
@settings(max_examples=100, deadline=None)
def test_kruskal_rank_is_that_of_all_subsets(seed, n_rows, n_columns):
    # small integers make dependent columns common
    matrix = np.random.default_rng(seed).integers(-1, 2, size=(n_rows, n_columns)).astype(float)
    assert kruskal_rank(matrix) == naive_kruskal_rank(matrix)


def test_kruskal_rank_ignores_scale_and_takes_a_tolerance():
    matrix = np.array([[1.0, 1.0], [0.0, 1e-4]])
    assert kruskal_rank(matrix * [1e-6, 1e6]) == 2
    assert kruskal_rank(matrix, tol=1e-3) == 1
    assert kruskal_rank(np.zeros((3, 0))) == 0


def test_kruskal_rank_refuses_what_it_cannot_finish():
    wide = np.random.default_rng(0).random((20, 300))
    with pytest.raises(ValueError, match="subsets"):
        kruskal_rank(wide)
    with pytest.raises(ValueError, match="finite with two axes"):
        kruskal_rank([1.0, np.nan])


GOOD = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.2, 0.7]])
MERGES = np.array([[0.8, 0.1, 0.1], [0.2, 0.4, 0.4], [0.2, 0.4, 0.4]])  # classes 1 and 2 alike
FLAT = np.array([[0.9, 0.1, 0.0], [0.5, 0.3, 0.2], [0.1, 0.5, 0.4]])  # middle row between others
SPAM = np.full((3, 3), 1 / 3)


@pytest.mark.parametrize(
    ("third", "holds"),
    [(GOOD, True), (FLAT, True), (MERGES, False), (SPAM, False)],
    ids=["full rank", "Kruskal rank 2", "two equal rows", "spammer"],
)
def test_two_good_annotators_and_a_third(third, holds):
    assert np.linalg.matrix_rank(FLAT) == 2
    assert kruskal_holds(GOOD, GOOD, third) is holds
    assert kruskal_holds(third, GOOD, GOOD) is holds


def test_one_good_annotator_is_not_enough_and_one_class_always_is():
    assert not kruskal_holds(GOOD, FLAT, FLAT)
    assert kruskal_holds([[1.0]], [[1.0]], [[1.0]])
    with pytest.raises(ValueError, match="same classes"):
        kruskal_holds(GOOD, GOOD, np.eye(2))


@given(seed=seeds, shape=st.tuples(st.integers(1, 4), st.integers(1, 4)))
@settings(max_examples=50, deadline=None)
def test_separability_is_the_least_share_of_other_classes(seed, shape):
    random = np.random.default_rng(seed)
    n_annotators, n_classes = shape
    confusion = random.dirichlet(np.ones(n_classes), size=(n_annotators, n_classes))
    prior = random.dirichlet(np.ones(n_classes) * 3)
    found = separability(confusion, prior)
    for k in range(n_classes):
        shares = {}
        for j in range(n_annotators):
            for y in range(n_classes):
                uses = [prior[c] * confusion[j][c][y] for c in range(n_classes)]
                shares[j, y] = 1 - uses[k] / sum(uses)
        assert found.epsilon[k] == pytest.approx(min(shares.values()))
        assert shares[found.annotator[k], found.label[k]] == pytest.approx(found.epsilon[k])


def test_a_perfect_annotator_is_an_anchor_of_every_class_if_counted():
    confusion = np.stack([SPAM, np.eye(3)])
    found = separability(confusion)
    np.testing.assert_array_equal(found.epsilon, 0)
    np.testing.assert_array_equal(found.annotator, 1)
    hardly_seen = separability(confusion, uses=[[9, 9, 9], [1, 1, 1]], min_uses=5)
    np.testing.assert_allclose(hardly_seen.epsilon, 2 / 3)
    nobody = separability(confusion, uses=np.zeros((2, 3)), min_uses=1)
    np.testing.assert_array_equal(nobody.epsilon, 1)
    np.testing.assert_array_equal(nobody.annotator, -1)


def test_separability_refuses_what_is_no_table_of_probabilities():
    with pytest.raises(ValueError, match="non-negative"):
        separability([[[-1.0]]])
    with pytest.raises(ValueError, match="uses must have the shape"):
        separability([[[1.0]]], uses=[[1, 2]])


def naive_coverage(rows):
    """Least support of the hull in any of many directions of the plane, three classes."""
    points = rows / rows.sum(axis=1, keepdims=True) - 1 / 3
    first = np.array([1, -1, 0]) / np.sqrt(2)
    second = np.array([1, 1, -2]) / np.sqrt(6)
    angle = np.linspace(0, 2 * np.pi, 20_001)[:, np.newaxis]
    directions = np.cos(angle) * first + np.sin(angle) * second
    return max((points @ directions.T).max(axis=0).min() * np.sqrt(6), 0.0)


@given(seed=seeds, n_rows=st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_coverage_is_the_enclosed_ball(seed, n_rows):
    rows = np.random.default_rng(seed).dirichlet(np.full(3, 0.4), size=n_rows) + 1e-6
    found = sufficiently_scattered(rows)
    assert found.exact
    assert found.coverage == pytest.approx(naive_coverage(rows), abs=1e-3)
    assert found.holds == (naive_coverage(rows) > 1 - 1e-7)


def hexagon(cut):
    """Cut the corners of the simplex of three classes: the share ``cut`` of each edge is left out.

    Its sides on the edges of the simplex keep the midpoints, where the ball touches, up to 1/2.
    """
    return [np.roll([1 - cut, cut, 0], s) for s in range(3)] + [
        np.roll([1 - cut, 0, cut], s) for s in range(3)
    ]


@pytest.mark.parametrize(("cut", "holds"), [(0.0, True), (0.3, True), (0.36, False), (0.5, False)])
def test_corners_may_be_cut_until_the_ball_is_touched(cut, holds):
    # the cut side lies at (1 - 3 cut / 2) sqrt(2 / 3) from the centre; it meets the ball at 1/3
    assert sufficiently_scattered(hexagon(cut)).holds is holds


def test_rows_that_only_touch_the_ball_elsewhere_do_not_hold():
    angle = np.linspace(0, 2 * np.pi, 721)[:-1, np.newaxis]
    first, second = np.array([1, -1, 0]) / np.sqrt(2), np.array([1, 1, -2]) / np.sqrt(6)
    tight = np.sqrt(1 / 6) / np.cos(np.pi / 720)  # a polygon around the ball, inside the simplex
    polygon = 1 / 3 + tight * (np.cos(angle) * first + np.sin(angle) * second)
    found = sufficiently_scattered(np.maximum(polygon, 0))
    assert found.coverage == pytest.approx(1, abs=1e-4)
    assert not found.holds


@pytest.mark.parametrize("n_classes", [2, 3, 4, 5, 7])
def test_anchors_are_scattered_and_spammers_are_not(n_classes):
    assert sufficiently_scattered(np.eye(n_classes)).holds
    flat = sufficiently_scattered(np.ones((6, n_classes)))
    assert (flat.holds, flat.coverage) == (False, 0.0)
    blurred = sufficiently_scattered(np.eye(n_classes) + 0.2, random_state=0)
    assert not blurred.holds
    assert blurred.coverage == pytest.approx(1 / (1 + 0.2 * n_classes))


@given(seed=seeds, n_classes=st.integers(2, 5))
@settings(max_examples=15, deadline=None)
def test_the_search_never_says_less_than_the_truth(seed, n_classes):
    rows = np.random.default_rng(seed).dirichlet(np.full(n_classes, 0.3), size=30)
    exact = sufficiently_scattered(rows)
    limit, scatter.MOST_EXACT = scatter.MOST_EXACT, 1
    try:
        searched = sufficiently_scattered(rows, random_state=seed)
    finally:
        scatter.MOST_EXACT = limit
    assert not searched.exact
    assert searched.coverage >= exact.coverage - 1e-9
    assert searched.coverage == pytest.approx(exact.coverage, abs=0.1)


def test_scattering_of_nothing_has_an_answer():
    assert not sufficiently_scattered(np.zeros((0, 3))).holds
    assert not sufficiently_scattered(np.zeros((0, 1))).holds
    assert sufficiently_scattered([[2.0]]).holds
    assert sufficiently_scattered(np.zeros((4, 3))).coverage == 0
    with pytest.raises(ValueError, match="non-negative"):
        sufficiently_scattered([[-1.0, 2.0]])
