"""The kernels of MACE against loops over every annotator, label and truth."""

from __future__ import annotations

import numpy as np
import pytest

from aggregate.kernels.copying import counts_of_shares, fill_table, share_out


def problem(n_classes, n_annotators=5):
    random = np.random.default_rng(n_classes)
    counts = random.gamma(1.0, 3.0, size=(n_annotators * n_classes, n_classes))
    copy = random.random(n_annotators)
    noise = random.random((n_classes, n_annotators))
    pseudo = random.gamma(2.0, 1.0, size=2 + n_classes) + 0.05
    return counts, copy, noise, pseudo


def shared_out(counts, copy, noise, pseudo):
    """Beta (M, 2) and Dirichlet (M, K) parameters, label by label."""
    n_classes, n_annotators = noise.shape
    coin = np.tile(pseudo[:2], (n_annotators, 1))
    spam = np.tile(pseudo[2:], (n_annotators, 1))
    for j in range(n_annotators):
        for y in range(n_classes):
            for k in range(n_classes):
                expected = counts[j * n_classes + y, k]
                copied = copy[j] / (copy[j] + noise[y, j]) if y == k else 0.0
                coin[j, 0] += expected * copied
                coin[j, 1] += expected * (1 - copied)
                spam[j, y] += expected * (1 - copied)
    return coin, spam


@pytest.mark.parametrize("n_classes", [1, 2, 6])
def test_shares_stand_for_the_counts_that_were_shared_out(n_classes):
    counts, copy, noise, pseudo = problem(n_classes)
    shares = np.empty((1 + n_classes, 5))
    share_out(counts, copy, noise, pseudo, shares)
    np.testing.assert_allclose(shares.sum(axis=0), 1.0)
    totals = counts.reshape(5, -1).sum(axis=1) + pseudo[0] + pseudo[2:].sum()
    coin, spam = np.empty((2, 5)), np.empty((n_classes, 5))
    counts_of_shares(shares, totals, pseudo, coin, spam)
    wanted_coin, wanted_spam = shared_out(counts, copy, noise, pseudo)
    np.testing.assert_allclose(coin.T, wanted_coin)
    np.testing.assert_allclose(spam.T, wanted_spam)


def test_no_count_is_less_than_the_prior():
    """A long step may leave an annotator less spam than was believed beforehand."""
    pseudo = np.array([0.5, 0.7, 10.0, 10.0])
    shares = np.array([[0.9, 0.0], [0.1, 0.5], [0.0, 0.5]])
    coin, spam = np.empty((2, 2)), np.empty((2, 2))
    counts_of_shares(shares, np.array([100.0, 60.0]), pseudo, coin, spam)
    np.testing.assert_allclose(coin, [[90.0, 0.5], [0.7, 40.7]])
    np.testing.assert_allclose(spam, [[10.0, 30.0], [10.0, 30.0]])


@pytest.mark.parametrize("n_classes", [1, 2, 6])
def test_table(n_classes):
    _, copy, noise, _ = problem(n_classes)
    noise[0, 0], copy[1] = 0.0, 0.0
    table = np.full((5 * n_classes, n_classes), np.nan)
    fill_table(copy, noise, 1e-9, table)
    for j in range(5):
        for y in range(n_classes):
            for k in range(n_classes):
                chance = noise[y, j] + (copy[j] if y == k else 0.0)
                assert table[j * n_classes + y, k] == max(chance, 1e-9)
