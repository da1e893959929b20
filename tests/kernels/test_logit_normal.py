from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from aggregate.kernels.logit_normal import expect_logit_rows, fit_logit_rows


def value(count, centre, spread, mean, variance):
    """Return a row's bound by the formulas: expected log likelihood less KL divergence."""
    log_sum = np.log(np.exp(mean + variance / 2).sum())
    ratio = variance / spread
    divergence = 0.5 * (ratio + (mean - centre) ** 2 / spread - 1 - np.log(ratio)).sum()
    return count @ mean - count.sum() * log_sum - divergence


def best(count, centre, spread):
    """Return the value at the top, by a general optimiser."""
    n = len(count)
    found = minimize(
        lambda x: -value(count, centre, spread, x[:n], np.exp(x[n:])),
        np.concatenate([centre, np.log(spread)]),
        method="BFGS",
        options={"gtol": 1e-8},
    )
    return -found.fun, found.x[:n], np.exp(found.x[n:])


@pytest.mark.parametrize("n_responses", [1, 2, 3, 6])
def test_newton_finds_the_top(n_responses):
    random = np.random.default_rng(n_responses)
    n_annotators, n_classes = 6, 2
    counts = random.gamma(0.4, 20.0, size=(n_annotators * n_responses, n_classes))
    counts[:n_responses, 0] = 0.0
    centre = random.normal(size=(n_responses, n_classes))
    spread = random.gamma(1.0, 1.0, size=(n_responses, n_classes)) + 0.01
    mean, variance = np.tile(centre, (n_annotators, 1)), np.tile(spread, (n_annotators, 1)) + 1.0
    fit_logit_rows(counts, centre, spread, 50, 1e-14, mean, variance)
    np.testing.assert_array_equal(mean[:n_responses, 0], centre[:, 0])
    np.testing.assert_array_equal(variance[:n_responses, 0], spread[:, 0])
    for j in range(n_annotators):
        rows = slice(j * n_responses, (j + 1) * n_responses)
        for k in range(n_classes):
            problem = counts[rows, k], centre[:, k], spread[:, k]
            top, wanted, wide = best(*problem)
            assert value(*problem, mean[rows, k], variance[rows, k]) >= top - 1e-6 * abs(top)
            np.testing.assert_allclose(mean[rows, k], wanted, atol=2e-3)
            np.testing.assert_allclose(variance[rows, k], wide, rtol=5e-3, atol=1e-4)


def test_no_step_goes_down():
    random = np.random.default_rng(0)
    counts = random.gamma(0.3, 300.0, size=(4, 1))
    centre, spread = random.normal(size=(4, 1)), np.full((4, 1), 0.5)
    mean, variance = 8 * random.normal(size=(4, 1)), random.gamma(1.0, 5.0, size=(4, 1))
    before = value(counts[:, 0], centre[:, 0], spread[:, 0], mean[:, 0], variance[:, 0])
    for _ in range(30):
        fit_logit_rows(counts, centre, spread, 1, 1e-14, mean, variance)
        after = value(counts[:, 0], centre[:, 0], spread[:, 0], mean[:, 0], variance[:, 0])
        assert after >= before - 1e-9 * abs(before)
        before = after


def test_bounds_of_the_logarithms_and_divergence():
    random = np.random.default_rng(1)
    centre, spread = random.normal(size=(3, 2)), random.gamma(1.0, 1.0, size=(3, 2)) + 0.1
    mean, variance = random.normal(size=(6, 2)), random.uniform(0.01, 0.2, size=(6, 2))
    logs = np.empty_like(mean)
    got = expect_logit_rows(centre, spread, mean, variance, logs)
    wanted = 0.0
    for j in range(2):
        for k in range(2):
            rows = slice(3 * j, 3 * j + 3)
            # Without labels, the value is minus the divergence.
            row = mean[rows, k], variance[rows, k]
            wanted -= value(np.zeros(3), centre[:, k], spread[:, k], *row)
            draws = row[0] + random.standard_normal((200_000, 3)) * np.sqrt(row[1])
            chances = draws - np.log(np.exp(draws).sum(axis=1, keepdims=True))
            assert (logs[rows, k] <= chances.mean(axis=0) + 0.01).all()
            np.testing.assert_allclose(logs[rows, k], chances.mean(axis=0), atol=0.12)
    assert got == pytest.approx(wanted, rel=1e-12)
