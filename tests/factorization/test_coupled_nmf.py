from __future__ import annotations

import time

import numpy as np
import pytest

from aggregate.factorization import coupled_nmf
from aggregate.factorization.coupled_nmf import _expected_counts
from tests.factorization import planted

SEEDS = range(4) if planted.JIT else range(1)


def naive_divergence(A, d, pairs, blocks, weights):
    total = 0.0
    for (m, j), R, w in zip(pairs, blocks, weights, strict=True):
        model = A[m] @ np.diag(d) @ A[j].T
        for a in range(R.shape[0]):
            for b in range(R.shape[1]):
                if R[a, b] > 0:
                    total += w * R[a, b] * np.log(R[a, b] / model[a, b])
    return total


def naive_slopes(A, d, pairs, blocks, weights):
    slope, slope_d = np.zeros_like(A), np.zeros_like(d)
    for (m, j), R, w in zip(pairs, blocks, weights, strict=True):
        ratio = -w * R / (A[m] @ np.diag(d) @ A[j].T)
        slope[m] += ratio @ A[j] @ np.diag(d)
        slope[j] += ratio.T @ A[m] @ np.diag(d)
        slope_d += np.diag(A[m].T @ ratio @ A[j])
    return slope, slope_d


def naive_em_step(A, d, pairs, blocks, weights):
    counts, counts_d = np.zeros_like(A), np.zeros_like(d)
    for (m, j), R, w in zip(pairs, blocks, weights, strict=True):
        for a in range(R.shape[0]):
            for b in range(R.shape[1]):
                r = d * A[m][a] * A[j][b]
                r = w * R[a, b] * r / r.sum()
                counts[m][a] += r
                counts[j][b] += r
                counts_d += r
    return counts / counts.sum(axis=1, keepdims=True), counts_d / counts_d.sum()


def noisy(seed, M=5, K=3, n=60):
    A, d = planted.model(seed, M, K, diagonal=0.3)
    pairs, R = planted.pair_moments(A, d)
    weights = np.random.default_rng(seed).uniform(0.5, 2, len(pairs))
    return A, d, pairs, planted.sampled(R, n, seed), weights


@pytest.mark.parametrize("seed", SEEDS)
def test_population_moments_give_the_planted_model_back(seed):
    A, d = planted.model(seed, anchors=2)
    pairs, R = planted.pair_moments(A, d)
    fit = coupled_nmf(pairs, R, n_restarts=3, max_iter=3000, tol=1e-10, random_state=seed)
    assert fit.converged
    assert planted.error(fit.factors, A) < 1e-6
    assert planted.error(fit.weights, d) < 1e-6
    assert planted.smallest_descent(fit.objective_path) > -1e-13
    assert fit.objective < 1e-8


