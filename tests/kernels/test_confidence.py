from __future__ import annotations

import numpy as np
import pytest

from aggregate.kernels.confidence import averaged_softmax, tempered_softmax
from tests import naive


def pointers(n_labels):
    return np.concatenate(([0], np.cumsum(n_labels))).astype(np.int64)


@pytest.mark.parametrize("correlation", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("n_classes", [1, 2, 3, 12])
def test_equals_the_formula(correlation, n_classes):
    random = np.random.default_rng(0)
    n_labels = np.array([0, 1, 2, 5, 30, 600])
    scores = -random.gamma(1, 50, size=(6, n_classes))
    wanted = naive.temper(scores, n_labels, correlation)
    tempered_softmax(pointers(n_labels), correlation, 0, 6, scores)
    np.testing.assert_allclose(scores, wanted, rtol=1e-11, atol=1e-300)


def test_survives_any_difference():
    scores = np.array([[0.0, -1e6, -20_000.0], [-1e6, -1e6, -1e6]])
    tempered_softmax(pointers([600, 600]), 0.0, 0, 2, scores)
    np.testing.assert_array_equal(scores[0], [1, 0, 0])
    np.testing.assert_allclose(scores[1], 1 / 3)


def test_leaves_other_rows():
    scores = np.zeros((3, 2))
    tempered_softmax(pointers([1, 1, 1]), 0.4, 1, 2, scores)
    np.testing.assert_array_equal(scores, [[0, 0], [0.5, 0.5], [0, 0]])


@pytest.mark.parametrize("n_classes", [1, 2, 5])
def test_average_is_the_mean_over_correlations(n_classes):
    random = np.random.default_rng(1)
    n_labels = np.array([0, 1, 2, 7, 600])
    scores = -random.gamma(1, 50, size=(5, n_classes))
    correlations, weights = np.array([0.0, 0.3, 1.0]), np.array([0.2, 0.5, 0.3])
    probas = np.full((5, n_classes), np.nan)
    given = scores.copy()
    averaged_softmax(pointers(n_labels), correlations, weights, 0, 5, scores, probas)
    wanted = sum(
        weight * naive.temper(scores, n_labels, value)
        for value, weight in zip(correlations, weights, strict=True)
    )
    np.testing.assert_allclose(probas, wanted, rtol=1e-11, atol=1e-300)
    np.testing.assert_array_equal(scores, given)
