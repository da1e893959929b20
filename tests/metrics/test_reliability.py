"""Reliability curves and bootstrap intervals against counting and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregate.metrics import (
    accuracy,
    bootstrap_interval,
    brier_score,
    log_loss,
    reliability_curve,
)
from tests.strategies import calm


def draw(seed, n_items=400, sharpen=1.0):
    """Draw truths from soft labels, which then are sharpened."""
    random = np.random.default_rng(seed)
    probas = random.dirichlet([1.0, 1.0, 1.0], size=n_items)
    truth = (random.random((n_items, 1)) > probas.cumsum(axis=1)).sum(axis=1).clip(max=2)
    probas = probas**sharpen
    return probas / probas.sum(axis=1, keepdims=True), truth


def test_bins_by_hand():
    probas = np.array([[p, 1 - p] for p in (0.55, 0.6, 0.7, 0.8, 0.9, 0.99)])
    curve = reliability_curve(probas, [0, 1, 0, 1, 0, 0], n_bins=3)
    np.testing.assert_allclose(curve.confidence, [0.575, 0.75, 0.945])
    np.testing.assert_allclose(curve.accuracy, [0.5, 0.5, 1.0])
    np.testing.assert_array_equal(curve.n_items, [2, 2, 2])
    # Wilson's bounds of 2 right of 2: 1 / (1 + z^2 / 2) and 1
    z = 1.959963984540054
    assert curve.low[2] == pytest.approx(1 / (1 + z**2 / 2))
    assert curve.high[2] == pytest.approx(1)
    half = z * math.sqrt(0.125 + z**2 / 16) / (1 + z**2 / 2)
    assert curve.high[0] == pytest.approx(0.5 + half)


def test_equal_confidences_stay_together():
    probas = np.array([[0.8, 0.2]] * 9 + [[0.95, 0.05]])
    curve = reliability_curve(probas, [0] * 10, n_bins=5)
    np.testing.assert_array_equal(curve.n_items, [9, 1])


def test_calibrated_labels_lie_within_the_bounds():
    probas, truth = draw(0, n_items=20_000)
    curve = reliability_curve(probas, truth, level=0.999)
    assert ((curve.low <= curve.confidence) & (curve.confidence <= curve.high)).all()
    bold = reliability_curve(draw(0, n_items=20_000, sharpen=3.0)[0], truth, level=0.999)
    assert (bold.confidence > bold.high).mean() > 0.8


@calm
@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 30))
def test_counts_every_item_once(seed, n_bins, n_items):
    probas, truth = draw(seed, n_items)
    truth[seed % n_items] = -1
    if not (truth >= 0).any():
        truth[0] = 0
    curve = reliability_curve(probas, truth, n_bins=n_bins)
    assert curve.n_items.sum() == (truth >= 0).sum()
    assert len(curve.n_items) <= n_bins
    assert (np.diff(curve.confidence) > 0).all()
    assert ((curve.low <= curve.accuracy + 1e-12) & (curve.accuracy <= curve.high + 1e-12)).all()
    total = (curve.accuracy * curve.n_items).sum() / curve.n_items.sum()
    assert total == pytest.approx(accuracy(probas, truth))


@pytest.mark.parametrize("metric", [log_loss, brier_score, accuracy])
def test_interval_covers_the_figure_of_the_crowd(metric):
    """The figure of 100 000 items lies within the 90 % interval of 300 about nine times in ten."""
    whole = metric(*draw(99, n_items=100_000))
    inside = 0
    for seed in range(60):
        found = bootstrap_interval(metric, *draw(seed, 300), level=0.9, n_resamples=120)
        inside += found.low <= whole <= found.high
        assert found.low <= found.value <= found.high
    assert 47 <= inside <= 59


def test_interval_is_seeded_and_leaves_out_the_unknown():
    probas, truth = draw(1)
    known = np.append(truth, -1)
    more = np.vstack([probas, [[1, 0, 0]]])
    assert bootstrap_interval(log_loss, more, known) == bootstrap_interval(log_loss, probas, truth)


@pytest.mark.parametrize(
    "function", [reliability_curve, lambda p, t: bootstrap_interval(log_loss, p, t)]
)
def test_refuses_what_is_no_soft_label(function):
    with pytest.raises(ValueError, match="sum to 1"):
        function([[0.5, 0.6]], [0])
    with pytest.raises(ValueError, match="known truth"):
        function([[0.5, 0.5]], [-1])
