from __future__ import annotations

import math

import numpy as np
import pytest

from aggregate.learning.end_to_end._objective import (
    coupled_cross_entropy,
    from_table,
    kernel_table,
    log_det_f,
    log_det_w,
    trace,
)


def problem(n_classes=3, seed=0):
    random = np.random.default_rng(seed)
    f = random.dirichlet(np.ones(n_classes), 7)
    A = random.dirichlet(np.ones(n_classes), (4, n_classes))
    item, annotator = random.integers(0, 7, 20), random.integers(0, 4, 20)
    return f, A, item, annotator, random.integers(0, n_classes, 20), random.uniform(0.1, 2, 20)


def slope(function, array, place, step=1e-6):
    above, below = array.copy(), array.copy()
    above[place] += step
    below[place] -= step
    return (function(above) - function(below)) / (2 * step)


def check_gradient(function, array, gradient):
    assert gradient.shape == array.shape
    for place in np.ndindex(array.shape):
        assert gradient[place] == pytest.approx(slope(function, array, place), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("weighted", [False, True])
def test_coupled_cross_entropy_is_the_formula(weighted):
    f, A, item, annotator, label, weight = problem()
    given = weight if weighted else None
    counts = weight if weighted else np.ones(20)

    def oracle(f, A):
        total = 0.0
        for i, j, y, w in zip(item, annotator, label, counts, strict=True):
            total -= w * math.log(sum(f[i, k] * A[j, k, y] for k in range(3)))
        return total / counts.sum()

    value, by_f, by_A = coupled_cross_entropy(f, A, item, annotator, label, given)
    assert value == pytest.approx(oracle(f, A), rel=1e-13)
    check_gradient(lambda f: oracle(f, A), f, by_f)
    check_gradient(lambda A: oracle(f, A), A, by_A)


def test_the_order_of_the_labels_does_not_matter():
    f, A, *labels = problem()
    order = np.random.default_rng(1).permutation(20)
    first = coupled_cross_entropy(f, A, *labels)
    second = coupled_cross_entropy(f, A, *(values[order] for values in labels))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_no_label_costs_nothing():
    f, A = problem()[:2]
    value, by_f, by_A = coupled_cross_entropy(f, A, [], [], [])
    assert value == 0
    assert not by_f.any()
    assert not by_A.any()


@pytest.mark.parametrize("place", [2, 3, 4])
@pytest.mark.parametrize("wrong", [-1, 7])
def test_codes_out_of_range_are_refused(place, wrong):
    given = list(problem()[:5])
    given[place] = np.full(20, wrong)
    with pytest.raises(
        ValueError, match=rf"codes must lie between 0 and \d; got values from {wrong}"
    ):
        coupled_cross_entropy(*given)


@pytest.mark.parametrize("weighted", [False, True])
def test_log_det_of_the_classifier(weighted):
    f = problem()[0]
    weight = np.random.default_rng(2).uniform(0.2, 3, 7) if weighted else None

    def oracle(f):
        gram = sum(
            (1.0 if weight is None else weight[i]) * np.outer(f[i], f[i]) for i in range(len(f))
        )
        return math.log(np.linalg.det(gram))

    value, gradient = log_det_f(f, weight=weight)
    assert value == pytest.approx(oracle(f), rel=1e-12)
    check_gradient(oracle, f, gradient)


def test_log_det_of_the_annotators_is_that_of_the_stack():
    A = problem()[1]

    def oracle(A):
        stack = np.concatenate([confusion.T for confusion in A])  # (M·K, K), labels by truth
        return math.log(np.linalg.det(stack.T @ stack))

    value, gradient = log_det_w(A)
    assert value == pytest.approx(oracle(A), rel=1e-12)
    check_gradient(oracle, A, gradient)


def test_trace():
    A = problem()[1]
    value, gradient = trace(A)
    assert value == pytest.approx(sum(np.trace(confusion) for confusion in A), rel=1e-14)
    check_gradient(lambda A: trace(A)[0], A, gradient)


@pytest.mark.parametrize(
    "flat", [np.full((5, 3), 1 / 3), np.eye(3)[:2], np.array([[0.5, 0.5, 0.0]] * 4)]
)
def test_a_singular_classifier_has_no_volume(flat):
    value, gradient = log_det_f(flat)
    assert value == -np.inf
    assert not gradient.any()
    value, gradient = log_det_f(flat, ridge=1e-6)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


def test_singular_annotators_have_no_volume():
    value, gradient = log_det_w(np.full((2, 3, 3), 1 / 3))
    assert value == -np.inf
    assert not gradient.any()


@pytest.mark.parametrize("size", [1e-150, 1e-8, 1e8])
def test_a_scale_alone_makes_nothing_singular(size):
    f = problem()[0]
    assert log_det_f(f * size)[0] == pytest.approx(log_det_f(f)[0] + 6 * math.log(size), rel=1e-9)


def test_tables_there_and_back():
    A = problem()[1]
    np.testing.assert_array_equal(from_table(kernel_table(A)), A)
    assert kernel_table(A)[1 * 3 + 2, 0] == A[1, 0, 2]
