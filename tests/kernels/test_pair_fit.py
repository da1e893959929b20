from __future__ import annotations

import numpy as np
import pytest

from aggregate.kernels.pair_fit import pair_misfit
from tests import problems


@pytest.mark.parametrize("n_classes", [1, 2, 5])
def test_the_error_and_its_gradient_are_the_formula(n_classes):
    random = np.random.default_rng(0)
    confusion, prior = problems.random_parameters(0, 4, n_classes)
    pairs = np.array([[0, 1], [1, 3], [0, 2]], dtype=np.int32)
    blocks, weight = random.random((3, n_classes, n_classes)), random.random(3)
    wanted, step = 0.0, np.zeros_like(confusion)
    for (one, two), block, w in zip(pairs, blocks, weight, strict=True):
        error = confusion[one].T @ np.diag(prior) @ confusion[two] - block
        wanted += w * np.linalg.norm(error) ** 2
        step[one] += 2 * w * np.diag(prior) @ confusion[two] @ error.T
        step[two] += 2 * w * np.diag(prior) @ confusion[one] @ error
    gradient, room = np.zeros_like(confusion), np.empty((n_classes, n_classes))
    found = pair_misfit(pairs, blocks, weight, confusion, prior, room, gradient)
    assert found == pytest.approx(wanted)
    np.testing.assert_allclose(gradient, step, atol=1e-14)


def test_gradients_are_added():
    confusion, prior = problems.random_parameters(1, 2, 2)
    blocks, pairs = np.full((1, 2, 2), 0.25), np.array([[0, 1]], dtype=np.int32)
    once, twice = np.zeros_like(confusion), np.zeros_like(confusion)
    room = np.empty((2, 2))
    pair_misfit(pairs, blocks, np.ones(1), confusion, prior, room, once)
    for _ in range(2):
        pair_misfit(pairs, blocks, np.ones(1), confusion, prior, room, twice)
    np.testing.assert_allclose(twice, 2 * once)
