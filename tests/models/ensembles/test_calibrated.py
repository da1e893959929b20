"""Calibrated: decisions stay, confidence becomes honest, gold is not used twice."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from aggregate import (
    GLAD,
    Annotations,
    Auto,
    Calibrated,
    DawidSkene,
    HierarchicalDawidSkene,
    estimate_correlation,
)
from aggregate.fusion import CorrelationBelief
from aggregate.metrics import log_loss
from tests import problems
from tests.models.ensembles.crowds import misled

CONFUSION = np.full((4, 4), 0.1) + 0.6 * np.eye(4)


@parametrize_with_checks([Calibrated(), Calibrated(DawidSkene(), use_votes=False)])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", [DawidSkene(), HierarchicalDawidSkene(), GLAD()], ids=str)
def test_changes_no_decision(estimator):
    votes = problems.planted(0, n_classes=2).votes
    plain = estimator.fit(votes)
    model = Calibrated(estimator).fit(votes)
    np.testing.assert_array_equal(model.labels_, plain.labels_)
    np.testing.assert_allclose(model.predict_proba(votes), model.probas_, rtol=1e-12)


@pytest.mark.parametrize("method", ["correlation", "temperature", "isotonic"])
def test_gold_makes_it_honest(method):
    votes, truth = misled(0)
    gold = np.where(np.arange(len(truth)) < 250, truth, -1)
    rest = np.where(gold < 0, truth, -1)
    textbook = DawidSkene(annotator_correlation=0).fit(votes, gold=gold)
    model = Calibrated(DawidSkene(), method=method).fit(votes, gold=gold)
    np.testing.assert_array_equal(model.labels_, textbook.labels_)
    known = gold >= 0
    np.testing.assert_array_equal(model.probas_[known].max(axis=1), 1)
    before, after = (log_loss(fit.probas_, rest) for fit in (textbook, model))
    assert after < before - 0.15
    right = (model.labels_ == truth)[~known].mean()
    too_sure = [fit.probas_[~known].max(axis=1).mean() - right for fit in (textbook, model)]
    assert abs(too_sure[1]) < (0.05 if method == "isotonic" else too_sure[0])


def test_shared_mistakes_show():
    """Items that look like nothing in particular: annotators agree on what others do not say."""
    random = np.random.default_rng(1)
    means = []
    for concentration in (200.0, 2.0):
        truth = random.integers(0, 4, 500)
        looks = np.array([random.dirichlet(concentration * row) for row in CONFUSION[truth]])
        chances = looks.cumsum(axis=1)[np.repeat(np.arange(500), 8)]
        label = (random.random((4000, 1)) > chances).sum(axis=1).clip(max=3)
        annotator = random.permuted(np.tile(np.arange(15), (500, 1)), axis=1)[:, :8].ravel()
        item = np.repeat(np.arange(500), 8)
        votes = problems.from_codes(item, annotator, label, (500, 15, 4))
        means.append(estimate_correlation(votes).mean)
    assert means[0] < 0.3
    assert means[1] > 0.5


def test_votes_help_without_gold():
    votes, truth = misled(2)
    textbook = HierarchicalDawidSkene(annotator_correlation=0).fit(votes)
    model = Calibrated().fit(votes)
    assert log_loss(model.probas_, truth) < log_loss(textbook.probas_, truth) - 0.1


def test_says_what_is_plausible_where_votes_are_silent():
    two_each = problems.planted(0, per_item=2).votes
    wanted = CorrelationBelief.plausible()
    np.testing.assert_array_equal(estimate_correlation(two_each).weights, wanted.weights)
    np.testing.assert_array_equal(
        Calibrated(use_votes=False).fit(two_each).belief_.weights, wanted.weights
    )


def test_same_seed_same_answer():
    votes, _ = misled(3)
    one, other, third = (
        estimate_correlation(votes, random_state=seed).weights for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(one, other)
    assert (one != third).any()


@pytest.mark.parametrize("model", [Calibrated(), Auto()], ids=str)
def test_gold_goes_by_name(model):
    votes, truth = misled(5, n_items=60)
    named = Annotations(
        votes.item_ptr, votes.annotator, votes.label, votes.items, votes.annotators,
        np.array(["no", "yes"]),
    )  # fmt: skip
    gold = np.where(np.arange(60) < 20, truth, -1)
    words = {i: ("no", "yes")[truth[i]] for i in range(20)}
    by_name, by_code = model.fit(named, gold=words).probas_, model.fit(votes, gold=gold).probas_
    np.testing.assert_array_equal(by_name, by_code)


def test_gold_methods_need_gold():
    votes, _ = misled(4)
    with pytest.raises(ValueError, match=r"isotonic.*gold"):
        Calibrated(method="isotonic").fit(votes)
    with pytest.raises(ValueError, match="method must be one of"):
        Calibrated(method="magic").fit(votes)
