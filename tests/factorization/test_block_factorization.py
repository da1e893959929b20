from __future__ import annotations

import numpy as np
import pytest

from aggregate.factorization import robust_block_factorization, symmetric_nmf
from aggregate.factorization.block_factorization import _normal_equations, _objective
from tests.factorization import planted

SPARSE = [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3), (3, 4), (2, 4), (4, 5), (3, 5), (0, 3), (1, 5)]
SEEDS = range(4) if planted.JIT else range(1)


def naive_objective(U, pairs, blocks, weights, power=2.0, eps=0.0):
    total = 0.0
    for (m, j), R, w in zip(pairs, blocks, weights, strict=True):
        total += w * (((R - U[m] @ U[j].T) ** 2).sum() + eps) ** (power / 2)
    return total


def noisy(seed, M=5, K=2, n=200):
    A, d = planted.model(seed, M, K)
    pairs, R = planted.pair_moments(A, d)
    w = np.random.default_rng(seed).uniform(0.5, 2.0, len(pairs))
    return pairs, planted.sampled(R, n, seed), w


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("power", [1.0, 2.0])
def test_population_blocks_give_the_planted_model_back(seed, power):
    A, d = planted.model(seed, M=6, anchors=1)
    pairs, R = planted.pair_moments(A, d, SPARSE)
    root = robust_block_factorization(
        pairs, R, power=power, max_iter=3000, tol=1e-11, random_state=seed
    )
    U = root.factors
    assert planted.smallest_descent(root.objective_path) > -1e-14
    for (m, j), block in zip(pairs, R, strict=True):
        np.testing.assert_allclose(U[m] @ U[j].T, block, atol=1e-7)
    fit = symmetric_nmf(U.reshape(-1, 3), 6, max_iter=5000, random_state=seed)
    assert planted.error(fit.factors, A) < 1e-6
    assert planted.error(fit.weights, d) < 1e-6


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("power", [1.0, 2.0])
def test_noisy_blocks_end_at_a_stationary_point(seed, power):
    pairs, R, w = noisy(seed)
    fit = robust_block_factorization(
        pairs, R, w, power=power, eps=1e-4, max_iter=3000, tol=1e-11, random_state=seed
    )
    eps = 1e-4 if power < 2 else 0.0
    assert fit.objective == pytest.approx(
        naive_objective(fit.factors, pairs, R, w, power, eps), rel=1e-10
    )
    assert planted.smallest_descent(fit.objective_path) > -1e-13
    assert (np.linalg.norm(fit.factors, axis=(1, 2)) <= 1 + 1e-12).all()
    h = 1e-6
    for i in np.ndindex(fit.factors.shape):
        up, down = fit.factors.copy(), fit.factors.copy()
        up[i] += h
        down[i] -= h
        rise = naive_objective(up, pairs, R, w, power, eps)
        rise -= naive_objective(down, pairs, R, w, power, eps)
        assert abs(rise / (2 * h)) < 1e-5


def test_the_ball_binds_where_the_data_ask_for_more():
    """Blocks that no root inside the balls can reach: the slope is radial at the end."""
    rng = np.random.default_rng(0)
    B = rng.random((3, 2, 2)) + np.eye(2)
    pairs = np.array([(0, 1), (0, 2), (1, 2)])
    R = np.array([B[m] @ B[j].T for m, j in pairs])
    fit = robust_block_factorization(pairs, R, max_iter=3000, n_inner=15, random_state=0)
    U = fit.factors
    np.testing.assert_allclose(np.linalg.norm(U, axis=(1, 2)), 1.0, atol=1e-9)
    assert planted.smallest_descent(fit.objective_path) > -1e-12
    for m in range(3):
        slope = np.zeros((2, 2))
        for (a, b), block in zip(pairs, R, strict=True):
            if m in (a, b):
                other, mine = (U[b], block) if m == a else (U[a], block.T)
                slope += 2 * (U[m] @ other.T - mine) @ other
        radial = (slope * U[m]).sum()
        assert radial < 0
        np.testing.assert_allclose(slope, radial * U[m], atol=1e-4 * np.abs(slope).max())


