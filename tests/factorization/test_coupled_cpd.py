from __future__ import annotations

import numpy as np
import pytest

from aggregate.factorization import _normal_equations, _simplex_admm, coupled_cpd
from tests.factorization import planted

SEEDS = range(4) if planted.JIT else range(1)


def naive_objective(A, d, means, w_means, pairs, R, w_pairs, triples, T, w_triples):
    total = 0.0
    for m in range(len(A)):
        total += 0.5 * w_means[m] * ((means[m] - A[m] @ d) ** 2).sum()
    for (m, j), block, w in zip(pairs, R, w_pairs, strict=True):
        total += 0.5 * w * ((block - A[m] @ np.diag(d) @ A[j].T) ** 2).sum()
    for t, block, w in zip(triples, T, w_triples, strict=True):
        total += 0.5 * w * ((block - planted.triple(A, d, *t)) ** 2).sum()
    return total


def numerical_slope(f, x, h=1e-6):
    slope = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += h
        down[i] -= h
        slope[i] = (f(up) - f(down)) / (2 * h)
    return slope


def everything(seed, M=4, K=3, n=None, diagonal=0.4):
    """All moments of a planted model, exact or sampled, with uneven weights."""
    A, d = planted.model(seed, M, K, diagonal=diagonal)
    pairs, R = planted.pair_moments(A, d)
    triples, T = planted.triple_moments(A, d)
    means = A @ d
    if n is not None:
        R, T = planted.sampled(R, n, seed), planted.sampled(T, n, seed + 1)
        means = planted.sampled(means, n, seed + 2)
    rng = np.random.default_rng(seed)
    weights = [rng.uniform(0.5, 2.0, size) for size in (M, len(pairs), len(triples))]
    moments = {
        "means": means,
        "mean_weights": weights[0],
        "pairs": pairs,
        "pair_blocks": R,
        "pair_weights": weights[1],
        "triples": triples,
        "triple_blocks": T,
        "triple_weights": weights[2],
    }
    data = (means, weights[0], pairs, R, weights[1], triples, T, weights[2])
    return A, d, moments, data


@pytest.mark.parametrize("seed", SEEDS)
def test_population_moments_give_the_planted_model_back(seed):
    A, d, moments, _ = everything(seed)
    fit = coupled_cpd(**moments, max_iter=20_000, tol=1e-9, random_state=seed)
    assert fit.converged
    assert planted.error(fit.factors, A) < 1e-6
    assert planted.error(fit.weights, d) < 1e-6
    assert planted.smallest_descent(fit.objective_path) > -1e-13
    assert abs(fit.objective) < 1e-13


@pytest.mark.parametrize("seed", SEEDS)
def test_triples_alone_identify_dense_factors(seed):
    A, d = planted.model(seed, M=3, K=2, diagonal=0.3)
    triples, T = planted.triple_moments(A, d)
    fit = coupled_cpd(
        triples=triples, triple_blocks=T, max_iter=20_000, tol=1e-10, random_state=seed
    )
    assert planted.error(fit.factors, A) < 1e-6


@pytest.mark.parametrize("seed", SEEDS)
def test_noisy_moments_end_at_a_kkt_point(seed):
    _, _, moments, data = everything(seed, M=4, K=2, n=200)
    fit = coupled_cpd(**moments, max_iter=3000, n_inner=50, tol=1e-11, random_state=seed)
    A, d = fit.factors, fit.weights
    assert planted.is_stochastic(A)
    assert planted.smallest_descent(fit.objective_path) > -1e-13
    assert fit.objective == pytest.approx(naive_objective(A, d, *data), rel=1e-9)
    slope = numerical_slope(lambda x: naive_objective(x, d, *data), A)
    gaps = [planted.frank_wolfe_gap(A[m], slope[m]) for m in range(len(A))]
    slope_d = numerical_slope(lambda x: naive_objective(A, x, *data), d)
    assert max(gaps) < 1e-6
    assert planted.frank_wolfe_gap(d[:, None], slope_d[:, None]) < 1e-6


def test_objective_path_starts_at_the_start():
    A, _, moments, data = everything(5, K=2, n=100)
    fit = coupled_cpd(**moments, init=A, max_iter=1)
    uniform = np.full(2, 0.5)
    assert fit.objective_path[0] == pytest.approx(naive_objective(A, uniform, *data), rel=1e-10)


