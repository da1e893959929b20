from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from aggregate.factorization import symmetrize_views, tensor_power
from tests.factorization import planted


def views(seed, K=3, diagonal=0.2):
    A, d = planted.model(seed, M=3, K=K, diagonal=diagonal)
    _, (ab, ac, bc) = planted.pair_moments(A, d)
    return A, d, (ab, bc.T, ac.T, planted.triple(A, d, 0, 1, 2))


def naive_moments(mu, w):
    K = len(mu)
    M2, M3 = np.zeros((K, K)), np.zeros((K, K, K))
    for k, weight in enumerate(w):
        for a in range(K):
            for b in range(K):
                M2[a, b] += weight * mu[a, k] * mu[b, k]
                for c in range(K):
                    M3[a, b, c] += weight * mu[a, k] * mu[b, k] * mu[c, k]
    return M2, M3


@pytest.mark.parametrize("seed", range(6))
def test_symmetrised_views_are_the_moments_of_the_third(seed):
    A, d, moments = views(seed)
    M2, M3 = symmetrize_views(*moments, 3)
    wanted = naive_moments(A[2], d)
    np.testing.assert_allclose(M2, wanted[0], atol=1e-12)
    np.testing.assert_allclose(M3, wanted[1], atol=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_population_moments_give_the_planted_model_back(seed):
    A, d, moments = views(seed)
    fit = tensor_power(*symmetrize_views(*moments, 3), 3, random_state=seed)
    assert fit.converged
    assert fit.rank == 3
    order = planted.order_of(fit.factors[0], A[2])
    np.testing.assert_allclose(fit.permute(order).factors[0], A[2], atol=1e-6)
    np.testing.assert_allclose(fit.permute(order).weights, d, atol=1e-6)
    assert planted.smallest_descent(fit.objective_path) > 0
    assert fit.objective < 1e-6 * fit.objective_path[0]


def test_scales_are_the_column_sums():
    A, d, _ = views(0)
    mu = A[0] * [1.0, 2.5, 4.0]
    fit = tensor_power(*naive_moments(mu, d), 3, random_state=0)
    fit = fit.permute(planted.order_of(fit.factors[0], A[0]))
    np.testing.assert_allclose(fit.scales, [1.0, 2.5, 4.0], rtol=1e-6)
    np.testing.assert_allclose(fit.factors[0] * fit.scales, mu, atol=1e-6)
    np.testing.assert_allclose(fit.weights, d, atol=1e-6)


def test_columns_are_placed_by_assignment_not_by_order_of_discovery():
    # Two columns peak in row 0; the greedy rule would give the loser the first empty place.
    A = np.array([[0.5, 0.45, 0.1], [0.1, 0.35, 0.2], [0.4, 0.2, 0.7]])
    for seed in range(5):
        fit = tensor_power(*naive_moments(A, [0.2, 0.3, 0.5]), 3, random_state=seed)
        np.testing.assert_allclose(fit.factors[0], A, atol=1e-6)


def test_every_component_is_a_fixed_point_of_the_whitened_tensor():
    rng = np.random.default_rng(0)
    A, d, _ = views(1)
    M2, M3 = naive_moments(A[0], d)
    noise = rng.normal(size=(3, 3, 3)) * 1e-4
    noise = sum(noise.transpose(p) for p in [(0, 1, 2), (1, 2, 0), (2, 0, 1)])
    fit = tensor_power(M2, M3 + noise + noise.transpose(1, 0, 2), 3, random_state=0)
    assert fit.converged
    assert all(r.objective < 1e-8 for r in fit.restarts)
    assert 1e-4 < planted.error(fit.factors[0], A[0]) < 0.1


def test_averaging_the_axes_lessens_the_noise_and_can_be_turned_off():
    A, d, moments = views(2, diagonal=0.5)
    rng = np.random.default_rng(0)
    noisy = moments[3] + 1e-4 * rng.normal(size=(3, 3, 3))
    M2, M3 = symmetrize_views(*moments[:3], noisy, 3)
    _, raw = symmetrize_views(*moments[:3], noisy, 3, average=False)
    np.testing.assert_allclose(M3, M3.transpose(1, 2, 0), atol=1e-15)
    assert np.abs(raw - raw.transpose(1, 2, 0)).max() > 1e-6
    averaged = sum(raw.transpose(p) for p in permutations(range(3))) / 6
    np.testing.assert_allclose(M3, averaged, atol=1e-14)
    exact = naive_moments(A[2], d)[1]
    assert ((M3 - exact) ** 2).sum() < ((raw - exact) ** 2).sum()
    fits = [
        tensor_power(M2, raw, 3, average=flag, random_state=0).factors for flag in (True, False)
    ]
    assert np.abs(fits[0] - fits[1]).max() > 1e-8


def test_a_view_without_a_class_lowers_the_rank_instead_of_breaking():
    A, d = planted.model(0, M=3, K=3, diagonal=0.2)
    A[1, :, 2] = A[1, :, 1]
    _, (ab, ac, bc) = planted.pair_moments(A, d)
    M2, M3 = symmetrize_views(ab, bc.T, ac.T, planted.triple(A, d, 0, 1, 2), 3)
    fit = tensor_power(M2, M3, 3, random_state=0)
    assert fit.rank < 3
    assert not fit.converged
    assert np.isfinite(fit.factors).all()
    assert np.isfinite(fit.weights).all()


def test_degenerate_sizes():
    fit = tensor_power([[4.0]], [[[8.0]]], 1, random_state=0)
    assert fit.factors.ravel().tolist() == [1.0]
    assert fit.scales == pytest.approx(2.0)
    assert fit.weights == pytest.approx(1.0)
    mu = np.array([[0.5], [0.3], [0.2]])
    M2, M3 = mu @ mu.T, np.einsum("ak,bk,ck->abc", mu, mu, mu)
    fit = tensor_power(M2, M3, 3, random_state=0)
    assert fit.rank == 1
    np.testing.assert_allclose(fit.factors[0], mu, atol=1e-9)


@pytest.mark.parametrize(
    ("M2", "M3", "message"),
    [
        (np.eye(2), np.ones((2, 2, 3)), r"must be \(L, L\)"),
        (np.ones(3), np.ones((3, 3, 3)), r"must be \(L, L\)"),
        (np.full((2, 2), np.nan), np.ones((2, 2, 2)), "finite"),
        (-np.eye(2), np.ones((2, 2, 2)), "no positive eigenvalue"),
        (np.zeros((2, 2)), np.ones((2, 2, 2)), "no positive eigenvalue"),
        (np.eye(2), np.zeros((2, 2, 2)), "no positive component"),
    ],
)
def test_errors(M2, M3, message):
    with pytest.raises(ValueError, match=message):
        tensor_power(M2, M3, 2)


def test_errors_of_the_views():
    eye, cube = np.eye(2), np.ones((2, 2, 2))
    with pytest.raises(ValueError, match="cross moments must be"):
        symmetrize_views(eye, eye, np.eye(3), cube, 2)
    with pytest.raises(ValueError, match="finite"):
        symmetrize_views(eye, eye, eye, cube * np.inf, 2)
    zero = symmetrize_views(0 * eye, eye, eye, cube, 2)
    assert not zero[0].any()
