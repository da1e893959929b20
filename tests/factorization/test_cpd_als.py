from __future__ import annotations

import numpy as np
import pytest

from aggregate.factorization import cpd_als
from tests.factorization import planted


def rebuilt(fit):
    total = 0.0
    for k, weight in enumerate(fit.weights):
        a, b, c = fit.factors[:, :, k]
        total = total + weight * a[:, None, None] * b[None, :, None] * c[None, None, :]
    return total


def problem(seed, K=3, diagonal=0.3):
    A, d = planted.model(seed, M=3, K=K, diagonal=diagonal)
    return A, d, planted.triple(A, d, 0, 1, 2)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("init", ["tensorly", "random"])
def test_population_moments_give_the_planted_model_back(seed, init):
    A, d, T = problem(seed)
    fit = cpd_als(T, 3, init=init, n_restarts=2, max_iter=3000, random_state=seed)
    assert fit.converged
    assert planted.error(fit.factors, A) < 1e-6
    assert planted.error(fit.weights, d) < 1e-6
    assert planted.smallest_descent(fit.objective_path) > -1e-16


@pytest.mark.parametrize("seed", range(3))
def test_noisy_tensors_end_at_a_stationary_point_no_worse_than_tensorly(seed):
    from tensorly import cp_to_tensor
    from tensorly.decomposition import parafac

    T = problem(seed)[2] + 0.01 * np.random.default_rng(seed).normal(size=(3, 3, 3))
    fit = cpd_als(T, 2, n_restarts=3, max_iter=3000, tol=1e-12, random_state=seed)
    residual = rebuilt(fit) - T
    assert fit.objective == pytest.approx(0.5 * (residual**2).sum(), rel=1e-8)
    assert planted.smallest_descent(fit.objective_path) > -1e-16
    slopes = [
        np.einsum("abc,bk,ck->ak", residual, fit.factors[1], fit.factors[2]),
        np.einsum("abc,ak,ck->bk", residual, fit.factors[0], fit.factors[2]),
        np.einsum("abc,ak,bk->ck", residual, fit.factors[0], fit.factors[1]),
    ]
    assert max(np.abs(slope * fit.weights).max() for slope in slopes) < 1e-8
    oracle = cp_to_tensor(parafac(T, 2, n_iter_max=3000, tol=1e-14, init="svd"))
    assert fit.objective <= 0.5 * ((oracle - T) ** 2).sum() * (1 + 1e-6)


def test_the_tensorly_start_is_not_worse_than_a_random_one():
    T = problem(0)[2]
    tensorly = cpd_als(T, 3, n_restarts=1, max_iter=1, random_state=0)
    random = cpd_als(T, 3, init="random", n_restarts=1, max_iter=1, random_state=0)
    assert tensorly.objective_path[0] < random.objective_path[0]


def test_more_components_than_rows():
    rng = np.random.default_rng(0)
    A, B, C = rng.dirichlet(np.ones(3), (3, 4)).transpose(0, 2, 1)
    T = np.einsum("ak,bk,ck->abc", A, B, C)
    fit = cpd_als(T, 4, n_restarts=2, max_iter=500, random_state=0)
    assert fit.objective < 1e-6


def test_scale_of_the_tensor_does_not_matter():
    A, d, T = problem(1)
    small = cpd_als(1e-8 * T, 3, n_restarts=2, max_iter=3000, random_state=0)
    assert planted.error(small.factors, A) < 1e-6
    assert planted.error(small.weights * 1e8, d) < 1e-6


def test_degenerate_tensors_give_an_answer():
    one = cpd_als([[[2.5]]], 1, random_state=0)
    assert one.factors.ravel().tolist() == [1.0, 1.0, 1.0]
    assert one.weights == pytest.approx(2.5)
    rank_one = np.einsum("a,b,c->abc", [0.2, 0.8], [0.5, 0.5], [0.9, 0.1])
    fit = cpd_als(rank_one, 2, max_iter=200, random_state=0)
    assert np.isfinite(fit.factors).all()
    np.testing.assert_allclose(rebuilt(fit), rank_one, atol=1e-8)
    antisymmetric = np.zeros((2, 2, 2))
    antisymmetric[0, 0, 0], antisymmetric[1, 0, 0] = 1.0, -1.0
    fit = cpd_als(antisymmetric, 1, random_state=0)
    assert np.abs(fit.factors[0]).sum() == pytest.approx(1.0)
    np.testing.assert_allclose(rebuilt(fit), antisymmetric, atol=1e-8)


def test_same_seed_same_answer():
    T = problem(0)[2]
    first, second = (cpd_als(T, 3, n_restarts=2, max_iter=20, random_state=3) for _ in range(2))
    np.testing.assert_array_equal(first.factors, second.factors)
    assert len(first.restarts) == 2


@pytest.mark.parametrize(
    ("tensor", "arguments", "message"),
    [
        (np.zeros((2, 2, 2)), {}, "tensor is zero"),
        (np.ones((2, 2, 3)), {}, "finite cube"),
        (np.full((2, 2, 2), np.nan), {}, "finite cube"),
        (np.ones((2, 2, 2)), {"init": "hosvd"}, "init must be"),
        (np.ones((2, 2, 2)), {"n_restarts": 0}, "n_restarts must be at least 1"),
    ],
)
def test_errors(tensor, arguments, message):
    with pytest.raises(ValueError, match=message):
        cpd_als(tensor, 1, **arguments)
