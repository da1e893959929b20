"""Confidence corrected on gold: the planted power, the monotone curve, decisions kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from aggregate.fusion.gold_calibration import (
    apply_isotonic,
    apply_temperature,
    fit_isotonic,
    fit_temperature,
)
from tests.strategies import calm


def draw(seed, power, n_items=3000, n_classes=3):
    random = np.random.default_rng(seed)
    scores = random.normal(0, 5, size=(n_items, n_classes))
    chances = softmax(power * scores, axis=1).cumsum(axis=1)
    return scores, (random.random((n_items, 1)) > chances).sum(axis=1)


@pytest.mark.parametrize("power", [0.1, 0.3, 1.0])
def test_finds_the_planted_power(power):
    scores, truth = draw(0, power)
    assert fit_temperature(scores, truth) == pytest.approx(power, rel=0.15)


def test_few_gold_items_keep_to_experience():
    scores, _ = draw(1, 0.2, n_items=50)
    gold = np.full(50, -1)
    gold[0] = scores[0].argmax()
    assert 0.1 < fit_temperature(scores, gold) < 0.6


def test_power_one_is_softmax():
    scores, _ = draw(2, 1.0, n_items=20)
    np.testing.assert_allclose(apply_temperature(scores, 1.0), softmax(scores, axis=1))
    np.testing.assert_allclose(apply_temperature(scores - 1e5, 1.0), softmax(scores, axis=1))


def test_curve_is_the_best_monotone_one():
    """Pool adjacent violators by hand: of any split into runs, the means that never fall."""
    probas = np.array([[0.6, 0.4], [0.7, 0.3], [0.8, 0.2], [0.9, 0.1]] * 3)
    gold = np.array([1, 0, 1, 0, 0, 0, 1, 0, 0, 1, 1, 0])
    confidence, share = fit_isotonic(probas, gold)
    np.testing.assert_allclose(confidence, [0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    # 0.5: 1 of 2; 0.6: 2 of 3, 0.7: 2 of 3, 0.8: 0 of 3 pool to 4 of 9, and with 0.5 to 5 of 11
    np.testing.assert_allclose(share[:4], 5 / 11)
    np.testing.assert_allclose(share[4:], 4 / 5)  # 3 of 3 and 1 of 2


def test_curve_calibrates():
    scores, truth = draw(3, 0.3)
    probas = softmax(scores, axis=1)
    curve = fit_isotonic(probas[:1500], truth[:1500])
    after = apply_isotonic(probas[1500:], curve)
    right = probas[1500:].argmax(axis=1) == truth[1500:]
    assert after.max(axis=1).mean() == pytest.approx(right.mean(), abs=0.03)
    assert probas[1500:].max(axis=1).mean() > right.mean() + 0.1


@calm
@given(st.integers(0, 10**6), st.integers(1, 5))
def test_isotonic_keeps_decisions(seed, n_classes):
    random = np.random.default_rng(seed)
    probas = random.dirichlet(np.full(n_classes, 0.3), size=30)
    probas[0] = np.eye(n_classes)[0]
    gold = random.integers(-1, n_classes, size=30)
    gold[1] = 0
    after = apply_isotonic(probas, fit_isotonic(probas, gold))
    np.testing.assert_allclose(after.sum(axis=1), 1)
    assert (after >= 0).all()
    np.testing.assert_array_equal(after.argmax(axis=1), probas.argmax(axis=1))
