from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import log_expit, logsumexp

from aggregate.kernels.glad import glad_best_ease, glad_gradient, glad_log_joint

NO_GOLD = np.empty(0, dtype=np.int32)


def problem(n_classes, seed=0):
    """Return item pointers, annotators, labels and parameters; item 2 has no label."""
    random = np.random.default_rng(seed)
    sizes = [3, 1, 0, 5, 2, 4]
    item_ptr = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
    annotator = np.concatenate([random.permutation(5)[:size] for size in sizes]).astype(np.int32)
    label = random.integers(0, n_classes, item_ptr[-1]).astype(np.int32)
    log_prior = np.log(random.dirichlet(np.ones(n_classes)))
    return item_ptr, annotator, label, log_prior, random.normal(size=5), random.normal(size=6)


def naive_log_joint(item_ptr, annotator, label, log_prior, ability, log_ease):
    """Straight from equation 1: right with chance s(ability · ease), else any other class."""
    n_classes = len(log_prior)
    out = np.empty((len(log_ease), n_classes))
    for i in range(len(log_ease)):
        for k in range(n_classes):
            terms = [log_prior[k]]
            for e in range(item_ptr[i], item_ptr[i + 1]):
                x = ability[annotator[e]] * math.exp(log_ease[i])
                wrong = log_expit(-x) - math.log(max(n_classes - 1, 1))
                terms.append(log_expit(x) if label[e] == k else wrong)
            out[i, k] = math.fsum(terms)
    return out


def naive_log_likelihood(votes, log_prior, ability, log_ease, gold):
    joint = naive_log_joint(*votes, log_prior, ability, log_ease)
    total = 0.0
    for i in range(len(joint)):
        if len(gold) and gold[i] >= 0:
            total += joint[i, gold[i]]
        elif votes[0][i] < votes[0][i + 1]:
            total += logsumexp(joint[i])
    return total


@pytest.mark.parametrize("n_classes", [1, 2, 3, 12])
def test_log_joint_is_the_formula(n_classes):
    *votes, log_prior, ability, log_ease = problem(n_classes)
    found = np.empty((6, n_classes))
    glad_log_joint(*votes, log_prior, ability, log_ease, 0, 6, found)
    np.testing.assert_allclose(
        found, naive_log_joint(*votes, log_prior, ability, log_ease), rtol=1e-12
    )


@pytest.mark.parametrize("gold", [NO_GOLD, np.array([-1, 1, 0, -1, 0, -1], dtype=np.int32)])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_value_and_gradient_against_finite_differences(n_classes, gold):
    *votes, log_prior, ability, log_ease = problem(n_classes)
    to_ability, to_log_ease, mass = np.zeros(5), np.full(6, 7.0), np.zeros(n_classes)
    value = glad_gradient(
        *votes[:3], gold, log_prior, ability, log_ease, 0, 6, to_ability, to_log_ease, mass
    )

    def at(free, ability, log_ease):
        return naive_log_likelihood(votes, free - logsumexp(free), ability, log_ease, gold)

    assert value == pytest.approx(at(log_prior, ability, log_ease), rel=1e-12)
    step = 1e-6
    for place in range(5):
        shift = step * (np.arange(5) == place)
        slope = at(log_prior, ability + shift, log_ease) - at(log_prior, ability - shift, log_ease)
        assert to_ability[place] == pytest.approx(slope / (2 * step), abs=1e-7)
    for place in range(6):
        shift = step * (np.arange(6) == place)
        slope = at(log_prior, ability, log_ease + shift) - at(log_prior, ability, log_ease - shift)
        assert to_log_ease[place] == pytest.approx(slope / (2 * step), abs=1e-7)
    for k in range(n_classes):
        shift = step * (np.arange(n_classes) == k)
        slope = at(log_prior + shift, ability, log_ease) - at(log_prior - shift, ability, log_ease)
        expected = mass[k] - mass.sum() * math.exp(log_prior[k])
        assert expected == pytest.approx(slope / (2 * step), abs=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_best_ease_is_the_highest_of_a_fine_grid(seed):
    *votes, log_prior, ability, _ = problem(3, seed)
    mean, deviation = 0.5, 1.5
    found = np.empty(6)
    glad_best_ease(*votes, NO_GOLD, log_prior, ability, mean, deviation, 0, 6, found)
    fine = np.linspace(mean - 4 * deviation, mean + 4 * deviation, 4001)

    def density(log_ease):
        joint = naive_log_joint(*votes, log_prior, ability, log_ease)
        return logsumexp(joint, axis=1) - ((log_ease - mean) / deviation) ** 2 / 2

    highest = np.max([density(np.full(6, at)) for at in fine], axis=0)
    assert (density(found) >= highest - 1e-9).all()
    assert found[2] == mean  # no labels


def test_a_crowd_on_one_item_underflows_nowhere():
    n_labels = 5000
    votes = (
        np.array([0, n_labels], dtype=np.int64),
        np.arange(n_labels, dtype=np.int32),
        np.zeros(n_labels, dtype=np.int32),
    )
    log_prior, ability = np.log(np.full(2, 0.5)), np.full(n_labels, 2.0)
    joint = np.empty((1, 2))
    glad_log_joint(*votes, log_prior, ability, np.zeros(1), 0, 1, joint)
    right = math.log(1 / (1 + math.exp(-2.0)))
    np.testing.assert_allclose(
        joint[0] - log_prior[0], [n_labels * right, n_labels * (right - 2)], rtol=1e-10
    )
