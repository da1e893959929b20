from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregate.factorization import successive_projection
from tests.factorization import planted


def naive_spa(Z, K):
    """Textbook: largest column, project out by least squares on all picked columns."""
    X = Z / Z.sum(axis=0)
    picked = []
    for _ in range(K):
        residual = X.copy()
        if picked:
            residual -= X[:, picked] @ np.linalg.lstsq(X[:, picked], X, rcond=None)[0]
        picked.append(int(np.argmax((residual**2).sum(axis=0))))
    return picked, X[:, picked]


def separable(seed, L=4, K=3, n=20):
    rng = np.random.default_rng(seed)
    A = rng.dirichlet(np.ones(L), K).T
    H = np.column_stack([np.eye(K), rng.dirichlet(np.ones(K), n - K).T])
    order = rng.permutation(n)
    return A, (A @ H * rng.uniform(0.1, 3, n))[:, order], H[:, order]


@given(st.integers(0, 10_000), st.integers(1, 4))
@settings(deadline=None, max_examples=60)
def test_separable_matrices_are_recovered(seed, K):
    A, Z, _ = separable(seed, L=4, K=K)
    if np.linalg.cond(A) > 1e4:
        return
    fit = successive_projection(Z, K)
    assert fit.converged
    assert planted.error(fit.factors[0], A) < 1e-9
    np.testing.assert_allclose(fit.factors[0] @ fit.weights, Z.sum(axis=1) / Z.sum(), atol=1e-8)
    assert planted.smallest_descent(fit.objective_path) > -1e-14


@pytest.mark.parametrize("seed", range(5))
def test_picks_what_the_textbook_picks(seed):
    Z = np.random.default_rng(seed).random((4, 30))
    fit = successive_projection(Z, 3)
    picked, A = naive_spa(Z, 3)
    np.testing.assert_array_equal(fit.selected, picked)
    np.testing.assert_allclose(fit.factors[0], A, atol=1e-12)


def test_pair_blocks_with_an_anchor_factor_give_a_factor_back():
    A, d = planted.model(0, M=4, anchors=1)
    Z = np.hstack([A[3] @ np.diag(d) @ A[j].T for j in range(3)])
    fit = successive_projection(Z, 3)
    order = planted.order_of(fit.factors[0], A[3])
    np.testing.assert_allclose(fit.permute(order).factors[0], A[3], atol=1e-12)
    np.testing.assert_allclose(fit.permute(order).weights, d, atol=1e-12)


@given(st.integers(0, 500), st.integers(1, 5))
@settings(deadline=None, max_examples=40)
def test_order_of_columns_does_not_matter(seed, n_average):
    rng = np.random.default_rng(seed)
    Z, w = rng.integers(0, 4, (3, 15)).astype(float), rng.integers(1, 5, 15)
    Z[0, Z.sum(axis=0) == 0] = 1
    shuffle = rng.permutation(15)
    first = successive_projection(Z, 3, column_weights=w, n_average=n_average)
    second = successive_projection(Z[:, shuffle], 3, column_weights=w[shuffle], n_average=n_average)
    np.testing.assert_allclose(first.factors, second.factors, atol=1e-9)


def test_ties_go_to_the_larger_original_norm():
    """Columns 1 and 2 leave residuals of equal norm; the longer one lies nearer to column 0."""
    u = np.array([0.8, 0.1, 0.1])
    short = np.array([0.2, 0.4, 0.4])
    t = _tie(u, short)
    # Rows in this order: the last resort, comparing entries, would take the shorter column.
    u, short, t = u[::-1], short[::-1], t[::-1]
    Z = np.column_stack([u, short, t])
    assert short[0] > t[0]
    P = np.eye(3) - np.outer(u, u) / (u @ u)
    left = np.linalg.norm(P @ Z[:, 1:], axis=0)
    assert left[0] == pytest.approx(left[1], rel=1e-9)
    longer = 1 + int(np.argmax(np.linalg.norm(Z[:, 1:], axis=0)))
    assert abs(np.linalg.norm(short) - np.linalg.norm(t)) > 1e-3
    assert successive_projection(Z, 2).selected.tolist() == [0, longer]
    assert successive_projection(Z[:, [0, 2, 1]], 2).selected.tolist() == [0, 3 - longer]


