"""Refining by agreement and disagreement: the rules against loops, and what must hold of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregate import Annotations
from aggregate.learning import refine_agree_disagree


def drawn(seed, n_items=25, n_classes=3, n_models=4, n_versions=2, n_annotators=4):
    rng = np.random.default_rng(seed)
    votes = rng.integers(-1, n_classes, size=(n_items, n_annotators))
    votes[:8] = np.where(votes[:8] >= 0, votes[:8, :1].clip(0), -1)
    probas = rng.dirichlet(np.ones(n_classes), size=(n_versions, n_models, n_items))
    table = Annotations.from_matrix(np.where(votes >= 0, votes, -1), classes=range(n_classes))
    return votes, table, probas, rng.uniform(0, 0.9, size=n_models)


def by_hand(votes, probas, rates):
    n_versions, n_models, n_items, _ = probas.shape

    def loss(r, i, c):
        terms = [-math.log(probas[t, r, i, c]) for t in range(n_versions)]
        return sum(math.log(1 + x + x * x / 2) for x in terms) / n_versions

    labels, weight = [-1] * n_items, [0.0] * n_items
    typical = []
    for r in range(n_models):
        given = [loss(r, i, y) for i in range(n_items) for y in votes[i] if y >= 0]
        typical.append(sum(given) / len(given))
    agreed = {}
    for i in range(n_items):
        candidates = sorted(set(votes[i][votes[i] >= 0].tolist()))
        if len(candidates) == 1:
            labels[i] = candidates[0]
            agreed.setdefault(candidates[0], []).append(i)
        elif candidates:
            score = [sum(loss(r, i, c) / typical[r] for r in range(n_models)) / n_models
                     for c in candidates]  # fmt: skip
            labels[i] = candidates[score.index(min(score))]
            weight[i] = 1 / sum(math.exp(min(score) - s) for s in score)
    for c, items in agreed.items():
        for r in range(n_models):
            ordered = sorted(items, key=lambda i: loss(r, i, c))
            for i in ordered[: max(math.ceil((1 - rates[r]) * len(items) - 1e-9), 1)]:
                weight[i] = 1.0
    return np.array(labels), np.array(weight)


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_against_loops(seed):
    votes, table, probas, rates = drawn(seed)
    found = refine_agree_disagree(table, probas, rates)
    labels, weight = by_hand(votes, probas, rates)
    np.testing.assert_array_equal(found.labels, labels)
    np.testing.assert_allclose(found.weight, weight)


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_what_always_holds(seed):
    votes, table, probas, rates = drawn(seed)
    found = refine_agree_disagree(table, probas, rates)
    labelled = (votes >= 0).any(axis=1)
    np.testing.assert_array_equal(found.labels >= 0, labelled)
    for i in np.flatnonzero(labelled):
        assert found.labels[i] in votes[i]
    assert set(found.labels[found.agreed & (found.weight > 0)]) == set(found.labels[found.agreed])
    np.testing.assert_allclose(found.soft_labels.sum(axis=1), labelled)
    disputed = labelled & ~found.agreed
    assert (found.weight[disputed] >= 1 / 3 - 1e-12).all()
    np.testing.assert_allclose(found.soft_labels.max(axis=1)[disputed], found.weight[disputed])
    order = np.random.default_rng(seed).permutation(probas.shape[1])
    again = refine_agree_disagree(table, probas[:, order], rates[order])
    np.testing.assert_array_equal(again.labels, found.labels)
    np.testing.assert_allclose(again.weight, found.weight)
    lenient = refine_agree_disagree(table, probas, rates / 2)
    assert (lenient.weight >= found.weight).all()


def test_nothing_is_dropped_at_rate_zero():
    _, table, probas, _ = drawn(3)
    found = refine_agree_disagree(table, probas)
    assert (found.weight[found.agreed] == 1).all()


def test_a_sub_model_of_noise_is_not_heard():
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=200)
    votes = Annotations.from_matrix(np.stack([truth, 1 - truth], axis=1))
    good = np.where(np.eye(2)[truth] > 0, 0.9, 0.1)
    noise = rng.beta(20, 20, size=200)  # knows nothing and says so
    noise = np.stack([noise, 1 - noise], axis=1)
    found = refine_agree_disagree(votes, [good, noise, noise[::-1]])
    np.testing.assert_array_equal(found.labels, truth)


def test_one_wild_loss_of_a_version_weighs_little():
    votes = Annotations.from_matrix([[0, 1]])
    usual = np.array([[[0.8, 0.2]]])
    wild = np.array([[[1e-12, 1 - 1e-12]]])
    found = refine_agree_disagree(votes, np.stack([usual, usual, usual, wild]))
    assert found.labels.tolist() == [1]  # three mild losses do not outweigh certainty ...
    plain = [-np.log(np.stack([usual] * 3 + [wild])[:, 0, 0, k]).mean() for k in (0, 1)]
    tamed = -np.log(found.soft_labels[0, 0] / found.soft_labels[0, 1])
    assert tamed < plain[0] - plain[1]  # ... but it counts for less than it would untamed


def test_refusals():
    _, table, probas, _ = drawn(0)
    with pytest.raises(ValueError, match=r"probas must have shape \(R, 25, 3\)"):
        refine_agree_disagree(table, probas[0, 0])
    with pytest.raises(ValueError, match="between 0 and 1"):
        refine_agree_disagree(table, probas * 2)
    with pytest.raises(ValueError, match="below 1"):
        refine_agree_disagree(table, probas, 1.0)
    with pytest.raises(ValueError, match="each of the 4 sub-models"):
        refine_agree_disagree(table, probas, [0.1, 0.2])
