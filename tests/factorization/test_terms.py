from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregate.factorization._terms import check_terms, incidence, infer_n_factors, lay_out


def random_terms(seed, order, n=12, M=5, K=2):
    rng = np.random.default_rng(seed)
    members = np.array([rng.choice(M, order, replace=False) for _ in range(n)])
    return members, rng.random((n, *(K,) * order)), rng.integers(1, 4, n).astype(float)


@given(st.integers(0, 1000), st.sampled_from([2, 3]))
@settings(deadline=None, max_examples=40)
def test_canonical_form_depends_on_neither_order_nor_orientation(seed, order):
    members, blocks, weights = random_terms(seed, order)
    rng = np.random.default_rng(seed)
    shuffle = rng.permutation(len(members))
    turned, turned_blocks = members[shuffle].copy(), blocks[shuffle].copy()
    for i in range(len(turned)):
        axes = rng.permutation(order)
        turned[i], turned_blocks[i] = turned[i][axes], turned_blocks[i].transpose(*axes)
    first = check_terms(members, blocks, weights, order, 5)
    second = check_terms(turned, turned_blocks, weights[shuffle], order, 5)
    for x, y in zip(first, second, strict=True):
        np.testing.assert_array_equal(x, y)
    assert (np.diff(first.members, axis=1) > 0).all()


def test_weight_zero_masks_even_nan():
    blocks = np.ones((2, 2, 2))
    blocks[1] = np.nan
    terms = check_terms([(0, 1), (1, 2)], blocks, [1.0, 0.0], 2, 3)
    np.testing.assert_array_equal(terms.members, [[0, 1]])
    empty = check_terms([(0, 1), (1, 2)], blocks, [0.0, 0.0], 2, 3)
    assert empty.blocks.shape == (0, 2, 2)


def test_all_complaints_come_at_once_and_name_the_rows():
    blocks = np.ones((4, 2, 2))
    blocks[3] = np.inf
    with pytest.raises(ValueError, match="pairs: ") as caught:
        check_terms([(0, 5), (1, 1), (0, 1), (0, 2)], blocks, [1, 1, -1, 1], 2, 3)
    message = str(caught.value)
    assert "index outside 0..2: rows [0]" in message
    assert "diagonal blocks are not data): rows [1]" in message
    assert "weights negative or not finite: rows [2]" in message
    assert "give a missing block weight 0): rows [3]" in message


def test_long_lists_of_rows_are_cut():
    with pytest.raises(ValueError, match=r"rows \[0, 1, 2, 3, 4\] and 2 more"):
        check_terms([(0, 0)] * 7, np.ones((7, 2, 2)), None, 2, 1)


@pytest.mark.parametrize(
    ("pairs", "blocks", "weights", "message"),
    [
        ([(0, 1, 2)], np.ones((1, 2, 2)), None, r"shape \(n, 2\)"),
        ([(0.0, 1.0)], np.ones((1, 2, 2)), None, "integer array"),
        ([(0, 1)], np.ones((1, 2, 3)), None, "must have shape"),
        ([(0, 1)], np.ones((1, 0, 0)), None, "L >= 1"),
        ([(0, 1)], np.ones((2, 2, 2)), None, "as many blocks"),
        ([(0, 1)], np.ones((1, 2, 2)), [1.0, 2.0], "as many blocks"),
    ],
)
def test_shapes_are_checked(pairs, blocks, weights, message):
    with pytest.raises(ValueError, match=message):
        check_terms(pairs, blocks, weights, 2, 3)


def test_incidence_finds_every_term_of_every_factor():
    members = np.array([[0, 2], [1, 2], [0, 3]])
    found = incidence(members, 5)
    for m in range(5):
        rows = slice(found.ptr[m], found.ptr[m + 1])
        seen = set(zip(found.term[rows].tolist(), found.position[rows].tolist(), strict=True))
        assert seen == {(p, c) for p in range(3) for c in range(2) if members[p, c] == m}


def test_number_of_factors():
    assert infer_n_factors(None, [(0, 3)], None) == 4
    assert infer_n_factors(7, [(0, 3)]) == 7
    with pytest.raises(ValueError, match="n_factors is needed"):
        infer_n_factors(None, np.zeros((0, 2), dtype=int))
    with pytest.raises(ValueError, match="at least 1"):
        infer_n_factors(0, [(0, 3)])


def test_lay_out_averages_repeated_pairs_by_weight():
    terms = check_terms([(0, 1), (1, 0)], [[[1.0, 2], [3, 4]], [[5.0, 6], [7, 8]]], [3, 1], 2, 2)
    X = lay_out(terms, 2).toarray()
    block = (3 * np.array([[1.0, 2], [3, 4]]) + np.array([[5.0, 7], [6, 8]])) / 4
    np.testing.assert_allclose(X[:2, 2:], block)
    np.testing.assert_allclose(X, X.T)
    assert not X[:2, :2].any()
