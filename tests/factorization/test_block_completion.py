from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from aggregate.factorization import complete_blocks, spectral_root, symmetric_nmf
from aggregate.factorization.block_completion import _average_paths, _best_paths
from tests.factorization import planted


def whole(A, d):
    stack = A.reshape(-1, A.shape[2])
    return stack @ np.diag(d) @ stack.T


def block(X, m, n, K):
    return X[m * K : (m + 1) * K, n * K : (n + 1) * K]


SPARSE = [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3), (3, 4), (2, 4), (4, 5), (3, 5)]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("pairs", [list(combinations(range(6), 2)), SPARSE])
@pytest.mark.parametrize("designated", [None, (1, 2)])
def test_population_blocks_are_completed_exactly(seed, pairs, designated):
    A, d = planted.model(seed, M=6)
    pairs, R = planted.pair_moments(A, d, pairs)
    X, status = complete_blocks(pairs, R, designated=designated)
    np.testing.assert_allclose(X, whole(A, d), atol=1e-8)
    np.testing.assert_array_equal(X, X.T)
    np.testing.assert_array_equal(np.diag(status), 2)
    assert (status[pairs[:, 0], pairs[:, 1]] == 1).all()
    assert (status == status.T).all()
    assert (status == 1).sum() == 2 * len(pairs)


@pytest.mark.parametrize("seed", range(4))
def test_completion_root_and_rotation_give_the_planted_model_back(seed):
    A, d = planted.model(seed, M=6, anchors=1)
    pairs, R = planted.pair_moments(A, d, SPARSE)
    U = spectral_root(complete_blocks(pairs, R)[0], 3)
    fit = symmetric_nmf(U, 6, max_iter=5000, random_state=seed)
    assert planted.error(fit.factors, A) < 1e-6
    assert planted.error(fit.weights, d) < 1e-6


def test_diagonal_blocks_are_never_data():
    with pytest.raises(ValueError, match="diagonal blocks are not data"):
        complete_blocks([(0, 1), (1, 1)], np.ones((2, 2, 2)))


def test_one_path_is_the_product_of_three_blocks():
    """Slow oracle on noisy blocks: a missing block with exactly one path."""
    A, d = planted.model(0, M=4)
    pairs, R = planted.pair_moments(A, d, [(0, 1), (1, 2), (2, 3)])
    R = planted.sampled(R, 2000, 0)
    X, status = complete_blocks(pairs, R)
    naive = np.maximum(R[0] @ np.linalg.inv(R[1].T) @ R[2], 0)
    assert status[0, 3] == 2
    np.testing.assert_allclose(block(X, 0, 3, 3), naive / naive.sum(), atol=1e-10)


def test_paths_are_averaged_by_their_scores():
    A, d = planted.model(1, M=6, K=2)
    pairs = [(0, 2), (2, 3), (3, 1), (0, 4), (4, 5), (5, 1)]
    pairs, R = planted.pair_moments(A, d, pairs)
    R = planted.sampled(R, 3000, 0)
    w = np.array([10.0, 20.0, 30.0, 40.0, 50.0, 60.0])
    X, _ = complete_blocks(pairs, R, w)
    total, mass = np.zeros((2, 2)), 0.0
    for first in (0, 3):
        path = R[first] @ np.linalg.inv(R[first + 1].T) @ R[first + 2]
        path = np.maximum(path, 0)
        sigma = np.linalg.svd(R[first + 1])[1][-1]
        score = sigma**2 / (1 / w[first : first + 3]).sum()
        total += score * path / path.sum()
        mass += score
    np.testing.assert_allclose(block(X, 0, 1, 2), total / mass, atol=1e-10)
    single, _ = complete_blocks(pairs, R, w, n_paths=1)
    assert np.abs(block(single, 0, 1, 2) - total / mass).max() > 1e-6


def test_more_paths_make_a_better_estimate():
    A, d = planted.model(2, M=12, diagonal=0.4)
    every, R = planted.pair_moments(A, d)
    R = planted.sampled(R, 1000, 3)
    errors = []
    for n_paths in (1, 20):
        X, status = complete_blocks(every, R, n_paths=n_paths)
        imputed = np.kron(status == 2, np.ones((3, 3))) > 0
        errors.append(np.sqrt(((X - whole(A, d))[imputed] ** 2).mean()))
    assert errors[1] < 0.8 * errors[0]


def test_order_and_orientation_do_not_matter():
    A, d = planted.model(3, M=6)
    pairs, R = planted.pair_moments(A, d, SPARSE)
    R = planted.sampled(R, 500, 1)
    shuffle = np.random.default_rng(0).permutation(len(pairs))
    first = complete_blocks(pairs, R)
    second = complete_blocks(pairs[shuffle][:, ::-1], R[shuffle].transpose(0, 2, 1))
    for x, y in zip(first, second, strict=True):
        np.testing.assert_array_equal(x, y)


def test_unreachable_blocks_stay_missing():
    A, d = planted.model(0, M=6)
    pairs, R = planted.pair_moments(A, d, [(0, 1), (1, 2), (0, 2), (3, 4)])
    X, status = complete_blocks(pairs, R, n_factors=6)
    assert not status[:3, 3:].any()
    assert not status[5].any()
    assert not status[3, 3]
    assert (status[:3, :3] > 0).all()
    assert np.isfinite(X).all()
    assert not X[:9, 9:].any()


def test_rank_deficient_steps_are_rejected():
    A, d = planted.model(0, M=4)
    A[1, :, 2] = A[1, :, 0]
    pairs, R = planted.pair_moments(A, d, [(0, 1), (1, 2), (2, 3)])
    X, status = complete_blocks(pairs, R)
    assert status[0, 3] == 0
    assert np.isfinite(X).all()


def test_degenerate_sizes():
    X, status = complete_blocks([(0, 1)], [[[1.0]]])
    np.testing.assert_array_equal(X, [[0.0, 1.0], [1.0, 0.0]])
    assert status.tolist() == [[0, 1], [1, 0]]
    X, _ = complete_blocks([(0, 1), (1, 2), (0, 2)], np.ones((3, 1, 1)))
    np.testing.assert_array_equal(X, 1.0)
    X, status = complete_blocks([(0, 1), (1, 2), (0, 2)], np.zeros((3, 2, 2)))
    assert not X.any()
    assert not np.diag(status).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weights": [0.0, 0.0]}, "no pair block with positive weight"),
        ({"n_components": 3}, "at most the side 2"),
        ({"n_paths": 0}, "n_paths must be at least 1"),
        ({"designated": (1, 1)}, "two different factors below 3"),
        ({"designated": (0, 7)}, "two different factors below 3"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        complete_blocks([(0, 1), (1, 2)], np.ones((2, 2, 2)), **arguments)


def test_each_kernel_has_one_specialisation():
    for designated in (None, (0, 1)):
        complete_blocks([(0, 1), (1, 2), (0, 2)], np.ones((3, 1, 1)), designated=designated)
    for kernel in (_best_paths, _average_paths):
        assert len(getattr(kernel, "signatures", [None])) == 1