def test_the_planted_model_is_a_fixed_point():
    A, d, moments, _ = everything(3)
    fit = coupled_cpd(**moments, init=A, init_weights=d, max_iter=3, tol=1e-9)
    assert fit.n_iter == 1
    np.testing.assert_allclose(fit.factors, A, atol=1e-9)


def test_order_and_orientation_of_the_moments_do_not_matter():
    _, _, moments, _ = everything(1, K=2, n=50)
    rng = np.random.default_rng(0)
    first = coupled_cpd(**moments, max_iter=20, random_state=4)
    p, t = rng.permutation(len(moments["pairs"])), rng.permutation(len(moments["triples"]))
    other = moments | {
        "pairs": moments["pairs"][p][:, ::-1],
        "pair_blocks": moments["pair_blocks"][p].transpose(0, 2, 1),
        "pair_weights": moments["pair_weights"][p],
        "triples": moments["triples"][t][:, [2, 0, 1]],
        "triple_blocks": moments["triple_blocks"][t].transpose(0, 3, 1, 2),
        "triple_weights": moments["triple_weights"][t],
    }
    second = coupled_cpd(**other, max_iter=20, random_state=4)
    np.testing.assert_array_equal(first.factors, second.factors)
    np.testing.assert_array_equal(first.objective_path, second.objective_path)


def test_weights_have_no_scale_and_zero_masks():
    _, _, moments, _ = everything(2, K=2, n=50)
    names = ("mean_weights", "pair_weights", "triple_weights")
    scaled = moments | {name: 1000 * moments[name] for name in names}
    first = coupled_cpd(**moments, max_iter=20, random_state=0)
    second = coupled_cpd(**scaled, max_iter=20, random_state=0)
    np.testing.assert_allclose(first.factors, second.factors, atol=1e-8)
    assert second.objective == pytest.approx(1000 * first.objective, rel=1e-6)
    masked, dropped = dict(moments), dict(moments)
    masked["pair_weights"] = moments["pair_weights"] * (np.arange(6) > 0)
    masked["pair_blocks"] = moments["pair_blocks"].copy()
    masked["pair_blocks"][0] = np.nan
    for name in ("pairs", "pair_weights", "pair_blocks"):
        dropped[name] = moments[name][1:]
    first = coupled_cpd(**masked, max_iter=20, random_state=0)
    second = coupled_cpd(**dropped, max_iter=20, random_state=0)
    np.testing.assert_array_equal(first.factors, second.factors)


def test_restarts_are_recorded_and_the_best_is_kept():
    _, _, moments, _ = everything(0, K=2, n=30)
    fit = coupled_cpd(**moments, n_restarts=3, max_iter=15, random_state=0)
    assert len(fit.restarts) == 3
    best = min(r.objective for r in fit.restarts)
    assert fit.objective == pytest.approx(best, rel=1e-12)
    assert len({r.objective for r in fit.restarts}) == 3
    again = coupled_cpd(**moments, n_restarts=3, max_iter=15, random_state=0)
    np.testing.assert_array_equal(fit.factors, again.factors)


def test_a_factor_without_moments_keeps_its_start_and_is_reported():
    A, d = planted.model(0, M=4, K=2)
    pairs, R = planted.pair_moments(A, d, [(0, 1), (1, 2)])
    fit = coupled_cpd(pairs, R, n_factors=4, init=A, max_iter=5)
    np.testing.assert_array_equal(fit.estimated, [True, True, True, False])
    np.testing.assert_array_equal(fit.factors[3], A[3])


def test_degenerate_sizes():
    one_class = coupled_cpd([(0, 1)], [[[1.0]]], max_iter=5, random_state=0)
    np.testing.assert_array_equal(one_class.factors, np.ones((2, 1, 1)))
    assert one_class.weights == pytest.approx(1.0)
    single = coupled_cpd(means=[[0.2, 0.8]], max_iter=200, random_state=0)
    np.testing.assert_allclose(single.factors[0] @ single.weights, [0.2, 0.8], atol=1e-4)
    empty_cells = coupled_cpd([(0, 1)], np.zeros((1, 3, 3)), max_iter=20, random_state=0)
    assert np.isfinite(empty_cells.factors).all()
    assert planted.is_stochastic(empty_cells.factors)


