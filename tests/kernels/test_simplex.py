from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aggregate.factorization._simplex_admm import _project as copy_of_project
from aggregate.kernels.simplex import normalize_columns, project_columns, project_rows

vectors = arrays(
    np.float64, st.integers(1, 6), elements=st.floats(-1e3, 1e3, allow_subnormal=False)
)


def nearest_on_simplex(v):
    """Try every support; keep the point that breaks the optimality conditions least.

    (Not the nearest by its distance: beside entries of -592 a gain of 1e-11 is lost to rounding.)
    """
    best = None
    for size in range(1, len(v) + 1):
        for support in combinations(range(len(v)), size):
            inside = np.isin(np.arange(len(v)), support)
            level = (v[inside].sum() - 1) / size
            p = np.where(inside, v - level, 0.0)
            violation = max(0.0, -p.min(), (v[~inside] - level).max(initial=0.0))
            if best is None or violation < best[0]:
                best = (violation, p)
    return best[1]


@given(vectors)
@example(np.array([0.0, 0.99999, -592.0, -592.0, -592.0]))
@settings(deadline=None, max_examples=200)
def test_projection_is_the_nearest_point(v):
    x = v[None].copy()
    project_rows(x)
    np.testing.assert_allclose(x[0], nearest_on_simplex(v), atol=1e-9)


@given(vectors, vectors)
@settings(deadline=None, max_examples=100)
def test_projection_certificate(v, z):
    """The point p is the projection exactly when (v - p) makes no acute angle with the simplex."""
    x = v[None].copy()
    project_rows(x)
    p = x[0]
    assert p.min() >= 0
    assert p.sum() == pytest.approx(1, abs=1e-12)
    assert (v - p).max() - (v - p) @ p <= 1e-9


@given(arrays(np.float64, (4, 3), elements=st.floats(-5, 5)))
@settings(deadline=None, max_examples=100)
def test_projection_is_idempotent_and_commutes_with_shift_and_permutation(x):
    once, shifted, permuted = x.copy(), x + 2.5, x[:, [2, 0, 1]].copy()
    for y in (once, shifted, permuted):
        project_rows(y)
    twice = once.copy()
    project_rows(twice)
    np.testing.assert_allclose(twice, once, atol=1e-14)
    np.testing.assert_allclose(shifted, once, atol=1e-12)
    np.testing.assert_allclose(permuted, once[:, [2, 0, 1]], atol=1e-14)


def test_columns_are_the_rows_of_the_transpose():
    x = np.random.default_rng(0).normal(size=(5, 3))
    rows, columns = np.ascontiguousarray(x.T), x.copy()
    project_rows(rows)
    project_columns(columns)
    np.testing.assert_array_equal(columns, rows.T)


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e150, 1e308])
def test_projection_survives_extreme_entries(scale):
    x = np.array([[1.0, 1.0, -1.0], [0.0, 0.0, 0.0], [1.0, -1.0, 0.0]]) * scale
    with np.errstate(over="ignore"):  # the interpreter announces -2e308; the kernel discards it
        project_rows(x)
    assert np.isfinite(x).all()
    np.testing.assert_allclose(x.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(x[1], 1 / 3)


@pytest.mark.parametrize(
    "v",
    [
        [0.1, 0.345095507657481, 0.8549044923425189],
        [0.0, 0.16365225813519038, 0.5665752027900892, 0.2697725390747203],
        [0.6201346355174031, 0.32339711571091145, 0.3, 0.9564682487716853],
    ],
)
def test_an_entry_equal_to_the_threshold_does_not_flip_in_and_out_for_ever(v):
    x, y = np.array([v]), np.array(v)
    project_rows(x)
    copy_of_project(y)
    np.testing.assert_allclose(x[0], nearest_on_simplex(np.array(v)), atol=1e-15)
    np.testing.assert_array_equal(y, x[0])


def test_boundary_points_come_back_unchanged_after_a_shift():
    rng = np.random.default_rng(0)
    points = rng.dirichlet(np.ones(4), 3000)
    points[np.arange(3000), rng.integers(0, 4, 3000)] = 0
    points /= points.sum(axis=1, keepdims=True)
    for shift in (0.0, 0.1, 1 / 3, 0.7):
        x = points + shift
        project_rows(x)
        np.testing.assert_allclose(x, points, atol=1e-15)


def test_one_entry_projects_to_one():
    x = np.array([[-7.0], [3.0]])
    project_rows(x)
    np.testing.assert_array_equal(x, 1.0)


@given(vectors)
@settings(deadline=None, max_examples=50)
def test_the_copy_in_the_admm_file_agrees(v):
    x, y = v[None].copy(), v.copy()
    project_rows(x)
    copy_of_project(y)
    np.testing.assert_array_equal(x[0], y)


def test_normalize_columns_floors_divides_and_fills_empty_columns():
    x = np.array([[3.0, 0.0, -1.0], [1.0, 0.0, 2.0]])
    normalize_columns(x, 0.0)
    np.testing.assert_allclose(x, [[0.75, 0.5, 0.0], [0.25, 0.5, 1.0]])
    y = np.array([[1.0, 0.0], [0.0, 0.0]])
    normalize_columns(y, 0.5)
    np.testing.assert_allclose(y, [[2 / 3, 0.5], [1 / 3, 0.5]])


def test_each_kernel_has_one_specialisation():
    for kernel, arguments in (
        (project_rows, ()),
        (project_columns, ()),
        (normalize_columns, (0.0,)),
    ):
        kernel(np.ones((2, 3)), *arguments)
        assert len(getattr(kernel, "signatures", [None])) == 1
