from __future__ import annotations

import numpy as np
import pytest

from aggregate import GLAD, Annotations
from aggregate.metrics import accuracy


def planted(n_items=2000, n_annotators=30, n_classes=3, seed=0):
    """Draw votes from the model itself: everybody labels ten items in thirty."""
    random = np.random.default_rng(seed)
    ability = random.normal(1, 0.7, n_annotators)
    log_ease = random.normal(0.5, 0.8, n_items)
    truth = random.integers(0, n_classes, n_items)
    who = np.array([random.permutation(n_annotators)[:10] for _ in range(n_items)])
    right = random.random(who.shape) < 1 / (1 + np.exp(-ability[who] * np.exp(log_ease)[:, None]))
    other = (truth[:, None] + random.integers(1, n_classes, who.shape)) % n_classes
    label = np.where(right, truth[:, None], other)
    item = np.repeat(np.arange(n_items), 10)
    return Annotations.from_columns(item, who.ravel(), label.ravel()), truth, ability, log_ease


def test_planted_abilities_and_difficulties_are_found():
    votes, truth, ability, log_ease = planted()
    model = GLAD(log_ease_mean=0.5, log_ease_deviation=0.8, ability_deviation=0.7).fit(votes)
    assert np.corrcoef(model.annotator_ability_, ability)[0, 1] > 0.97
    assert np.abs(model.annotator_ability_ - ability).mean() < 0.2  # peaks, not means, of eases
    assert np.corrcoef(-np.log(model.item_difficulty_), log_ease)[0, 1] > 0.6
    right = 1 / (1 + np.exp(-np.outer(ability, np.exp(log_ease))))
    assert np.abs(model.annotator_skill_ - right.mean(1)).mean() < 0.02
    assert abs((model.annotator_skill_ - right.mean(1)).mean()) < 0.01
    assert (model.labels_ == truth).mean() > 0.95


def test_the_end_is_a_stationary_point():
    votes = planted(n_items=300)[0]
    model = GLAD(tol=1e-13).fit(votes)
    ability, ease = model.annotator_ability_, 1 / model.item_difficulty_
    posterior = GLAD(tol=1e-13, annotator_correlation=0).fit(votes).probas_
    slope = np.zeros(30)
    for i, j, y in zip(votes.item, votes.annotator, votes.label, strict=True):
        right = 1 / (1 + np.exp(-ability[j] * ease[i]))
        slope[j] += (posterior[i, y] - right) * ease[i]
    np.testing.assert_allclose(slope - (ability - 1), 0, atol=5e-3)


def test_an_item_without_labels_has_the_difficulty_of_the_prior():
    model = GLAD(log_ease_mean=0.3).fit([[0, 1, 1], [-1, -1, -1], [1, 1, 1]])
    assert model.item_difficulty_[1] == pytest.approx(np.exp(-0.3))
    np.testing.assert_allclose(model.probas_[1], model.class_prior_)


def test_disputed_items_are_harder():
    model = GLAD().fit([[0] * 6, [1] * 6, [0, 0, 0, 0, 1, 1], [1] * 6])
    assert model.item_difficulty_.argmax() == 2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"ability_deviation": 0.0}, "ability_deviation must be a number above 0"),
        ({"log_ease_mean": np.nan}, "log_ease_mean must be a number"),
        ({"class_prior": "flat"}, "class_prior must be one of"),
        ({"max_iter": 0}, "max_iter must be an integer of at least 1"),
    ],
)
def test_wrong_parameters_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        GLAD(**wrong).fit([[0, 1], [1, 1]])


# Percent correct of crowd-kit 1.4.2 after 30 rounds of EM on the same votes.
CROWD_KIT = {
    "music_genre": 78.9, "face_sentiment": 63.0, "bluebird": 72.2, "dog": 83.4, "rte": 92.5,
}  # fmt: skip


@pytest.mark.parametrize("name", CROWD_KIT)
def test_numbers_of_crowd_kit_whitehill_2009(real, name):
    votes, truth = real(name)
    assert 100 * accuracy(GLAD().fit(votes).probas_, gold(votes, truth)) > CROWD_KIT[name] - 0.3


def gold(votes, truth):
    place = {name: code for code, name in enumerate(votes.classes.tolist())}
    return np.array([place.get(truth.get(item), -1) for item in votes.items.tolist()])
