from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import gammaln, psi

from aggregate.kernels.dirichlet import expect_log, fit_dirichlet


def divergence(a, b):
    """KL(Dir(a) || Dir(b)) of two vectors, from the textbook."""
    value = gammaln(a.sum()) - gammaln(a).sum() - gammaln(b.sum()) + gammaln(b).sum()
    return value + ((a - b) * (psi(a) - psi(a.sum()))).sum()


def blocks_of(table, group):
    return table.reshape(-1, group, table.shape[1])


@pytest.mark.parametrize("n_classes", [1, 2, 7])
def test_expected_logs_and_divergence(n_classes):
    random = np.random.default_rng(n_classes)
    weights = random.gamma(0.5, 20.0, size=(6 * n_classes, n_classes)) + 0.05
    pseudo = random.gamma(1.0, 3.0, size=(n_classes, n_classes)) + 0.05
    logs = np.empty_like(weights)
    value = expect_log(weights, pseudo, n_classes, logs)
    blocks = blocks_of(weights, n_classes)
    wanted = psi(blocks) - psi(blocks.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(blocks_of(logs, n_classes), wanted, rtol=1e-11, atol=1e-11)
    columns = [(b[:, k], pseudo[:, k]) for b in blocks for k in range(n_classes)]
    np.testing.assert_allclose(value, sum(divergence(*c) for c in columns), rtol=1e-9, atol=1e-9)


def test_no_divergence_from_itself():
    pseudo = np.array([[0.3, 4.0], [5.0, 0.1]])
    assert abs(expect_log(np.tile(pseudo, (3, 1)), pseudo, 2, np.empty((6, 2)))) < 1e-12


def evidence(weights, counts, imagined_logs):
    """Dirichlet-multinomial log evidence of one column, with the imaginary row."""
    value = gammaln(weights.sum()) - gammaln(weights).sum() + (weights * imagined_logs).sum()
    for row in counts:
        value += gammaln(weights.sum()) - gammaln(weights.sum() + row.sum())
        value += (gammaln(weights + row) - gammaln(weights)).sum()
    return value


def crowd(seed, n_annotators=30, n_classes=3):
    random = np.random.default_rng(seed)
    true = random.gamma(2.0, 2.0, size=(n_classes, n_classes))
    counts = np.zeros((n_annotators, n_classes, n_classes))
    for j in range(n_annotators):
        for k in range(n_classes):
            share = random.dirichlet(true[:, k])
            counts[j, :, k] = random.multinomial(random.integers(0, 40), share)
    imagined = np.full((n_classes, n_classes), 1.0) + 2 * np.eye(n_classes)
    return counts, imagined, psi(imagined) - psi(imagined.sum(axis=0))


def test_fit_never_falls_and_ends_where_a_general_optimiser_does():
    counts, imagined, logs = crowd(0)
    weights = imagined.copy()
    table = np.ascontiguousarray(counts.reshape(-1, 3))
    path = []
    for _ in range(400):
        path.append([evidence(weights[:, k], counts[:, :, k], logs[:, k]) for k in range(3)])
        fit_dirichlet(table, np.ones(len(counts)), logs, 0.05, 1e4, 5, weights)
    assert np.diff(path, axis=0).min() > -1e-9
    for k in range(3):
        best = minimize(
            lambda x, k=k: -evidence(np.exp(x), counts[:, :, k], logs[:, k]), np.zeros(3), tol=1e-10
        )
        np.testing.assert_allclose(weights[:, k], np.exp(best.x), rtol=1e-3)


@pytest.mark.parametrize("alike", [True, False])
def test_neither_explodes_nor_collapses(alike):
    """Rows that are all equal, and rows that are each one-sided, have no finite optimum alone."""
    counts = np.zeros((200, 2, 2))
    counts[:] = 50.0 if alike else 0.0
    if not alike:
        counts[np.arange(200), np.arange(200) % 2, :] = 100.0
    weights = np.ones((2, 2))
    table = np.ascontiguousarray(counts.reshape(-1, 2))
    logs = psi(np.ones((2, 2))) - psi(2.0)
    for _ in range(2000):
        fit_dirichlet(table, np.ones(len(counts)), logs, 1e-6, 1e9, 5, weights)
    before = weights.copy()
    fit_dirichlet(table, np.ones(len(counts)), logs, 1e-6, 1e9, 5, weights)
    np.testing.assert_allclose(weights, before, rtol=1e-3)
    assert weights.max() < 1e4
    assert weights.min() > 1e-4


def test_without_counts_the_imaginary_row_decides():
    _, imagined, logs = crowd(1)
    weights = np.ones((3, 3))
    for _ in range(500):
        fit_dirichlet(np.zeros((6, 3)), np.ones(2), logs, 0.05, 1e4, 5, weights)
    np.testing.assert_allclose(weights, imagined, rtol=1e-6)


def test_half_an_annotator_twice_is_one():
    counts, imagined, logs = crowd(2)
    table = np.ascontiguousarray(counts.reshape(-1, 3))
    one, two = imagined.copy(), imagined.copy()
    fit_dirichlet(table, np.ones(30), logs, 0.05, 1e4, 9, one)
    fit_dirichlet(np.vstack([table, table]), np.full(60, 0.5), logs, 0.05, 1e4, 9, two)
    np.testing.assert_allclose(one, two, rtol=1e-10)
