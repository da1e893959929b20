from __future__ import annotations

import numpy as np
import pytest

from aggregate.kernels.squarem import extrapolate, log_differences

FLOOR = 2.0**-52


def tables(seed, n_annotators=3, n_classes=3, count=3):
    random = np.random.default_rng(seed)
    drawn = random.dirichlet(np.ones(n_classes), size=(count, n_annotators, n_classes))
    flat = drawn.transpose(0, 1, 3, 2).reshape(count, -1, n_classes)
    return [np.ascontiguousarray(table) for table in flat]


def differences(old, middle, new):
    step, curvature = np.empty_like(old), np.empty_like(old)
    rr, vv = log_differences(old, middle, new, step, curvature)
    return step, curvature, rr, vv


class TestLogDifferences:
    def test_equals_the_formula(self):
        old, middle, new = tables(0)
        step, curvature, rr, vv = differences(old, middle, new)
        r = np.log(middle) - np.log(old)
        v = np.log(new) - np.log(middle) - r
        np.testing.assert_allclose(step, r, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(curvature, v, rtol=1e-12, atol=1e-14)
        assert rr == pytest.approx((new * r**2).sum())
        assert vv == pytest.approx((new * v**2).sum())

    def test_is_zero_at_a_fixed_point(self):
        (table,) = tables(1, count=1)
        _, _, rr, vv = differences(table, table, table)
        assert rr == vv == 0


class TestExtrapolate:
    @pytest.mark.parametrize("alpha", [-1.0, -2.5, -40.0])
    @pytest.mark.parametrize("n_classes", [2, 3, 5])
    def test_equals_the_formula(self, alpha, n_classes):
        old, middle, new = tables(2, n_classes=n_classes)
        step, curvature, _, _ = differences(old, middle, new)
        out = np.empty_like(old)
        extrapolate(old, step, curvature, alpha, n_classes, FLOOR, out)
        logs = np.log(old) - 2 * alpha * step + alpha**2 * curvature
        grouped = logs.reshape(-1, n_classes, n_classes)
        wanted = np.exp(grouped - grouped.max(axis=1, keepdims=True))
        wanted = np.maximum(wanted / wanted.sum(axis=1, keepdims=True), FLOOR)
        np.testing.assert_allclose(out.reshape(wanted.shape), wanted, rtol=1e-9)

    def test_with_alpha_minus_one_is_the_second_step(self):
        old, middle, new = tables(3)
        step, curvature, _, _ = differences(old, middle, new)
        out = np.empty_like(old)
        extrapolate(old, step, curvature, -1.0, 3, FLOOR, out)
        np.testing.assert_allclose(out, new, rtol=1e-12)

    def test_stays_a_distribution_at_any_length(self):
        old, middle, new = tables(4, n_annotators=20)
        step, curvature, _, _ = differences(old, middle, new)
        out = np.empty_like(old)
        extrapolate(old, step, curvature, -1e4, 3, FLOOR, out)
        assert np.isfinite(out).all()
        assert out.min() >= FLOOR
        np.testing.assert_allclose(out.reshape(-1, 3, 3).sum(axis=1), 1, rtol=1e-12)

    def test_takes_a_class_prior_as_one_column(self):
        old, new = np.array([[0.5], [0.3], [0.2]]), np.array([[0.4], [0.4], [0.2]])
        step, curvature, _, _ = differences(old, new, new)
        out = np.empty_like(old)
        extrapolate(old, step, curvature, -1.0, 3, FLOOR, out)
        np.testing.assert_allclose(out, new, rtol=1e-12)
