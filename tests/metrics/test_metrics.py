from __future__ import annotations

import math

import numpy as np
import pytest

from aggregate.metrics import (
    accuracy,
    brier_score,
    confusion_error,
    expected_calibration_error,
    log_loss,
)

METRICS = [accuracy, brier_score, expected_calibration_error, log_loss]


def naive_accuracy(probas, truth):
    earned = []
    for row, k in zip(probas, truth, strict=True):
        if k >= 0:
            ahead = [c for c, p in enumerate(row) if math.isclose(p, max(row), rel_tol=1e-9)]
            earned.append((k in ahead) / len(ahead))
    return sum(earned) / len(earned)


def naive_log_loss(probas, truth, clip):
    losses = [-math.log(max(r[k], clip)) for r, k in zip(probas, truth, strict=True) if k >= 0]
    return sum(losses) / len(losses)


def naive_brier(probas, truth):
    scores = []
    for row, k in zip(probas, truth, strict=True):
        if k >= 0:
            scores.append(sum((p - (c == k)) ** 2 for c, p in enumerate(row)))
    return sum(scores) / len(scores)


def naive_calibration_error(probas, truth, n_bins):
    known = [(row, k) for row, k in zip(probas, truth, strict=True) if k >= 0]
    total = 0.0
    for b in range(n_bins):
        low, high = b / n_bins, (b + 1) / n_bins
        inside = [(r, k) for r, k in known if low < max(r) <= high]
        if inside:
            right = naive_accuracy(*zip(*inside, strict=True))
            sure = sum(max(r) for r, _ in inside) / len(inside)
            total += len(inside) / len(known) * abs(right - sure)
    return total


@pytest.fixture(params=[2, 3, 7])
def soft_labels(request):
    random = np.random.default_rng(request.param)
    probas = random.dirichlet(np.full(request.param, 0.5), size=200)
    probas[:20] = 1 / request.param
    truth = random.integers(-1, request.param, size=200)
    return probas, truth


def test_they_equal_the_naive_versions(soft_labels):
    probas, truth = soft_labels
    assert accuracy(probas, truth) == pytest.approx(naive_accuracy(probas, truth))
    assert brier_score(probas, truth) == pytest.approx(naive_brier(probas, truth))
    for clip in (1e-6, 0.05):
        expected = naive_log_loss(probas, truth, clip)
        assert log_loss(probas, truth, clip=clip) == pytest.approx(expected)
    for n_bins in (1, 10, 15):
        expected = naive_calibration_error(probas, truth, n_bins)
        found = expected_calibration_error(probas, truth, n_bins=n_bins)
        assert found == pytest.approx(expected)


def test_scikit_learn_agrees(soft_labels):
    from sklearn import metrics

    probas, truth = soft_labels
    known = truth >= 0
    labels = np.arange(probas.shape[1])
    expected = metrics.log_loss(truth[known], np.maximum(probas[known], 1e-300), labels=labels)
    assert log_loss(probas, truth, clip=1e-15) == pytest.approx(expected, rel=1e-6)


def test_ties_earn_a_fraction_even_after_rounding():
    third = 0.1 + 0.2
    assert accuracy([[third, 0.3, 0.0]], [1]) == 0.5
    assert accuracy([[0, 0, 0]], [2]) == pytest.approx(1 / 3)
    assert accuracy([[3, 3, 1], [5, 0, 0]], [2, 0]) == 0.5


def test_a_false_certainty_costs_no_more_than_the_clip_says():
    assert log_loss([[1.0, 0.0]], [1]) == pytest.approx(-math.log(1e-6))
    assert log_loss([[1.0, 0.0]], [0]) == 0


@pytest.mark.parametrize("metric", METRICS)
def test_items_without_truth_do_not_count(metric, soft_labels):
    probas, truth = soft_labels
    known = truth >= 0
    assert metric(probas, truth) == metric(probas[known], truth[known])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("probas", "truth", "message"),
    [
        ([[0.5, 0.5]], [0, 1], "shapes"),
        ([0.5, 0.5], [0, 1], "shapes"),
        ([[0.5, 0.5]], [2], "between 0 and 1"),
        ([[0.5, 0.5]], [-2], "or be -1 where unknown"),
        ([[0.5, 0.5]], [0.5], "whole numbers"),
        ([[0.5, 0.5]], [-1], "no item has a known truth"),
        ([[0.5, np.nan]], [0], "wrong for the items at 0"),
        ([[0.5, 0.5], [1.5, -0.5]], [0, 1], "wrong for the items at 1"),
    ],
)
def test_wrong_input_is_named(metric, probas, truth, message):
    with pytest.raises(ValueError, match=message):
        metric(probas, truth)


def test_soft_labels_must_sum_to_one_where_it_matters():
    assert accuracy([[3.0, 1.0]], [0]) == 1
    with pytest.raises(ValueError, match="rows that sum to 1"):
        log_loss([[3.0, 1.0]], [0])
    with pytest.raises(ValueError, match="clip must be"):
        log_loss([[0.5, 0.5]], [0], clip=0)


def test_confusion_error_against_the_naive_sum():
    random = np.random.default_rng(0)
    one, other = random.dirichlet(np.ones(3), size=(2, 4, 3))
    total = sum(
        abs(one[j, k, y] - other[j, k, y]) for j in range(4) for k in range(3) for y in range(3)
    )
    assert confusion_error(one, other) == pytest.approx(total / (2 * 4 * 3))
    assert confusion_error(one, one) == 0
    assert confusion_error([np.eye(2)], [np.eye(2)[::-1]]) == 1
    with pytest.raises(ValueError, match="both have shape"):
        confusion_error(one, other[:2])