def test_power_one_ignores_a_spoilt_block_that_power_two_believes():
    A, d = planted.model(1, M=6, anchors=1)
    pairs, R = planted.pair_moments(A, d)
    R[4] = np.array([[0, 0.5, 0], [0, 0, 0.5], [0, 0, 0]])
    errors = []
    for power in (1.0, 2.0):
        fit = robust_block_factorization(
            pairs, R, power=power, eps=1e-10, max_iter=400, n_restarts=1, random_state=0
        )
        U = fit.factors
        gaps = [np.abs(U[m] @ U[j].T - x).max() for (m, j), x in zip(pairs, R, strict=True)]
        errors.append(max(gaps[:4] + gaps[5:]))
    assert errors[0] < 1e-4
    assert errors[1] > 1e-2


def test_weights_decide_between_contradicting_blocks():
    R = np.array([[[0.5, 0.0], [0.0, 0.5]], [[0.0, 0.5], [0.5, 0.0]]])
    fit = robust_block_factorization([(0, 1), (0, 1)], R, [1000.0, 1.0], random_state=0)
    np.testing.assert_allclose(fit.factors[0] @ fit.factors[1].T, R[0], atol=2e-3)


def test_order_and_orientation_do_not_matter():
    pairs, R, w = noisy(0)
    shuffle = np.random.default_rng(0).permutation(len(pairs))
    first = robust_block_factorization(pairs, R, w, max_iter=20, random_state=1)
    turned = pairs[shuffle][:, ::-1], R[shuffle].transpose(0, 2, 1), w[shuffle]
    second = robust_block_factorization(*turned, max_iter=20, random_state=1)
    np.testing.assert_array_equal(first.factors, second.factors)
    assert len(first.restarts) == 3


def test_a_factor_without_pairs_is_zero_and_reported():
    A, d = planted.model(0, M=5)
    pairs, R = planted.pair_moments(A, d, [(0, 1), (1, 2), (0, 2)])
    fit = robust_block_factorization(pairs, R, n_factors=5, random_state=0)
    np.testing.assert_array_equal(fit.estimated, [True, True, True, False, False])
    assert not fit.factors[3:].any()
    np.testing.assert_allclose(fit.factors[0] @ fit.factors[1].T, R[0], atol=1e-5)


def test_degenerate_blocks_give_an_answer():
    one = robust_block_factorization([(0, 1)], [[[1.0]]], random_state=0)
    assert one.factors[0, 0, 0] * one.factors[1, 0, 0] == pytest.approx(1.0, abs=1e-6)
    for power in (1.0, 2.0):
        zero = robust_block_factorization(
            [(0, 1)], np.zeros((1, 2, 2)), power=power, random_state=0
        )
        assert np.isfinite(zero.factors).all()
    A, d = planted.model(0, M=4)
    A[:, :, 2] = A[:, :, 1]
    pairs, R = planted.pair_moments(A, d)
    fit = robust_block_factorization(pairs, R, random_state=0)
    assert fit.objective < 1e-10
    few = robust_block_factorization(pairs, R, n_components=2, random_state=0)
    assert few.factors.shape == (4, 3, 2)
    assert few.objective < 1e-8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weights": [0.0]}, "no pair block with positive weight"),
        ({"power": 0.0}, "power must lie"),
        ({"power": 3.0}, "power must lie"),
        ({"eps": 0.0}, "eps be positive"),
        ({"n_inner": 0}, "n_inner must be at least 1"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        robust_block_factorization([(0, 1)], [np.eye(2)], **arguments)


def test_each_kernel_has_one_specialisation():
    for power in (1, 2.0, np.float32(2)):
        robust_block_factorization([(0, 1)], [np.eye(2)], power=power, eps=1, max_iter=2)
    for kernel in (_normal_equations, _objective):
        assert len(getattr(kernel, "signatures", [None])) == 1