def _tie(u, short):
    """Find a column of the simplex whose residual beside u is as long as that of ``short``."""
    P = np.eye(3) - np.outer(u, u) / (u @ u)
    target = np.linalg.norm(P @ short)
    edge = np.array([0.1, 0.9, 0.0])
    low, high = 0.0, 1.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        x = (1 - middle) * u + middle * edge
        low, high = (middle, high) if np.linalg.norm(P @ x) < target else (low, middle)
    return x


def test_exact_ties_do_not_depend_on_the_place():
    e = np.eye(3)
    Z = np.column_stack([e[:, 0], 0.4 * e[:, 0] + 0.6 * e[:, 1], 0.4 * e[:, 0] + 0.6 * e[:, 2]])
    first = successive_projection(Z, 2)
    second = successive_projection(Z[:, [0, 2, 1]], 2)
    np.testing.assert_array_equal(first.factors, second.factors)
    assert first.selected[1] == 1
    assert second.selected[1] == 2


def test_averaging_beats_the_single_noisy_column():
    rng = np.random.default_rng(1)
    A = np.array([[0.8, 0.1, 0.1], [0.1, 0.7, 0.2], [0.1, 0.2, 0.7]])
    H = np.hstack([np.eye(3).repeat(30, axis=1), rng.dirichlet(np.ones(3), 60).T])
    errors = []
    for q in (1, 20):
        trials = []
        for _ in range(20):
            Z = np.stack([rng.multinomial(40, x) for x in (A @ H).T], axis=1).astype(float)
            trials.append(planted.error(successive_projection(Z, 3, n_average=q).factors[0], A))
        errors.append(np.mean(trials))
    assert errors[1] < 0.6 * errors[0]


def test_averages_are_weighted():
    near, far = np.array([0.9, 0.1]), np.array([0.7, 0.3])
    Z = np.column_stack([near, far, [0.5, 0.5]])
    fit = successive_projection(Z, 1, column_weights=[3, 1, 1], n_average=2)
    np.testing.assert_allclose(fit.factors[0, :, 0], (3 * near + far) / 4)


def test_light_columns_are_left_out():
    A, Z, _ = separable(0)
    outlier = np.array([[1.0], [0], [0], [0]])
    noisy = np.hstack([outlier, Z])
    w = np.r_[1.0, np.full(20, 50.0)]
    assert planted.error(successive_projection(noisy, 3).factors[0], A) > 0.05
    fit = successive_projection(noisy, 3, column_weights=w, min_weight=10)
    assert planted.error(fit.factors[0], A) < 1e-9
    assert 0 not in fit.selected
    masked = noisy.copy()
    masked[:, 0] = np.nan
    fit = successive_projection(masked, 3, column_weights=np.r_[0.0, w[1:]])
    assert planted.error(fit.factors[0], A) < 1e-9


def test_stops_at_the_numerical_rank():
    A, Z, _ = separable(0, K=2)
    fit = successive_projection(Z, 4)
    assert (fit.rank, fit.converged, fit.factors.shape) == (2, False, (1, 4, 2))
    assert planted.error(fit.factors[0], A) < 1e-9
    same = successive_projection(np.ones((3, 5)), 3)
    assert same.rank == 1
    np.testing.assert_allclose(same.factors[0], 1 / 3)
    assert successive_projection([[2.0]], 1).factors.tolist() == [[[1.0]]]


def test_zero_columns_are_ignored():
    A, Z, _ = separable(0)
    fit = successive_projection(np.hstack([np.zeros((4, 3)), Z]), 3)
    assert planted.error(fit.factors[0], A) < 1e-9
    assert fit.selected.min() >= 3


@pytest.mark.parametrize(
    ("matrix", "arguments", "message"),
    [
        (np.zeros((2, 3)), {}, "no column with mass"),
        (np.ones((2, 3)), {"min_weight": 2}, "weight of at least 2"),
        ([[1.0, -1.0]], {}, "finite and nonnegative"),
        ([[1.0, np.nan]], {}, "finite and nonnegative"),
        ([1.0], {}, "matrix must have shape"),
        (np.ones((2, 3)), {"column_weights": [1, 1]}, "column_weights must be 3"),
        (np.ones((2, 3)), {"n_average": 0}, "n_average must be at least 1"),
    ],
)
def test_errors(matrix, arguments, message):
    with pytest.raises(ValueError, match=message):
        successive_projection(matrix, 1, **arguments)
