from __future__ import annotations

import numpy as np
import pytest

from aggregate.factorization import coupled_nmf, coupled_nmf_mirror
from aggregate.factorization._floored_divergence import factor_gradient, weight_gradient
from aggregate.factorization._terms import check_terms
from tests.factorization import planted


def naive_divergence(A, d, pairs, blocks, floor, weights=None):
    total = 0.0
    weights = np.ones(len(pairs)) if weights is None else weights
    for (m, j), R, w in zip(pairs, blocks, weights, strict=True):
        model = np.maximum(A[m] @ np.diag(d) @ A[j].T, floor)
        model = model / model.sum()
        seen = R > 0
        total += w * (R[seen] * np.log(R[seen] / model[seen])).sum()
    return total


def noisy(seed, M=4, K=2, n=100, diagonal=0.4):
    A, d = planted.model(seed, M, K, diagonal=diagonal)
    pairs, R = planted.pair_moments(A, d)
    return A, d, pairs, planted.sampled(R, n, seed)


@pytest.mark.parametrize("seed", range(3))
def test_path_is_monotone_and_ends_at_its_own_objective(seed):
    _, _, pairs, R = noisy(seed)
    fit = coupled_nmf_mirror(pairs, R, max_iter=30, random_state=seed)
    assert planted.is_stochastic(fit.factors)
    assert planted.smallest_descent(fit.objective_path) > -1e-13
    assert fit.objective_path[0] > fit.objective
    expected = naive_divergence(fit.factors, fit.weights, pairs, R, 1e-6)
    assert fit.objective == pytest.approx(expected, rel=1e-10)


def slopes(A, d, pairs, R, weights, floor):
    terms = check_terms(pairs, R, weights, 2, len(A))
    slope, slope_d = np.zeros_like(A), np.zeros_like(d)
    for m in range(len(A)):
        mine = np.flatnonzero((pairs == m).any(axis=1))
        factor_gradient(m, mine, *terms, A, d, floor, slope[m])
    weight_gradient(*terms, A, d, floor, slope_d)
    return slope, slope_d


def test_above_the_floor_slopes_are_the_gradient():
    A, d, pairs, R = noisy(1, K=3)
    weights, floor, h = np.random.default_rng(0).uniform(1, 2, len(pairs)), 1e-9, 1e-6
    found = slopes(A, d, pairs, R, weights, floor)
    for x, g in zip((A, d), found, strict=True):
        for i in np.ndindex(x.shape):
            keep = x[i]
            x[i] = keep + h
            up = naive_divergence(A, d, pairs, R, floor, weights)
            x[i] = keep - h
            down = naive_divergence(A, d, pairs, R, floor, weights)
            x[i] = keep
            assert g[i] == pytest.approx((up - down) / (2 * h), abs=1e-6)


def test_floored_cells_pull_as_if_they_moved():
    A, d, pairs, R = noisy(1, K=3)
    A[0, :, 0] = [1.0, 0.0, 0.0]
    floor = 0.05
    slope, slope_d = np.zeros_like(A), np.zeros_like(d)
    for (m, j), block in zip(pairs, R, strict=True):
        model = np.maximum(A[m] @ np.diag(d) @ A[j].T, floor)
        cells = 1 / model.sum() - block / model
        slope[m] += cells @ A[j] @ np.diag(d)
        slope[j] += cells.T @ A[m] @ np.diag(d)
        slope_d += np.einsum("ab,ak,bk->k", cells, A[m], A[j])
    found = slopes(A, d, pairs, R, None, floor)
    np.testing.assert_allclose(found[0], slope, atol=1e-12)
    np.testing.assert_allclose(found[1], slope_d, atol=1e-12)


def test_the_weight_vector_may_be_kept():
    _, d, pairs, R = noisy(0)
    fit = coupled_nmf_mirror(pairs, R, init_weights=d, fit_weights=False, random_state=0)
    np.testing.assert_array_equal(fit.weights, d)
    assert fit.objective < fit.objective_path[0]


def test_a_long_run_ends_at_a_kkt_point():
    """Near the truth, which is inside: an entry once lost to zero hardly comes back."""
    A, d, pairs, R = noisy(0, n=5000)
    A = 0.8 * A + 0.1
    fit = coupled_nmf_mirror(pairs, R, init=A, init_weights=d, max_iter=2000, tol=1e-13)
    assert fit.factors.min() > 1e-3
    terms = check_terms(pairs, R, None, 2, 4)
    for m in range(4):
        mine, slope = np.flatnonzero((pairs == m).any(axis=1)), np.zeros((2, 2))
        factor_gradient(m, mine, *terms, fit.factors, fit.weights, 1e-6, slope)
        assert planted.frank_wolfe_gap(fit.factors[m], slope) < 1e-3


def test_population_moments_give_the_planted_model_back():
    """Zeros cannot be fitted below the floor, so the floor is lowered with the claim."""
    A, d = planted.model(0, M=4, K=2, anchors=2)
    pairs, R = planted.pair_moments(A, d)
    fit = coupled_nmf_mirror(
        pairs, R, floor=1e-14, max_iter=1500, n_inner=3, tol=0.0, random_state=0
    )
    assert planted.error(fit.factors, A) < 1e-6
    assert planted.error(fit.weights, d) < 1e-6


def test_both_roads_to_the_divergence_meet():
    A, d, pairs, R = noisy(2, n=5000)
    mirror = coupled_nmf_mirror(
        pairs, R, init=A, init_weights=d, floor=1e-12, max_iter=2000, tol=1e-13
    )
    em = coupled_nmf(pairs, R, init=A, init_weights=d, max_iter=20_000, tol=1e-9)
    assert mirror.objective == pytest.approx(em.objective, rel=1e-3)


def test_order_and_orientation_do_not_matter():
    _, _, pairs, R = noisy(3)
    shuffle = np.random.default_rng(0).permutation(len(pairs))
    first = coupled_nmf_mirror(pairs, R, random_state=1)
    second = coupled_nmf_mirror(
        pairs[shuffle][:, ::-1], R[shuffle].transpose(0, 2, 1), random_state=1
    )
    np.testing.assert_array_equal(first.factors, second.factors)


def test_blocks_of_rank_one_are_left_out():
    _, _, pairs, R = noisy(0)
    R[0] = np.outer([0.3, 0.7], [0.6, 0.4])
    first = coupled_nmf_mirror(pairs, R, random_state=1)
    second = coupled_nmf_mirror(pairs[1:], R[1:], random_state=1)
    np.testing.assert_array_equal(first.factors, second.factors)
    with pytest.raises(ValueError, match="every pair block has numerical rank one"):
        coupled_nmf_mirror(pairs[:1], R[:1])


def test_degenerate_sizes():
    one = coupled_nmf_mirror([(0, 1)], [[[1.0]]], random_state=0)
    np.testing.assert_array_equal(one.factors, np.ones((2, 1, 1)))
    pairs, blocks = [(0, 2)], [np.eye(3) / 3]
    fit = coupled_nmf_mirror(pairs, blocks, max_iter=50, random_state=0)
    np.testing.assert_array_equal(fit.estimated, [True, False, True])
    assert planted.is_stochastic(fit.factors)


@pytest.mark.parametrize("floor", [0.0, 1.0, -1.0])
def test_the_floor_is_checked(floor):
    with pytest.raises(ValueError, match="floor must lie between 0 and 1"):
        coupled_nmf_mirror([(0, 1)], [np.eye(2) / 2], floor=floor)
