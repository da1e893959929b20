"""Votes at the edges: rows sum to one, nothing is NaN, and no warning is raised by accident."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

from aggregate import Annotations, DawidSkene, IterativeWeightedVote, MajorityVote, Wawa
from tests import problems

MODELS = [
    MajorityVote(),
    Wawa(),
    IterativeWeightedVote(),
    DawidSkene(),
    DawidSkene(prior_strength=0),
    DawidSkene(prior_strength=0, class_prior="uniform", accelerate=False, max_iter=2000),
]
every = pytest.mark.parametrize("model", MODELS, ids=str)


def all_agree():
    truth = np.arange(30) % 3
    return Annotations.from_matrix(np.repeat(truth[:, np.newaxis], 5, axis=1))


def one_vote_each():
    item = np.arange(60) // 5
    label = np.where(np.arange(60) % 5 < 4, item % 2, 1 - item % 2)
    return Annotations.from_columns(item, np.arange(60), label)


def crowded():
    """600 annotators on each of 8 items, three in four right."""
    random = np.random.default_rng(0)
    truth = np.arange(8) % 2
    wrong = random.random((8, 600)) < 0.25
    return Annotations.from_matrix(np.where(wrong, 1 - truth[:, None], truth[:, None]))


def spammers_and_experts():
    table = problems.planted(1, n_annotators=5, per_item=5, accuracy=(0.8, 0.9)).votes.to_matrix()
    random = np.random.default_rng(1)
    return Annotations.from_matrix(
        np.column_stack([table, np.zeros(200, dtype=int), random.integers(0, 3, size=(200, 2))])
    )


def adversaries():
    table = problems.planted(2, n_annotators=7, per_item=7, n_classes=2).votes.to_matrix()
    table[:, :2] = 1 - table[:, :2]
    return Annotations.from_matrix(table)


def all_wrong():
    """Most annotators worse than chance: the classes swap, the arithmetic holds."""
    planted = problems.planted(3, n_classes=3, accuracy=(0.05, 0.2))
    return planted.votes


VOTES = {
    "all agree": all_agree(),
    "one class": Annotations.from_matrix(np.zeros((4, 3), dtype=int)),
    "one class, many labels": Annotations.from_matrix(np.zeros((3, 50), dtype=int)),
    "one annotator": Annotations.from_matrix([[0], [1], [1], [2]]),
    "one item": Annotations.from_matrix([[0, 1, 1]]),
    "one label": Annotations.from_matrix([[7]]),
    "one label, two classes": Annotations.from_matrix([[7]], classes=[7, 8]),
    "one vote each": one_vote_each(),
    "600 labels on an item": crowded(),
    "spammers": spammers_and_experts(),
    "adversaries": adversaries(),
    "all wrong": all_wrong(),
    "no overlap": Annotations.from_columns(range(9), range(9), [0, 1, 2] * 3),
    "only ties": Annotations.from_matrix(np.tile([[0, 1], [1, 0]], (10, 1))),
    "silent items and annotators": Annotations.from_columns(
        [1, 1, 2], ["u", "v", "u"], [0, 1, 1],
        known_items=range(6), known_annotators=["s", "u", "v", "w"],
    ),
    "unused classes": Annotations.from_matrix([[0, 1], [1, 1]], classes=range(5)),
    "unlabelled only": Annotations.from_columns(
        [], [], [], known_items=[1, 2], known_annotators=[3], classes=[0, 1]
    ),
    "nobody": Annotations.from_columns([], [], [], known_items=[1, 2], classes=[0, 1]),
    "nothing": Annotations.from_columns([], [], [], classes=[0, 1]),
    "repeats": Annotations.from_columns([0] * 9, ["u"] * 6 + ["v"] * 3, [0, 1, 0] * 3),
    "12 classes, 20 labels": problems.ragged(0, n_classes=12, n_labels=20),
}  # fmt: skip
everywhere = pytest.mark.parametrize("name", VOTES)


@every
@everywhere
def test_rows_sum_to_one(model, name):
    votes = VOTES[name]
    fitted = clone(model).fit(votes)
    shape = (votes.n_items, votes.n_classes)
    for probas in (fitted.probas_, fitted.predict_proba(votes)):
        assert probas.shape == shape
        assert np.isfinite(probas).all()
        np.testing.assert_allclose(probas.sum(axis=1), 1, rtol=1e-12)
    assert fitted.labels_.shape == (votes.n_items,)
    assert np.isfinite(fitted.annotator_skill_).all()
    assert fitted.annotator_skill_.shape == (votes.n_annotators,)
    assert fitted.class_prior_.sum() == pytest.approx(1)
    assert np.isfinite(fitted.score(votes))


@every
@pytest.mark.parametrize("name", ["all agree", "600 labels on an item"])
def test_the_clear_cases(model, name):
    votes = VOTES[name]
    wanted = np.arange(votes.n_items) % votes.n_classes
    np.testing.assert_array_equal(clone(model).fit(votes).labels_, wanted)


@pytest.mark.parametrize("name", ["all agree", "one class"])
def test_agreement_makes_perfect_annotators(name):
    fitted = DawidSkene(prior_strength=0).fit(VOTES[name])
    np.testing.assert_allclose(fitted.annotator_skill_, 1)


def test_spammers_are_found():
    fitted = DawidSkene().fit(VOTES["spammers"])
    constant = fitted.confusion_[5]
    np.testing.assert_allclose(constant[:, 0], 1, atol=0.06)
    np.testing.assert_allclose(fitted.confusion_[6:], 1 / 3, atol=0.2)
    assert fitted.annotator_skill_[:5].min() > fitted.annotator_skill_[5:].max()


def test_spammers_change_nothing():
    votes = VOTES["spammers"]
    with_them = DawidSkene().fit(votes)
    without = DawidSkene().fit(votes.select(annotators=range(5)))
    assert (with_them.labels_ == without.labels_).mean() > 0.97


def test_adversaries_are_used():
    """An annotator who is always wrong about two classes is as good as one who is right."""
    planted = problems.planted(2, n_annotators=7, per_item=7, n_classes=2)
    fitted = DawidSkene().fit(VOTES["adversaries"])
    assert (fitted.annotator_skill_[:2] < 0.5).all()
    voted = MajorityVote().fit(VOTES["adversaries"])
    right = [(model.labels_ == planted.truth).mean() for model in (fitted, voted)]
    assert right[0] > right[1] + 0.02


def test_an_item_without_labels_says_nothing():
    planted = problems.planted(4)
    frame = planted.votes.to_frame()
    more = Annotations.from_columns(
        frame["item"], frame["annotator"], frame["label"], known_items=range(1000)
    )
    few, many = DawidSkene().fit(planted.votes), DawidSkene().fit(more)
    np.testing.assert_array_equal(many.confusion_, few.confusion_)
    np.testing.assert_array_equal(many.class_prior_, few.class_prior_)
    np.testing.assert_allclose(many.probas_[200:], [few.class_prior_] * 800)


def test_a_silent_annotator_keeps_the_prior():
    fitted = DawidSkene(prior_accuracy=0.6).fit(VOTES["silent items and annotators"])
    np.testing.assert_allclose(fitted.confusion_[0], [[0.6, 0.4], [0.4, 0.6]])
    fitted = DawidSkene(prior_strength=0).fit(VOTES["silent items and annotators"])
    np.testing.assert_allclose(fitted.confusion_[0], [[0.7, 0.3], [0.3, 0.7]])
