"""Beliefs about how far annotators err together, and the soft labels they allow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregate.fusion import CorrelationBelief, average_posterior, from_log_joint
from tests import naive, problems
from tests.strategies import calm


def gold_scores(seed, n_items=400, n_labels=8, power=0.4):
    """Draw log joints, and truths drawn from their posterior to a power."""
    random = np.random.default_rng(seed)
    scores = random.normal(0, 4, size=(n_items, 3))
    effect = 1 + (n_labels - 1) * power
    chances = naive.temper(scores, np.full(n_items, n_labels), power).cumsum(axis=1)
    truth = (random.random((n_items, 1)) > chances).sum(axis=1)
    assert effect > 1
    return scores, np.full(n_items, n_labels), truth


def test_starts_plausible():
    belief = CorrelationBelief.plausible()
    assert belief.weights.sum() == pytest.approx(1)
    assert belief.mean == pytest.approx(0.4, abs=1e-3)
    low, high = belief.interval()
    assert low < 0.1
    assert high > 0.85


@pytest.mark.parametrize("correlation", [0.0, 0.37, 1.0])
def test_certainty_is_the_tempered_posterior(correlation):
    votes = problems.ragged(0)
    scores = np.random.default_rng(0).normal(0, 9, size=(votes.n_items, 3))
    averaged = average_posterior(votes, scores, CorrelationBelief.given(correlation))
    plain = from_log_joint(votes, scores.copy(), annotator_correlation=correlation)
    np.testing.assert_allclose(averaged, plain, rtol=1e-12)


def test_excess_moves_the_mean():
    start = CorrelationBelief.plausible()
    seen = [start.observe_excess(excess, 0.005).mean for excess in (-0.05, 0.0, 0.03, 0.06, 0.2)]
    assert seen == sorted(seen)
    assert seen[0] < 0.15
    assert seen[2] == pytest.approx(0.3, abs=0.05)
    assert seen[-1] > 0.9


def test_what_was_not_seen_moves_nothing():
    start = CorrelationBelief.plausible()
    assert start.observe_excess(0.0, np.inf) is start
    assert start.observe_excess(0.05, 10.0).mean == pytest.approx(start.mean, abs=0.01)
    scores, one_label = np.zeros((5, 2)), np.ones(5, dtype=int)
    after = start.observe_gold(scores, one_label, np.zeros(5, dtype=int))
    np.testing.assert_allclose(after.weights, start.weights)


@pytest.mark.parametrize("power", [0.1, 0.4, 0.8])
def test_gold_finds_the_planted_correlation(power):
    scores, n_labels, truth = gold_scores(0, n_items=4000, power=power)
    belief = CorrelationBelief.plausible().observe_gold(scores, n_labels, truth)
    low, high = belief.interval()
    assert low - 0.07 <= power <= high + 0.07
    assert belief.mean == pytest.approx(power, abs=0.08)
    assert high - low < 0.3


def test_gold_is_bayes_rule():
    scores, n_labels, truth = gold_scores(1, n_items=6)
    truth[0] = -1
    start = CorrelationBelief.plausible()
    wanted = np.array([
        weight * np.prod([
            naive.temper(scores, n_labels, value)[i, truth[i]] for i in range(1, 6)
        ])
        for value, weight in zip(start.values, start.weights, strict=True)
    ])  # fmt: skip
    after = start.observe_gold(scores, n_labels, truth)
    np.testing.assert_allclose(after.weights, wanted / wanted.sum(), rtol=1e-9)


@calm
@given(st.integers(0, 10**6), st.sampled_from([0.1, 3.0, 300.0]))
def test_the_class_ahead_stays(seed, spread):
    votes = problems.ragged(seed % 100)
    scores = np.random.default_rng(seed).normal(0, spread, size=(votes.n_items, 3))
    averaged = average_posterior(votes, scores, CorrelationBelief.plausible())
    np.testing.assert_allclose(averaged.sum(axis=1), 1)
    assert np.isfinite(averaged).all()
    rows = np.arange(len(scores))
    np.testing.assert_allclose(averaged[rows, scores.argmax(axis=1)], averaged.max(axis=1))


@pytest.mark.parametrize("bad", [-0.1, 1.5, np.nan])
def test_refuses_no_correlation(bad):
    with pytest.raises(ValueError, match="annotator_correlation"):
        CorrelationBelief.given(bad)
