from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import log_softmax, logsumexp

from aggregate.kernels.minimax_entropy import (
    entropy_best_items,
    entropy_gradient,
    entropy_log_joint,
)

NO_GOLD = np.empty(0, dtype=np.int32)
GOLD = np.array([-1, 1, 0, -1, 0, -1], dtype=np.int32)


def problem(n_classes, seed=0):
    """Return pointers, annotators, labels, log prior and tables; item 2 has no label."""
    random = np.random.default_rng(seed)
    sizes = [3, 1, 0, 5, 2, 4]
    item_ptr = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
    annotator = np.concatenate([random.permutation(5)[:size] for size in sizes]).astype(np.int32)
    label = random.integers(0, n_classes, item_ptr[-1]).astype(np.int32)
    log_prior = np.log(random.dirichlet(np.ones(n_classes)))
    shape = (n_classes, n_classes)
    return (
        (item_ptr, annotator, label),
        log_prior,
        random.normal(size=(5, *shape)),
        random.normal(size=(6, *shape)),
    )


def naive_log_joint(votes, log_prior, by_annotator, by_item):
    item_ptr, annotator, label = votes
    out = np.tile(log_prior, (len(by_item), 1))
    for i in range(len(by_item)):
        for e in range(item_ptr[i], item_ptr[i + 1]):
            for k in range(len(log_prior)):
                log_odds = by_annotator[annotator[e], k] + by_item[i, k]
                out[i, k] += log_softmax(log_odds)[label[e]]
    return out


def naive_value(votes, log_prior, by_annotator, by_item, gold=NO_GOLD, soft=None):
    joint = naive_log_joint(votes, log_prior, by_annotator, by_item)
    total = 0.0
    for i in range(len(joint)):
        if len(gold) and gold[i] >= 0:
            total += joint[i, gold[i]]
        elif votes[0][i] < votes[0][i + 1]:
            total += logsumexp(joint[i]) if soft is None else soft[i] @ joint[i]
    return total


@pytest.mark.parametrize("n_classes", [1, 2, 3, 5])
def test_log_joint_is_the_formula(n_classes):
    votes, log_prior, by_annotator, by_item = problem(n_classes)
    found = np.empty((6, n_classes))
    entropy_log_joint(*votes, log_prior, np.exp(by_annotator), np.exp(by_item), 0, 6, found)
    expected = naive_log_joint(votes, log_prior, by_annotator, by_item)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("gold", [NO_GOLD, GOLD])
@pytest.mark.parametrize("given", [False, True])
def test_value_and_gradient_against_finite_differences(gold, given):
    votes, log_prior, by_annotator, by_item = problem(3)
    soft = np.random.default_rng(1).dirichlet(np.ones(3), 6) if given else None
    to_annotator, to_item, mass = np.zeros((5, 3, 3)), np.full((6, 3, 3), 7.0), np.zeros(3)
    value = entropy_gradient(
        *votes, gold, soft if given else np.empty((0, 3)), log_prior, np.exp(by_annotator),
        np.exp(by_item), 0, 6, to_annotator, to_item, mass,
    )  # fmt: skip
    expected = naive_value(votes, log_prior, by_annotator, by_item, gold, soft)
    assert value == pytest.approx(expected, rel=1e-12)
    step = 1e-6
    for tables, gradient in ((by_annotator, to_annotator), (by_item, to_item)):
        for place in np.ndindex(tables.shape):
            ends = []
            for sign in (1, -1):
                tables[place] += sign * step
                ends.append(naive_value(votes, log_prior, by_annotator, by_item, gold, soft))
                tables[place] -= sign * step
            assert gradient[place] == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-7)
    says_nothing = 1 if not len(gold) else 0  # item 2, unless its class is known
    assert mass.sum() == pytest.approx(6 - says_nothing)


def ordinal_metric(n_classes):
    """Sum, over thresholds, of whether two cells lie in the same quadrant."""
    cells = [(k, y) for k in range(n_classes) for y in range(n_classes)]
    metric = np.zeros((len(cells), len(cells)))
    for a, (k, y) in enumerate(cells):
        for b, (other_k, other_y) in enumerate(cells):
            for s in range(1, n_classes):
                metric[a, b] += (k < s) == (other_k < s) and (y < s) == (other_y < s)
    return metric


@pytest.mark.parametrize("gold", [NO_GOLD, GOLD])
@pytest.mark.parametrize("ordinal", [False, True])
def test_best_items_are_stationary_and_better_than_none(ordinal, gold):
    votes, log_prior, by_annotator, _ = problem(3)
    metric = ordinal_metric(3) if ordinal else np.empty((0, 0))
    norm = np.linalg.eigvalsh(metric)[-1] if ordinal else 1.0
    penalty, tables = 0.8, np.empty((6, 3, 3))
    entropy_best_items(
        *votes, gold, log_prior, np.exp(by_annotator), metric, norm, penalty, 1e-12, 20_000,
        0, 6, tables,
    )  # fmt: skip
    to_annotator, to_item, mass = np.zeros((5, 3, 3)), np.zeros((6, 3, 3)), np.zeros(3)
    entropy_gradient(
        *votes, gold, np.empty((0, 3)), log_prior, np.exp(by_annotator), np.exp(tables), 0, 6,
        to_annotator, to_item, mass,
    )  # fmt: skip
    slope, flat = to_item.reshape(6, 9), tables.reshape(6, 9)
    rise = slope @ metric if ordinal else slope
    np.testing.assert_allclose(rise, penalty * flat, atol=1e-9)
    assert (tables[2] == 0).all()
    at_zero = naive_value(votes, log_prior, by_annotator, np.zeros((6, 3, 3)), gold)
    assert naive_value(votes, log_prior, by_annotator, tables, gold) > at_zero


def test_a_crowd_on_one_item_underflows_nowhere():
    n_labels = 5000
    votes = (
        np.array([0, n_labels], dtype=np.int64),
        np.arange(n_labels, dtype=np.int32),
        np.zeros(n_labels, dtype=np.int32),
    )
    by_annotator = np.tile([[2.0, 0.0], [0.0, 2.0]], (n_labels, 1, 1))
    joint = np.empty((1, 2))
    entropy_log_joint(
        *votes, np.log([0.5, 0.5]), np.exp(by_annotator), np.ones((1, 2, 2)), 0, 1, joint
    )
    assert joint[0, 0] - joint[0, 1] == pytest.approx(2 * n_labels, rel=1e-10)
    assert joint[0, 0] == pytest.approx(math.log(0.5) - n_labels * math.log1p(math.exp(-2)))
