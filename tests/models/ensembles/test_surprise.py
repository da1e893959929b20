"""What models foretell of items they have not seen, by hand, and the weights it makes."""

from __future__ import annotations

import numpy as np
import pytest

from aggregate import EBCC, Annotations, OneCoinDawidSkene, PooledDawidSkene
from aggregate.models.ensembles._surprise import _surprise, surprise_per_item, weights_of
from tests import problems


def chance_of(labels, prior, confusion):
    """P(labels of one item) under states of an item: prior (S,), confusion (M, S, K)."""
    total = 0.0
    for state, chance in enumerate(prior):
        for annotator, label in labels:
            chance = chance * confusion[annotator, state, label]
        total += chance
    return total


def by_hand(votes, prior, confusion):
    """Return -Σ log P(label | other labels) of every item."""
    said = [[] for _ in range(votes.n_items)]
    for item, annotator, label in problems.triples(votes):
        said[item].append((annotator, label))
    return [
        -sum(
            np.log(
                chance_of(labels, prior, confusion)
                / chance_of(labels[:e] + labels[e + 1 :], prior, confusion)
            )
            for e in range(len(labels))
        )
        for labels in said
    ]


def test_of_a_model_with_one_confusion_matrix_each():
    votes = problems.planted(0, n_items=30).votes
    model = OneCoinDawidSkene().fit(votes)
    wanted = by_hand(votes, model.class_prior_, model.confusion_)
    np.testing.assert_allclose(_surprise(votes, model), wanted, rtol=1e-9)


def test_of_a_model_with_subtypes():
    random = np.random.default_rng(0)
    item, annotator = np.repeat(np.arange(100), 8), np.tile(np.arange(8), 100)
    fooled = (item % 4 > 1) & (annotator < 4)  # half of each class fools the same four
    label = np.where(random.random(800) < 0.9, item % 2, 1 - item % 2)
    votes = problems.from_codes(item, annotator, np.where(fooled, 1 - label, label), (100, 8, 2))
    model = EBCC(n_init=3, n_subtypes=3, random_state=0).fit(votes)
    share = model.subtype_share_ / model.subtype_share_.sum(axis=1, keepdims=True)
    assert share.shape[1] > 1
    states = [(k, g) for k in range(2) for g in range(share.shape[1])]
    prior = [model.class_prior_[k] * share[k, g] for k, g in states]
    confusion = np.stack([model.subtype_confusion_[:, k, g] for k, g in states], axis=1)
    np.testing.assert_allclose(_surprise(votes, model), by_hand(votes, prior, confusion), rtol=1e-9)


def test_is_of_items_not_seen():
    """Annotators of a few labels each who guess: their confusions foretell nothing."""
    random = np.random.default_rng(0)
    item, annotator = np.repeat(np.arange(100), 5), random.permutation(500) % 250
    votes = problems.from_codes(item, annotator, random.integers(0, 3, 500), (100, 250, 3))
    models = {"one-coin": OneCoinDawidSkene(), "pooled": PooledDawidSkene()}
    found = surprise_per_item(votes, models, np.random.default_rng(0))
    guessing = 5 * np.log(3)
    assert found["pooled"] == pytest.approx(guessing, rel=0.05)
    assert found["one-coin"] > guessing


def test_models_stay_as_they_were():
    votes = problems.planted(0).votes
    model = OneCoinDawidSkene()
    one, other = (
        surprise_per_item(votes, {"it": model}, np.random.default_rng(seed)) for seed in (0, 0)
    )
    assert one == other
    assert not hasattr(model, "confusion_")


@pytest.mark.parametrize(
    "votes",
    [
        Annotations.from_matrix([[7, 8]]),
        Annotations.from_columns(range(9), range(9), [0, 1, 2] * 3),
    ],
)
def test_nothing_seen(votes):
    found = surprise_per_item(votes, {"it": PooledDawidSkene()}, np.random.default_rng(0))
    assert found == {"it": 0}


def test_weights():
    found = weights_of({"a": 0.5, "b": 0.25}, {"a": 901.0, "b": 900.0, "left out": 1.0})
    odds = 0.5 * np.exp(-1) / 0.25
    assert found == pytest.approx({"a": odds / (1 + odds), "b": 1 / (1 + odds)})


def test_nobody_weighs_nothing():
    found = weights_of({"a": 0.5, "b": 0.5}, {"a": 5000.0, "b": 0.0})
    assert 0 < found["a"] < 1e-300
    assert found["b"] == 1
