from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from aggregate.factorization import spectral_root
from aggregate.factorization.spectral_root import root_of_symmetric


@pytest.mark.parametrize("seed", range(4))
def test_low_rank_matrices_come_back(seed):
    B = np.random.default_rng(seed).normal(size=(9, 3))
    U = spectral_root(B @ B.T, 3)
    np.testing.assert_allclose(U @ U.T, B @ B.T, atol=1e-10)
    assert (U.sum(axis=0) >= 0).all()


def test_best_approximation_and_negative_eigenvalues():
    Q = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0]
    X = Q * [5.0, 2.0, -1.0, -3.0] @ Q.T
    U = spectral_root(X, 3)
    np.testing.assert_allclose(U @ U.T, Q[:, :2] * [5.0, 2.0] @ Q[:, :2].T, atol=1e-12)
    np.testing.assert_allclose(U[:, 2], 0)


def test_lanczos_and_dense_agree_and_repeat():
    rng = np.random.default_rng(1)
    B = rng.normal(size=(450, 3))
    X = B @ B.T + 0.01 * np.diag(rng.random(450))
    large, again = spectral_root(X, 3), root_of_symmetric(csr_array(X), 3)
    values, vectors = np.linalg.eigh(X)
    best = vectors[:, -3:] * values[-3:] @ vectors[:, -3:].T
    np.testing.assert_allclose(large @ large.T, best, atol=1e-8)
    np.testing.assert_allclose(large, again, atol=1e-8)
    np.testing.assert_array_equal(large, spectral_root(X, 3))


@pytest.mark.parametrize(
    ("X", "K", "message"),
    [
        (np.ones((2, 3)), 1, "square and finite"),
        (np.full((2, 2), np.inf), 1, "square and finite"),
        (np.eye(2), 3, r"lie in 1\.\.2"),
        (np.eye(2), 0, r"lie in 1\.\.2"),
    ],
)
def test_errors(X, K, message):
    with pytest.raises(ValueError, match=message):
        spectral_root(X, K)
