from __future__ import annotations

import math

import numpy as np
import pytest

from aggregate import Annotations
from aggregate.learning.end_to_end._crowd import code_crowd
from aggregate.learning.end_to_end._descents import Settings, fit_coupled
from aggregate.learning.end_to_end._networks import Network
from aggregate.learning.end_to_end._penalty_choice import choose, folds_of, grid, row_losses
from aggregate.learning.end_to_end._problem import Penalties
from aggregate.learning.end_to_end._start import diagonal_target


def crowd(n_rows=12, seed=0):
    random = np.random.default_rng(seed)
    votes = Annotations.from_matrix(random.integers(0, 3, (n_rows, 2)))
    gold = np.where(np.arange(n_rows) % 5 == 0, 1, -1).astype(np.int32)
    weight = random.uniform(0.5, 2, n_rows)
    return random.normal(size=(n_rows, 2)), votes, code_crowd(votes, gold, weight, None)


def test_losses_of_rows_are_the_formula():
    X, votes, labels = crowd()
    network = Network(2, 3, None, "tanh")
    point = np.random.default_rng(1).normal(size=network.size + 18)
    scores = np.exp(X @ point[:6].reshape(2, 3) + point[6:9])
    f = scores / scores.sum(axis=1, keepdims=True)
    odds = np.exp(point[9:].reshape(2, 3, 3))
    A = odds / odds.sum(axis=2, keepdims=True)
    wanted = np.zeros(12)
    for i in range(12):
        seen = f[i] if labels.gold[i] < 0 else np.eye(3)[1]
        for e in range(votes.item_ptr[i], votes.item_ptr[i + 1]):
            wanted[i] -= math.log(seen @ A[votes.annotator[e], :, votes.label[e]])
        if labels.gold[i] >= 0:
            wanted[i] -= math.log(f[i, 1])
        wanted[i] *= labels.row_weight[i]
    np.testing.assert_allclose(row_losses(point, X, labels, network), wanted, rtol=1e-12)


def test_folds_follow_the_rows():
    X, votes, labels = crowd(n_rows=30)
    folds = folds_of(X, labels, 5, np.random.default_rng(0))
    assert np.bincount(folds).tolist() == [6] * 5
    order = np.random.default_rng(1).permutation(30)
    table = votes.to_matrix()[order]
    weight = labels.row_weight[order]
    moved = code_crowd(Annotations.from_matrix(table), labels.gold[order], weight, None)
    again = folds_of(X[order], moved, 5, np.random.default_rng(0))
    np.testing.assert_array_equal(again, folds[order])


def test_equal_rows_are_left_out_together():
    X, _, labels = crowd(n_rows=30)
    X = np.repeat(X[:10], 3, axis=0)
    folds = folds_of(X, labels, 5, np.random.default_rng(0)).reshape(10, 3)
    assert (folds == folds[:, :1]).all()


def test_a_choice_is_what_a_loop_over_folds_makes_of_it():
    X, _, labels = crowd(n_rows=30)
    network, values = Network(2, 3, None, "tanh"), (0.0, 0.03, 0.3)
    settings = Settings("identity", 1, 200, 1e-3, None, 0)
    folds = folds_of(X, labels, 3, np.random.default_rng(0))
    without = Penalties(1.0, 4.0, diagonal_target(3, 0.7), "geocrowdnet-f")
    tried = [without.replaced("strength", value) for value in values]
    costs = np.zeros((3, 30))
    for place, penalties in enumerate(tried):
        for fold in range(3):
            kept = folds != fold
            found = fit_coupled(X[kept], labels.take(kept), network, penalties, settings)
            costs[place, ~kept] = row_losses(found.point, X[~kept], labels.take(~kept), network)
    total = labels.weight.sum() + labels.row_weight[labels.gold >= 0].sum()
    choice = choose(tried, values, X, labels, network, settings, folds)
    np.testing.assert_allclose(choice.loss, costs.sum(axis=1) / total)
    best = costs.sum(axis=1).argmin()
    assert choice.chosen == values[best]
    apart = np.sqrt(((costs - costs[best]) ** 2).sum(axis=1)) / total
    np.testing.assert_allclose(choice.error, apart, atol=1e-12)


def test_a_trace_is_weighed_by_the_annotators():
    assert grid("strength", "trace", 10) == pytest.approx(
        [strength / 10 for strength in grid("strength", "geocrowdnet-f", 10)]
    )
    assert 0.0 in grid("strength", "geocrowdnet-w", 10)
    assert 0.0 not in grid("alpha", None, 10)
