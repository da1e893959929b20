from __future__ import annotations

import numpy as np
import pytest

from aggregate.learning.end_to_end._scaling import find_scaling
from aggregate.learning.end_to_end._solver import descend


def bowl(point):
    """Return a quadratic with its bottom at (1, 2) and curvatures far apart."""
    slope = np.array([1.0, 1e4]) * (point - [1.0, 2.0])
    return 0.5 * float(slope @ (point - [1.0, 2.0])), slope


def test_the_bottom_is_found_and_certified():
    found = descend(bowl, np.zeros(2), np.ones(2), max_iter=100, tol=1e-8)
    np.testing.assert_allclose(found.point, [1, 2], atol=1e-7)
    assert found.converged
    assert not found.exhausted
    assert found.gradient_norm <= 1e-7
    assert np.diff(found.path).max() <= 0
    assert found.path[0] == bowl(np.zeros(2))[0]


def test_a_scale_that_fits_makes_it_one_step():
    found = descend(bowl, np.zeros(2), np.array([1.0, 1e-2]), max_iter=100, tol=1e-8)
    assert found.n_iter <= 3
    np.testing.assert_allclose(found.point, [1, 2], atol=1e-7)


def test_out_of_steps():
    found = descend(bowl, np.zeros(2), np.ones(2), max_iter=1, tol=1e-8)
    assert found.exhausted
    assert not found.converged
    assert found.n_iter == 1


def test_scaling_is_that_of_weighted_rows():
    random = np.random.default_rng(0)
    X, weight = random.normal(size=(20, 3)) + 5, random.integers(1, 4, 20)
    X[:, 2] = 7.0  # a constant keeps its unit
    found = find_scaling(X, weight.astype(float), True)
    repeated = np.repeat(X, weight, axis=0)
    np.testing.assert_allclose(found.centre, repeated.mean(axis=0))
    np.testing.assert_allclose(found.spread, [*repeated.std(axis=0)[:2], 1.0])
    weights, intercepts = found.in_original_units(np.eye(3)[:, :2], np.array([1.0, 2.0]))
    np.testing.assert_allclose(
        X @ weights + intercepts, found.apply(X)[:, :2] + [1.0, 2.0], atol=1e-12
    )


@pytest.mark.parametrize("wanted", [True, False])
def test_no_scaling_where_none_is_wanted(wanted):
    X = np.array([[0.0, 3.0], [2.0, 5.0]])
    assert (find_scaling(X, np.ones(2), wanted).apply(X) == X).all() == (not wanted)