def test_one_iteration_is_the_textbook_em_step():
    A, d, pairs, R, w = noisy(0)
    fit = coupled_nmf(pairs, R, w, init=A, init_weights=d, max_iter=1)
    new_A, new_d = naive_em_step(A, d, pairs, R, w)
    np.testing.assert_allclose(fit.factors, new_A, atol=1e-13)
    np.testing.assert_allclose(fit.weights, new_d, atol=1e-13)
    before = naive_divergence(A, d, pairs, R, w)
    after = naive_divergence(new_A, new_d, pairs, R, w)
    np.testing.assert_allclose(fit.objective_path, [before, after], rtol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_noisy_moments_end_at_a_kkt_point_of_the_divergence(seed):
    _, _, pairs, R, w = noisy(seed, M=4, K=2)
    fit = coupled_nmf(pairs, R, w, max_iter=20_000, tol=1e-10, random_state=seed)
    assert planted.is_stochastic(fit.factors)
    assert planted.smallest_descent(fit.objective_path) > -1e-12
    slope, slope_d = naive_slopes(fit.factors, fit.weights, pairs, R, w)
    gaps = [planted.frank_wolfe_gap(A, g) for A, g in zip(fit.factors, slope, strict=True)]
    # A zero that EM reaches in the limit has an entry of the slope still on its way.
    assert max(gaps) < 1e-4
    assert planted.frank_wolfe_gap(fit.weights[:, None], slope_d[:, None]) < 1e-4


@pytest.mark.parametrize("seed", SEEDS)
def test_smoothing_keeps_the_path_monotone_and_every_entry_positive(seed):
    A, _, pairs, R, w = noisy(seed, n=5)
    smoothing = np.random.default_rng(seed).uniform(0.1, 0.5, A.shape)
    fit = coupled_nmf(pairs, R, w, smoothing=smoothing, weight_smoothing=0.3, random_state=seed)
    assert planted.smallest_descent(fit.objective_path) > -1e-12
    assert fit.factors.min() > 1e-3
    penalty = (smoothing * np.log(fit.factors)).sum() + 0.3 * np.log(fit.weights).sum()
    expected = naive_divergence(fit.factors, fit.weights, pairs, R, w) - penalty
    assert fit.objective == pytest.approx(expected, rel=1e-11)


def test_strong_smoothing_pulls_to_the_prior():
    _, _, pairs, R, w = noisy(0)
    prior = np.array([[8.0, 1, 1], [1, 8, 1], [1, 1, 8]])
    fit = coupled_nmf(pairs, R, w, smoothing=1e6 * prior, random_state=0)
    np.testing.assert_allclose(fit.factors, np.broadcast_to(prior / 10, (5, 3, 3)), atol=1e-4)


def test_max_iter_stops_early():
    _, _, pairs, R, w = noisy(0)
    fit = coupled_nmf(pairs, R, w, max_iter=4, tol=1e-12, random_state=0)
    assert (fit.n_iter, fit.converged, len(fit.objective_path)) == (4, False, 5)


def test_order_orientation_and_scale_of_the_blocks_do_not_matter():
    _, _, pairs, R, w = noisy(1)
    shuffle = np.random.default_rng(0).permutation(len(pairs))
    first = coupled_nmf(pairs, R, w, random_state=5)
    turned = pairs[shuffle][:, ::-1], R[shuffle].transpose(0, 2, 1), w[shuffle]
    second = coupled_nmf(*turned, random_state=5)
    np.testing.assert_array_equal(first.factors, second.factors)
    np.testing.assert_array_equal(first.objective_path, second.objective_path)
    counts = coupled_nmf(pairs, R * w[:, None, None], random_state=5)
    np.testing.assert_allclose(counts.factors, first.factors, atol=1e-10)


def test_fewer_components_than_labels():
    rng = np.random.default_rng(0)
    A = rng.dirichlet(np.ones(4), (3, 2)).transpose(0, 2, 1)
    pairs, R = planted.pair_moments(A, np.array([0.6, 0.4]))
    fit = coupled_nmf(pairs, R, n_components=2, max_iter=5000, random_state=0)
    assert fit.factors.shape == (3, 4, 2)
    assert fit.objective < 1e-5


def test_a_factor_without_pairs_keeps_its_start_and_is_reported():
    A, d = planted.model(0, M=4)
    pairs, R = planted.pair_moments(A, d, [(0, 1), (1, 2)])
    fit = coupled_nmf(pairs, R, n_factors=4, init=A, smoothing=1.0)
    np.testing.assert_array_equal(fit.estimated, [True, True, True, False])
    np.testing.assert_array_equal(fit.factors[3], A[3])


def test_degenerate_blocks_give_an_answer():
    one = coupled_nmf([(0, 1)], [[[1.0]]], random_state=0)
    np.testing.assert_array_equal(one.factors, np.ones((2, 1, 1)))
    assert one.objective == 0.0
    single_cell = np.zeros((1, 3, 3))
    single_cell[0, 0, 1] = 1.0
    fit = coupled_nmf([(0, 1)], single_cell, random_state=0)
    assert planted.is_stochastic(fit.factors)
    assert fit.objective == pytest.approx(0.0, abs=1e-12)
    blocks = np.stack([np.eye(3) / 3, np.zeros((3, 3))])
    empty = coupled_nmf([(0, 1), (1, 2)], blocks, random_state=0)
    np.testing.assert_array_equal(empty.estimated, [True, True, False])


def test_a_start_that_rules_out_what_was_seen_gives_no_nan():
    fit = coupled_nmf([(0, 1)], [np.eye(2) / 2], init=[np.eye(2), np.eye(2)[::-1]], max_iter=20)
    assert np.isfinite(fit.factors).all()
    assert np.isfinite(fit.objective_path).all()
    assert fit.objective > 100
    prior = coupled_nmf([(0, 1)], [np.eye(2) / 2], init=[np.eye(2)] * 2, smoothing=0.1)
    assert prior.objective_path[0] == np.inf
    assert np.isfinite(prior.objective)


@pytest.mark.parametrize(
    ("blocks", "arguments", "message"),
    [
        ([[[0.5, 0.6], [-0.1, 0.0]]], {}, "negative entries in blocks"),
        ([np.zeros((2, 2))], {}, "no pair block with positive weight and mass"),
        ([np.eye(2)], {"weights": [0.0]}, "no pair block with positive weight and mass"),
        ([np.eye(2)], {"smoothing": -1.0}, "smoothing must be finite and nonnegative"),
        ([np.eye(2)], {"smoothing": np.ones(3)}, "must broadcast"),
        ([np.eye(2)], {"weight_smoothing": np.nan}, "weight_smoothing must be finite"),
        ([np.eye(2)], {"n_components": 0}, "n_components must be at least 1"),
    ],
)
def test_errors(blocks, arguments, message):
    with pytest.raises(ValueError, match=message):
        coupled_nmf([(0, 1)], blocks, **arguments)


def test_tens_of_thousands_of_pairs_take_well_under_a_second():
    rng, n = np.random.default_rng(0), 20_000 if planted.JIT else 50
    pairs = np.array([rng.choice(500, 2, replace=False) for _ in range(n)])
    blocks = rng.dirichlet(np.ones(25), n).reshape(-1, 5, 5)
    coupled_nmf(pairs[:10], blocks[:10], max_iter=1)
    begin = time.process_time()
    coupled_nmf(pairs, blocks, max_iter=10, tol=0.0, random_state=0)
    assert time.process_time() - begin < 1.0
    assert len(getattr(_expected_counts, "signatures", [None])) == 1
