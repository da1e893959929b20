from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregate.kernels.coupled import coupled_pass, softmax_rows, softmax_slope

NO_WEIGHT = np.empty(0)


def problem(n_classes, seed=0):
    random = np.random.default_rng(seed)
    n_rows, n_annotators, n_labels = 6, 4, 25
    item = np.sort(random.integers(0, n_rows, n_labels)).astype(np.int32)
    code = random.integers(0, n_annotators * n_classes, n_labels).astype(np.uint32)
    soft = random.dirichlet(np.ones(n_classes), n_rows)
    table = random.uniform(0.01, 1, (n_annotators * n_classes, n_classes))
    return item, code, random.uniform(0.5, 2, n_labels), soft, table


def naive_loss(item, code, weight, soft, table):
    """Label by label, in plain Python."""
    total = 0.0
    for e in range(len(item)):
        chance = sum(soft[item[e]][k] * table[code[e]][k] for k in range(soft.shape[1]))
        total -= (weight[e] if len(weight) else 1.0) * math.log(chance)
    return total


def run(item, code, weight, soft, table):
    to_soft, to_table = np.zeros_like(soft), np.zeros_like(table)
    value = coupled_pass(item, code, weight, soft, table, 0, len(item), to_soft, to_table)
    return value, to_soft, to_table


@pytest.mark.parametrize("n_classes", [1, 2, 3, 12])
@pytest.mark.parametrize("weighted", [False, True])
def test_value_is_the_formula_and_the_gradient_its_slope(n_classes, weighted):
    item, code, weight, soft, table = problem(n_classes)
    weight = weight if weighted else NO_WEIGHT
    value, to_soft, to_table = run(item, code, weight, soft, table)
    assert value == pytest.approx(naive_loss(item, code, weight, soft, table), rel=1e-13)
    step = 1e-6
    for array, gradient in ((soft, to_soft), (table, to_table)):
        for place in np.ndindex(array.shape):
            kept = array[place]
            array[place] = kept + step
            above = naive_loss(item, code, weight, soft, table)
            array[place] = kept - step
            below = naive_loss(item, code, weight, soft, table)
            array[place] = kept
            slope = (above - below) / (2 * step)
            assert gradient[place] == pytest.approx(slope, rel=1e-6, abs=1e-7)


def test_blocks_add_up_to_the_whole():
    item, code, weight, soft, table = problem(3)
    whole = run(item, code, weight, soft, table)
    to_soft, to_table = np.zeros_like(soft), np.zeros_like(table)
    parts = [
        coupled_pass(item, code, weight, soft, table, first, last, to_soft, to_table)
        for first, last in ((0, 7), (7, 7), (7, 25))
    ]
    assert sum(parts) == pytest.approx(whole[0], rel=1e-14)
    np.testing.assert_allclose(to_soft, whole[1], rtol=1e-13)
    np.testing.assert_allclose(to_table, whole[2], rtol=1e-13)


def test_an_impossible_label_costs_much_and_is_finite():
    soft, table = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0], [1.0, 0.0]])
    item, code = np.zeros(1, dtype=np.int32), np.zeros(1, dtype=np.uint32)
    value, to_soft, to_table = run(item, code, NO_WEIGHT, soft, table)
    assert value == pytest.approx(-math.log(1e-300))
    assert np.isfinite(to_soft).all()
    assert np.isfinite(to_table).all()


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.floats(0, 700))
def test_softmax_and_its_slope(seed, n_classes, spread):
    random = np.random.default_rng(seed)
    scores = random.normal(size=(4, n_classes)) * spread
    soft = scores.copy()
    softmax_rows(soft)
    for row, given_row in zip(soft, scores, strict=True):
        total = math.fsum(math.exp(score - given_row.max()) for score in given_row)
        wanted = [math.exp(score - given_row.max()) / total for score in given_row]
        np.testing.assert_allclose(row, wanted, rtol=1e-12, atol=1e-300)
    slope = random.normal(size=soft.shape)
    wanted = np.array([(np.diag(p) - np.outer(p, p)) @ s for p, s in zip(soft, slope, strict=True)])
    softmax_slope(soft, slope)
    np.testing.assert_allclose(slope, wanted, atol=1e-13)
