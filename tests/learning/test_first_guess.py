"""Some gold turns a classifier and its annotators round where most of them mislead."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from aggregate import (
    Annotations,
    CCEMClassifier,
    CrowdClassifier,
    DawidSkene,
    RaykarClassifier,
)
from aggregate.fusion import vote_shares
from aggregate.learning._first_guess import first_guess, turned_round
from aggregate.learning.torch import TorchCrowdClassifier

N_ROWS, N_GOLD = 300, 20


@pytest.fixture(params=[2, 4])
def misled(request):
    """Features that tell the classes, and seven annotators, five of whom swap the last two."""
    n_classes = request.param
    rng = np.random.default_rng(0)
    truth = rng.integers(n_classes, size=N_ROWS)
    X = rng.normal(size=(N_ROWS, 5))
    X[:, :n_classes] += 3 * np.eye(n_classes)[truth]
    swapped = np.arange(n_classes)
    swapped[-2:] = swapped[:-3:-1]
    right = rng.random((N_ROWS, 7)) < 0.7
    said = np.where(right, truth[:, np.newaxis], rng.integers(n_classes, size=(N_ROWS, 7)))
    said[:, :5] = swapped[said[:, :5]]
    return X, said, truth, np.where(np.arange(N_ROWS) < N_GOLD, truth, -1)


@pytest.mark.parametrize(
    "model",
    [
        CrowdClassifier(LogisticRegression(), DawidSkene()),
        RaykarClassifier(C=1.0),
        RaykarClassifier(LogisticRegression()),
        CCEMClassifier(),
        CCEMClassifier(init="majority-vote"),
        CCEMClassifier(init="dawid-skene"),
    ],
    ids=repr,
)
def test_twenty_gold_rows_turn_it_round(model, misled):
    X, table, truth, gold = misled
    others = np.arange(N_ROWS) >= N_GOLD
    assert (model.fit(X, table).predict(X) == truth)[others].mean() < 0.6
    assert (model.fit(X, table, gold=gold).predict(X) == truth)[others].mean() > 0.85


def test_gold_that_agrees_leaves_the_shares(misled):
    _, table, _, _ = misled
    votes = Annotations.from_matrix(table[:, 5:])
    gold = np.full(N_ROWS, -1, dtype=np.int32)
    gold[:5] = vote_shares(votes)[:5].argmax(axis=1)
    assert turned_round(votes, gold) is None
    shares = first_guess(votes, gold)
    np.testing.assert_array_equal(shares[5:], vote_shares(votes)[5:])
    np.testing.assert_array_equal(shares[:5], np.eye(votes.n_classes)[gold[:5]])


@pytest.mark.parametrize("gold", [None, np.full(N_ROWS, -1, dtype=np.int32)])
def test_without_gold_the_shares_are_the_guess(gold, misled):
    votes = Annotations.from_matrix(misled[1])
    np.testing.assert_array_equal(first_guess(votes, gold), vote_shares(votes))


def test_a_network_starts_where_gold_turned_its_aggregator_round(misled):
    X, table, truth, gold = misled
    others = np.arange(N_ROWS) >= N_GOLD
    model = TorchCrowdClassifier(
        init="aggregator", aggregator="dawid-skene", max_epochs=30, lr=0.005
    )
    assert (model.fit(X, table, gold=gold).predict(X) == truth)[others].mean() > 0.85
