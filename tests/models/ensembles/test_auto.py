"""Auto: the mean of its members, what weighs them, and what it says of them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from aggregate import Annotations, Auto, MajorityVote
from aggregate.fusion import CorrelationBelief
from aggregate.metrics import accuracy, log_loss
from aggregate.models.ensembles import auto
from tests import naive, problems
from tests.models.ensembles.crowds import misled


@parametrize_with_checks([Auto()])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def lopsided(seed, n_items=300):
    """Draw votes on two classes, of which everybody takes the second for the first, mostly."""
    random = np.random.default_rng(seed)
    truth = np.arange(n_items) % 2
    item, annotator = np.repeat(np.arange(n_items), 12), np.tile(np.arange(12), n_items)
    label = (random.random(len(item)) < np.where(truth[item] == 1, 0.25, 0.01)).astype(int)
    return problems.from_codes(item, annotator, label, (n_items, 12, 2)), truth


def test_is_the_mean_of_its_members():
    votes = problems.planted(0).votes
    model = Auto().fit(votes)
    total = np.zeros_like(model.probas_)
    for name, member in model.members_.items():
        weight = model.member_weights_[list(model.members_).index(name)]
        scores = naive.log_joint(
            problems.triples(votes), member.confusion_, member.class_prior_, votes.n_items
        )
        if name == "ebcc":  # whose posterior is not that of its mean confusions
            scores = np.log(member.predict_proba(votes))
        for value, share in zip(model.belief_.values, model.belief_.weights, strict=True):
            total += weight * share * naive.temper(scores, votes.labels_per_item, value)
    np.testing.assert_allclose(model.probas_, total, rtol=1e-8)
    assert list(model.members_)[-1] == "pooled"  # which knows no single annotators
    confusions = [member.confusion_ for member in model.members_.values()][:-1]
    weights = model.member_weights_[:-1] / model.member_weights_[:-1].sum()
    wanted = np.einsum("m,mjky->jky", weights, confusions)
    np.testing.assert_allclose(model.confusion_, wanted)
    np.testing.assert_allclose(model.predict_proba(votes), model.probas_, rtol=1e-12)


SIX = ["hierarchical", "cbcc", "ebcc", "mace", "one-coin", "pooled"]


def test_takes_six_of_three_kinds():
    planted = problems.planted(1, n_items=500)
    model = Auto().fit(planted.votes)
    assert list(model.members_) == SIX
    np.testing.assert_allclose(model.member_weights_.sum(), 1)
    assert accuracy(model.probas_, planted.truth) > 0.8
    assert any("Annotators differ" in sentence for sentence in model.explanation_)


def test_does_not_heed_a_model_that_is_plainly_wrong():
    """Ten good annotators and ten who guess: whose label it is tells nearly everything."""
    random = np.random.default_rng(3)
    truth = random.integers(0, 2, 300)
    item, annotator = np.repeat(np.arange(300), 20), np.tile(np.arange(20), 300)
    right = random.random(6000) < np.where(annotator < 10, 0.97, 0.5)
    votes = problems.from_codes(
        item, annotator, np.where(right, truth[item], 1 - truth[item]), (300, 20, 2)
    )
    model = Auto().fit(votes)
    assert dict(zip(model.members_, model.member_weights_, strict=True))["pooled"] < 0.05
    assert log_loss(model.probas_, truth) < 0.1


def test_subtypes_are_left_out_where_they_need_gigabytes(monkeypatch):
    monkeypatch.setattr(auto, "_LARGEST", 500)
    model = Auto().fit(problems.planted(1).votes)
    assert list(model.members_) == [name for name in SIX if name != "ebcc"]
    assert any("gigabytes" in sentence for sentence in model.explanation_)


def test_leaves_out_who_loses_a_class():
    votes, truth = lopsided(0)
    model = Auto().fit(votes)
    assert "one-coin" not in model.members_
    assert any(
        "one-coin" in sentence.lower() and "left out" in sentence for sentence in model.explanation_
    )
    assert accuracy(model.probas_, truth) > accuracy(MajorityVote().fit(votes).probas_, truth)


def test_a_vote_that_is_not_refuted_counts():
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 60)
    item = np.repeat(np.arange(60), 3)
    annotator = random.permutation(180) % 60  # three labels each: all alike for all we know
    label = np.where(random.random(180) < 0.7, truth[item], random.integers(0, 3, 180))
    votes = problems.from_codes(item, annotator, label, (60, 60, 3))
    model = Auto().fit(votes)
    assert model.member_weights_[list(model.members_).index("pooled")] > 1 / 4
    assert any("does not clearly help" in sentence for sentence in model.explanation_)
    vote = accuracy(MajorityVote().fit(votes).probas_, truth)
    assert accuracy(model.probas_, truth) > vote - 0.05


def test_gold_sharpens_the_correlation():
    votes, truth = misled(0)
    gold = np.where(np.arange(len(truth)) < 300, truth, -1)
    blind, told = Auto().fit(votes), Auto().fit(votes, gold=gold)
    widths = [np.subtract(*model.belief_.interval()[::-1]) for model in (blind, told)]
    assert widths[1] < widths[0]
    np.testing.assert_array_equal(told.labels_[:300], truth[:300])
    rest = np.where(gold < 0, truth, -1)
    assert log_loss(told.probas_, rest) <= log_loss(blind.probas_, rest) + 0.01
    assert any("300 gold items" in sentence for sentence in told.explanation_)


def test_gold_by_name():
    votes = Annotations.from_columns(
        list("aaabbbccc") * 4, list("uvw") * 12, list("xxyyyyxxx") * 4, on_duplicate="keep"
    )
    model = Auto().fit(votes, gold={"a": "y"})
    assert model.labels_[votes.items.tolist().index("a")] == "y"


@pytest.mark.parametrize(
    "votes",
    [
        Annotations.from_matrix([[7]]),
        Annotations.from_matrix([[0, 1], [1, 0]]),
        Annotations.from_columns(range(9), range(9), [0, 1, 2] * 3),
        Annotations.from_matrix(np.zeros((3, 50), dtype=int)),
        Annotations.from_columns([], [], [], known_items=[1, 2], classes=[0, 1]),
    ],
    ids=["one label", "ties", "no overlap", "one class", "nobody"],
)
def test_says_what_it_does_not_know(votes):
    model = Auto().fit(votes)
    np.testing.assert_allclose(model.probas_.sum(axis=1), 1)
    assert "pooled" in model.members_
    np.testing.assert_allclose(model.belief_.mean, CorrelationBelief.plausible().mean, atol=0.1)
    assert all(sentence.endswith(".") for sentence in model.explanation_)


def test_columns_may_be_shuffled():
    votes, _ = misled(5)
    table = votes.to_matrix()
    model = Auto().fit(table)
    other = Auto().fit(table[:, ::-1])
    np.testing.assert_allclose(model.probas_, other.probas_, atol=1e-6)