def test_rank_deficient_moments_give_an_answer():
    A, d = planted.model(0, M=4, K=3)
    A[:, :, 2] = A[:, :, 1]
    pairs, R = planted.pair_moments(A, d)
    triples, T = planted.triple_moments(A, d)
    fit = coupled_cpd(pairs, R, None, triples, T, max_iter=300, random_state=0)
    assert planted.is_stochastic(fit.factors)
    assert 0 <= fit.objective < 1e-4
    assert planted.smallest_descent(fit.objective_path) > -1e-13


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "n_factors is needed"),
        ({"n_factors": 3}, "no moment of positive weight"),
        ({"pairs": [(0, 1)], "pair_blocks": [np.eye(2)], "pair_weights": [0.0]}, "positive weight"),
        ({"pairs": [(0, 0)], "pair_blocks": [np.eye(2)]}, "diagonal blocks are not data"),
        ({"pairs": [(0, 1)], "pair_blocks": [np.eye(2)], "means": np.ones((2, 3)) / 3}, "one side"),
        ({"means": [[np.nan, 1.0]]}, "means must be finite"),
        ({"means": [[0.5, 0.5]], "mean_weights": [-1.0]}, "nonnegative"),
        ({"means": [[0.5, 0.5]], "n_restarts": 0}, "n_restarts must be at least 1"),
        ({"means": [[0.5, 0.5]], "init": np.eye(2)}, r"shape \(1, 2, 2\)"),
        ({"means": [[0.5, 0.5]], "init": np.ones((1, 2, 2))}, "sum to 1"),
        ({"means": [[0.5, 0.5]], "init": [[[2.0, 1], [-1, 0]]]}, "nonnegative"),
        ({"means": [[0.5, 0.5]], "init_weights": [1.0, 1.0]}, "sum to 1"),
        ({"means": [[0.5, 0.5]], "init_weights": [1.0]}, r"shape \(2,\)"),
        ({"means": [0.5, 0.5]}, "means must have shape"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        coupled_cpd(**arguments)


def test_admm_solves_its_quadratic_program():
    """The kernel alone, against projected gradient run to the end."""
    rng = np.random.default_rng(0)
    root = rng.normal(size=(3, 3))
    S, B = root @ root.T, rng.normal(size=(3, 4))
    X = np.full((3, 4), 0.25)
    dual = np.zeros((3, 4))
    done = _simplex_admm.admm_on_simplex(S, B, X, dual, True, 0.0, 5000, 1e-26)
    assert done < 5000
    assert planted.is_stochastic(X.T)
    assert planted.frank_wolfe_gap(X.T, (S @ X - B).T) < 1e-10


def test_admm_never_raises_the_objective_even_when_stopped_at_once():
    rng = np.random.default_rng(1)
    rises = []
    for _ in range(200):
        root = rng.normal(size=(3, 3)) * rng.choice([1e-3, 1.0, 1e3])
        S, B = root @ root.T, rng.normal(size=(3, 3))
        X = rng.dirichlet(np.ones(3), 3)
        before = 0.5 * np.trace(X.T @ S @ X) - (B * X).sum()
        _simplex_admm.admm_on_simplex(S, B, X, rng.normal(size=(3, 3)), True, 1e-7, 1, 1e-8)
        rises.append((0.5 * np.trace(X.T @ S @ X) - (B * X).sum() - before) / np.abs(S).max())
    assert max(rises) <= 1e-12
    assert min(rises) < -1e-3


def test_inputs_of_any_kind_meet_one_specialisation():
    _, _, moments, _ = everything(2, K=2)
    odd = {k: np.asfortranarray(v).astype(v.dtype.newbyteorder("=")) for k, v in moments.items()}
    odd["pair_blocks"].setflags(write=False)
    odd["triples"] = odd["triples"].astype(np.int32)
    odd["triple_blocks"] = odd["triple_blocks"].astype(np.float32)
    coupled_cpd(**moments, max_iter=2)
    coupled_cpd(**odd, max_iter=2)
    coupled_cpd(means=moments["means"], max_iter=2)
    kernels = [_simplex_admm.admm_on_simplex, _normal_equations.add_pairs]
    kernels += [_normal_equations.add_triples, _normal_equations.add_weight_terms]
    kernels += [_normal_equations.add_weight_products]
    for kernel in kernels:
        assert len(getattr(kernel, "signatures", [None])) == 1
