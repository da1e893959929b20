"""Drawn labels follow the soft labels, evenly, wherever the rows stand."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aggregate.learning.soft_labels._draws import DrawnEnsemble, draw_labels


def problem(seed, n_items=40, n_classes=4):
    random = np.random.default_rng(seed)
    soft = random.dirichlet(np.full(n_classes, 0.5), size=n_items)
    soft[:5] = np.eye(n_classes)[0]
    soft[5:10, :2], soft[5:10, 2:] = 0.5, 0.0
    return random.normal(size=(n_items, 3)), soft


@given(st.integers(0, 999), st.integers(1, 12))
def test_each_class_is_drawn_as_often_as_it_should(seed, n_draws):
    X, soft = problem(seed)
    drawn = draw_labels(X, soft, n_draws, np.random.default_rng(seed))
    assert drawn.shape == (n_draws, len(soft))
    often = (drawn[:, :, np.newaxis] == np.arange(soft.shape[1])).sum(axis=0)
    assert (often >= np.floor(n_draws * soft - 1e-9)).all()
    assert (often <= np.ceil(n_draws * soft + 1e-9)).all()


def test_on_average_exactly_as_often():
    X, soft = problem(1, n_items=12)
    n_seeds = 3000
    often = np.zeros_like(soft)
    for seed in range(n_seeds):
        drawn = draw_labels(X, soft, 1, np.random.default_rng(seed))[0]
        often[np.arange(len(soft)), drawn] += 1
    error = np.sqrt(soft * (1 - soft) / n_seeds)
    assert (abs(often / n_seeds - soft) <= 4.5 * error + 1e-12).all()


def test_draws_of_two_rows_are_independent():
    X, soft = problem(2, n_items=10)
    drawn = [draw_labels(X, soft, 2, np.random.default_rng(seed))[0, 5:7] for seed in range(2000)]
    agree = np.mean([first == second for first, second in drawn])
    assert abs(agree - 0.5) < 4.5 * 0.5 / np.sqrt(2000)


@given(st.integers(0, 999))
def test_rows_may_stand_anywhere(seed):
    X, soft = problem(seed)
    order = np.random.default_rng(seed + 1).permutation(len(X))
    drawn = draw_labels(X, soft, 3, np.random.default_rng(seed))
    moved = draw_labels(X[order], soft[order], 3, np.random.default_rng(seed))
    np.testing.assert_array_equal(moved, drawn[:, order])


class Says:
    """A fitted classifier that always names one class."""

    def __init__(self, name):
        self.name = name

    def predict(self, X):
        return np.full(len(X), self.name, dtype=object)


def test_classifiers_without_probabilities_vote():
    ensemble = DrawnEnsemble([Says("a"), Says("b"), Says("b")], np.array(["a", "b", "c"], object))
    assert not hasattr(ensemble, "predict_proba")
    assert ensemble.predict(np.zeros((2, 1))).tolist() == ["b", "b"]
