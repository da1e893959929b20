from __future__ import annotations

import numpy as np
import pytest

from aggregate.factorization import propagate_permutations, reconcile_permutations
from tests.factorization import planted


def scrambled(A, some, seed):
    """Permute the columns of some factors."""
    random = np.random.default_rng(seed)
    mixed = A.copy()
    for m in some:
        mixed[m] = A[m][:, random.permutation(A.shape[2])]
    return mixed


def apply(A, orders):
    return np.stack([a[:, order] for a, order in zip(A, orders, strict=True)])


@pytest.mark.parametrize("seed", range(4))
def test_a_minority_in_another_order_is_put_right(seed):
    A, d = planted.model(seed, M=12, K=4, diagonal=0.5)
    pairs, R = planted.pair_moments(A, d)
    mixed = scrambled(A, range(4), seed)
    orders = reconcile_permutations(mixed, pairs, R)
    np.testing.assert_array_equal(apply(mixed, orders), A)


def test_it_mends_what_one_bad_block_of_the_tree_spoils():
    """The heaviest block of factor 3 is wrong: its tree neighbour misleads, the others do not."""
    A, d = planted.model(0, M=8, K=3, diagonal=0.5)
    pairs, R = planted.pair_moments(A, d)
    bad = (pairs == [0, 3]).all(axis=1)
    R[bad] = R[bad][:, :, ::-1]
    weights = np.where(bad, 2.0, 1.0)
    along = apply(A, propagate_permutations(A, pairs, R, weights, reference=0))
    assert (along != A).any()
    orders = reconcile_permutations(along, pairs, R, weights)
    np.testing.assert_array_equal(apply(along, orders), A)


def test_orientation_and_masks_do_not_matter():
    A, d = planted.model(2, M=6, K=3, diagonal=0.5)
    pairs, R = planted.pair_moments(A, d)
    mixed = scrambled(A, [1, 4], 2)
    first = reconcile_permutations(mixed, pairs, R)
    turned = reconcile_permutations(mixed, pairs[:, ::-1], R.transpose(0, 2, 1))
    np.testing.assert_array_equal(first, turned)
    R[0] = np.nan
    masked = reconcile_permutations(mixed, pairs, R, np.arange(len(pairs)) > 0)
    np.testing.assert_array_equal(first, masked)


def test_without_blocks_nothing_moves():
    alone = reconcile_permutations([np.eye(2)] * 3, [(0, 1)], [np.eye(2) / 2])
    assert alone.tolist() == [[0, 1]] * 3
    none = reconcile_permutations([np.eye(2)], np.empty((0, 2), dtype=int), np.empty((0, 2, 2)))
    assert none.tolist() == [[0, 1]]


@pytest.mark.parametrize(
    ("factors", "blocks", "options", "match"),
    [
        (np.ones((2, 3)), [np.eye(2)], {}, r"shape \(M, K, K\)"),
        ([np.eye(2)] * 2, [np.eye(3)], {}, "blocks have side 3, factors 2"),
        ([np.eye(2)] * 2, [np.eye(2)], {"max_sweeps": 0}, "max_sweeps must be"),
    ],
)
def test_errors(factors, blocks, options, match):
    with pytest.raises(ValueError, match=match):
        reconcile_permutations(factors, [(0, 1)], blocks, **options)
