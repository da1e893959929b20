"""Gains of a label against plain sums over labels and classes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from aggregate.kernels.acquisition import best_label, imagine_label

INFORMATION = np.empty((0, 0))


def crowd(seed, n_annotators=4, n_classes=3):
    random = np.random.default_rng(seed)
    confusion = random.dirichlet(np.ones(n_classes), size=(n_annotators, n_classes))
    table = np.ascontiguousarray(confusion.transpose(0, 2, 1).reshape(-1, n_classes))
    return confusion, table, random.dirichlet(np.ones(n_classes), size=5)


def channel(confusion, belief, worth):
    """Return P(label | truth), a repetition of what is known with probability 1 - worth."""
    return worth * confusion + (1 - worth) * (belief @ confusion)


def information(confusion, belief, worth):
    rows = channel(confusion, belief, worth)

    def entropy(p):
        return -sum(x * math.log(x) for x in p if x > 0)

    return entropy(belief @ rows) - sum(
        q * entropy(row) for q, row in zip(belief, rows, strict=True)
    )


def saving(confusion, belief, worth, costs):
    rows = channel(confusion, belief, worth)

    def risk(q):
        return min(sum(q[k] * costs[k][d] for k in range(len(q))) for d in range(len(q)))

    after = 0.0
    for y in range(len(belief)):
        joint = belief * rows[:, y]
        after += joint.sum() * risk(joint / joint.sum())
    return risk(belief) - after


@pytest.mark.parametrize("worth", [1.0, 0.4, 0.0])
@pytest.mark.parametrize("by_cost", [False, True])
def test_picks_the_largest_gain_per_price(worth, by_cost):
    confusion, table, particles = crowd(0)
    prices = np.array([1.0, 3.0, 0.5, 1.0])
    costs = np.random.default_rng(1).uniform(size=(3, 3)) if by_cost else INFORMATION
    offered = np.array([3, 1, 2])

    def gain_of(j, belief):
        if by_cost:
            return saving(confusion[j], belief, worth, costs)
        return information(confusion[j], belief, worth)

    gains = np.array([np.mean([gain_of(j, belief) for belief in particles]) for j in range(4)])
    place, gain = best_label(particles, table, offered, prices, worth, costs)
    if worth > 0:
        assert place == (gains / prices)[offered].argmax()
    assert gain == pytest.approx(gains[offered[place]], abs=1e-12)
    assert gain >= -1e-12


def test_nobody_to_ask():
    _, table, particles = crowd(0)
    nobody = np.empty(0, dtype=np.int64)
    assert best_label(particles, table, nobody, np.ones(4), 1.0, INFORMATION)[0] == -1


def test_certainty_and_spammers_bring_nothing():
    confusion, table, _ = crowd(0)
    certain = np.array([[0.0, 1.0, 0.0]])
    everyone = np.arange(4)
    assert best_label(certain, table, everyone, np.ones(4), 1.0, INFORMATION)[1] == pytest.approx(0)
    spam = np.repeat(confusion[0, :1].T, 3, axis=1)
    belief = np.array([[0.3, 0.3, 0.4]])
    gain = best_label(
        belief, np.ascontiguousarray(spam), everyone[:1], np.ones(1), 1.0, INFORMATION
    )
    assert gain[1] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("worth", [1.0, 0.3])
def test_imagined_labels_follow_bayes_and_keep_the_mean(worth):
    confusion, table, beliefs = crowd(2)
    particles = np.repeat(beliefs[:1], 4000, axis=0)
    uniforms = (np.arange(4000) + 0.5) / 4000
    imagine_label(particles, table, 1, worth, uniforms)
    rows = channel(confusion[1], beliefs[0], worth)
    wanted = beliefs[0][:, np.newaxis] * rows
    wanted = (wanted / wanted.sum(axis=0)).T
    for particle in particles[::97]:
        assert abs(wanted - particle).sum(axis=1).min() < 1e-12
    np.testing.assert_allclose(particles.mean(axis=0), beliefs[0], atol=1e-3)
