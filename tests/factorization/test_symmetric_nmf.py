from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregate.factorization import symmetric_nmf
from tests.factorization import planted


def rotation(seed, K=3):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(K, K)))[0]


def root(seed, M=5, K=3, anchors=1, noise=0.0):
    A, d = planted.model(seed, M, K, anchors=anchors)
    H = (A * np.sqrt(d)).reshape(M * K, K)
    U = H @ rotation(seed, K)
    return A, d, U + noise * np.random.default_rng(seed).normal(size=U.shape)


@pytest.mark.parametrize("seed", range(6))
def test_population_root_gives_the_planted_model_back(seed):
    A, d, U = root(seed)
    fit = symmetric_nmf(U, 5, max_iter=5000, random_state=seed)
    assert fit.converged
    assert planted.error(fit.factors, A) < 1e-6
    assert planted.error(fit.weights, d) < 1e-6
    assert fit.objective < 1e-12


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_noisy_root_ends_where_neither_step_helps(seed, shift):
    """H is the best for Q, and Q the best for H: U'H Q' is symmetric positive semidefinite."""
    _, _, U = root(seed, noise=0.05)
    fit = symmetric_nmf(U, 5, shift=shift, max_iter=5000, tol=1e-13, random_state=seed)
    assert planted.smallest_descent(fit.objective_path) > -1e-14
    Q = fit.rotation
    np.testing.assert_allclose(Q.T @ Q, np.eye(3), atol=1e-12)
    H = np.maximum(U @ Q, 0)
    assert fit.objective == pytest.approx(((H - U @ Q) ** 2).sum(), rel=1e-9)
    polar = Q.T @ U.T @ H
    np.testing.assert_allclose(polar, polar.T, atol=1e-9)
    assert np.linalg.eigvalsh(0.5 * (polar + polar.T)).min() > -1e-9
    blocks = H.reshape(5, 3, 3)
    np.testing.assert_allclose(fit.factors, blocks / blocks.sum(axis=1, keepdims=True))


def test_the_residual_is_the_least_over_random_rotations():
    """Slow oracle: a fine grid of planar rotations for K = 2."""
    _, _, U = root(0, M=4, K=2, noise=0.1)
    fit = symmetric_nmf(U, 4, random_state=0)
    best = np.inf
    for t in np.linspace(0, 2 * np.pi, 7201):
        for flip in (1, -1):
            Q = np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]]) * [1, flip]
            best = min(best, (np.minimum(U @ Q, 0) ** 2).sum())
    assert fit.objective <= best + 1e-12
    assert fit.objective == pytest.approx(best, rel=1e-3)


@given(st.integers(0, 1000))
@settings(deadline=None, max_examples=15)
def test_a_rotation_of_the_root_changes_nothing(seed):
    A, _, U = root(2)
    fit = symmetric_nmf(U @ rotation(seed), 5, max_iter=3000, random_state=0)
    assert planted.error(fit.factors, A) < 1e-6


def test_restarts_escape_what_the_first_start_runs_into():
    worse = 0
    for seed in (7, 8, 11):
        _, _, U = root(seed, M=8, K=5, anchors=0, noise=0.1)
        one = symmetric_nmf(U, 8, n_restarts=1, max_iter=2000, random_state=seed)
        many = symmetric_nmf(U, 8, n_restarts=10, max_iter=2000, random_state=seed)
        assert many.objective <= one.objective
        assert many.objective == min(r.objective for r in many.restarts)
        worse += one.objective > 1.005 * many.objective
    assert worse >= 1


def test_factors_without_data_are_uniform_and_reported():
    A, d, U = root(0)
    U[6:9] = 0
    fit = symmetric_nmf(U, 5, max_iter=5000, random_state=0)
    np.testing.assert_array_equal(fit.estimated, [True, True, False, True, True])
    np.testing.assert_array_equal(fit.factors[2], 1 / 3)
    assert planted.error(fit.factors[[0, 1, 3, 4]], A[[0, 1, 3, 4]]) < 1e-6
    assert planted.error(fit.weights, d) < 1e-6


def test_degenerate_roots_give_an_answer():
    one = symmetric_nmf([[-2.0]], 1, random_state=0)
    assert one.factors.ravel().tolist() == [1.0]
    flat = symmetric_nmf(np.outer(np.ones(6), [1.0, 0.0, 0.0]), 2, random_state=0)
    assert flat.rank == 1
    assert planted.is_stochastic(flat.factors)
    assert np.isfinite(flat.weights).all()
    single = symmetric_nmf(np.eye(2), 1, random_state=0)
    assert planted.error(single.factors[0], np.eye(2)) < 1e-12


def test_init_is_used():
    A, d, _ = root(0)
    U = (A * np.sqrt(d)).reshape(15, 3)
    fit = symmetric_nmf(U @ rotation(0), 5, init=rotation(0).T, n_restarts=1)
    assert fit.n_iter == 1
    np.testing.assert_allclose(fit.factors, A, atol=1e-9)


@pytest.mark.parametrize(
    ("matrix", "arguments", "message"),
    [
        (np.ones((5, 2)), {}, r"shape \(2 \* L, K\)"),
        (np.full((4, 2), np.nan), {}, "finite"),
        (np.zeros((4, 2)), {}, "root is zero"),
        (np.ones((4, 2)), {"init": np.ones((2, 2))}, "orthogonal"),
        (np.ones((4, 2)), {"init": np.eye(3)}, "init must be finite of shape"),
        (np.ones((4, 2)), {"shift": -1.0}, "shift must be nonnegative"),
        (np.ones((4, 2)), {"shift_decay": 1.0}, "shift_decay"),
    ],
)
def test_errors(matrix, arguments, message):
    with pytest.raises(ValueError, match=message):
        symmetric_nmf(matrix, 2, **arguments)
