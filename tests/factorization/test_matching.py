from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregate.factorization import match_columns, match_to_diagonal, propagate_permutations
from tests.factorization import planted


def scramble(A, seed):
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(A.shape[2]) for _ in A]
    return np.stack([a[:, o] for a, o in zip(A, orders, strict=True)])


def apply(A, orders):
    return np.stack([a[:, o] for a, o in zip(A, orders, strict=True)])


@given(st.integers(0, 10_000), st.integers(1, 4))
@settings(deadline=None, max_examples=60)
def test_diagonal_and_columns_are_the_best_of_all_permutations(seed, K):
    rng = np.random.default_rng(seed)
    A, w, B = rng.random((3, K, K)), rng.random(3), rng.random((K, K))
    summed = np.einsum("m,mak->ak", w, A)
    order = match_to_diagonal(A, w)
    every = [list(p) for p in permutations(range(K))]
    assert np.trace(summed[:, order]) == pytest.approx(max(np.trace(summed[:, p]) for p in every))
    order = match_columns(A[0], B)
    distances = [((A[0][:, p] - B) ** 2).sum() for p in every]
    assert ((A[0][:, order] - B) ** 2).sum() == pytest.approx(min(distances))


def test_no_column_is_used_twice_where_the_greedy_choice_would():
    A = np.array([[0.6, 0.5, 0.1], [0.3, 0.3, 0.2], [0.1, 0.2, 0.7]])
    assert np.argmax(A, axis=1).tolist() == [0, 0, 2]
    assert sorted(match_to_diagonal(A).tolist()) == [0, 1, 2]


def test_weights_decide_the_common_order():
    swap = np.eye(2)[:, ::-1]
    assert match_to_diagonal([np.eye(2), swap], [2.0, 1.0]).tolist() == [0, 1]
    assert match_to_diagonal([np.eye(2), swap], [1.0, 2.0]).tolist() == [1, 0]


@pytest.mark.parametrize("seed", range(8))
def test_permutations_spread_over_the_tree(seed):
    """Only the reference is near the diagonal; the others are in any order, some adversarial."""
    A, d = planted.model(seed, M=7, max_cond=20)
    A[3] = planted.model(seed, M=1, diagonal=0.7)[0][0]
    chain = [(0, 3), (3, 5), (5, 1), (1, 2), (2, 6), (6, 4)]
    pairs, R = planted.pair_moments(A, d, chain)
    orders = propagate_permutations(scramble(A, seed), pairs, R, reference=3)
    np.testing.assert_array_equal(apply(scramble(A, seed), orders), A)
    turned = pairs[::-1, ::-1], R[::-1].transpose(0, 2, 1)
    again = propagate_permutations(scramble(A, seed), *turned, reference=3)
    np.testing.assert_array_equal(orders, again)


def test_heavy_blocks_are_preferred_to_light_ones():
    A, d = planted.model(0, M=4, diagonal=0.5)
    pairs, R = planted.pair_moments(A, d)
    light = (pairs == 3).any(axis=1) & ~(pairs == 0).any(axis=1)
    R[light] = R[light][:, ::-1]
    w = np.where(light, 1.0, 10.0)
    mixed = scramble(A, 1)
    np.testing.assert_array_equal(apply(mixed, propagate_permutations(mixed, pairs, R, w)), A)
    wrong = propagate_permutations(mixed, pairs, R, np.where(light, 10.0, 1.0))
    assert (apply(mixed, wrong) != A).any()


def test_repeated_pairs_are_averaged_by_weight():
    A, d = planted.model(2, M=2, diagonal=0.5)
    R = A[0] @ np.diag(d) @ A[1].T
    mixed = scramble(A, 3)
    orders = propagate_permutations(mixed, [(0, 1), (1, 0)], [R, R[::-1].T], [9.0, 1.0])
    np.testing.assert_array_equal(apply(mixed, orders), A)


def test_every_component_has_its_own_reference():
    A, d = planted.model(1, M=5, diagonal=0.5)
    pairs, R = planted.pair_moments(A, d, [(0, 1), (2, 3)])
    mixed = scramble(A, 0)
    orders = propagate_permutations(mixed, pairs, R)
    np.testing.assert_array_equal(apply(mixed, orders), A)


def test_degenerate_inputs():
    one = propagate_permutations(np.ones((2, 1, 1)), [(0, 1)], np.ones((1, 1, 1)))
    assert one.tolist() == [[0], [0]]
    flat = propagate_permutations(np.full((2, 2, 2), 0.5), [(0, 1)], [np.full((2, 2), 0.25)])
    assert np.sort(flat, axis=1).tolist() == [[0, 1], [0, 1]]
    none = propagate_permutations(
        [np.eye(2)[::-1]], np.zeros((0, 2), dtype=int), np.zeros((0, 2, 2))
    )
    assert none.tolist() == [[1, 0]]


def test_errors():
    with pytest.raises(ValueError, match=r"shape \(M, K, K\)"):
        match_to_diagonal(np.ones((2, 3)))
    with pytest.raises(ValueError, match="weights must be 1"):
        match_to_diagonal(np.eye(2), [-1.0])
    with pytest.raises(ValueError, match="share one shape"):
        match_columns(np.eye(2), np.eye(3))
    with pytest.raises(ValueError, match="finite"):
        match_columns(np.eye(2), np.full((2, 2), np.nan))
    with pytest.raises(ValueError, match=r"shape \(M, K, K\)"):
        propagate_permutations(np.eye(2), [(0, 1)], [np.eye(2)])
    with pytest.raises(ValueError, match="blocks have side 3, factors 2"):
        propagate_permutations([np.eye(2)] * 2, [(0, 1)], [np.eye(3)])
    with pytest.raises(ValueError, match="reference must lie"):
        propagate_permutations([np.eye(2)] * 2, [(0, 1)], [np.eye(2)], reference=2)
