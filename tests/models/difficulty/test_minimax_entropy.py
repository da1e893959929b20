from __future__ import annotations

import numpy as np
import pytest

from aggregate import Annotations, MajorityVote, MinimaxEntropy
from aggregate.metrics import accuracy
from aggregate.models._gold import gold_codes


def planted(n_items=400, n_annotators=20, n_classes=3, seed=0):
    """Draw votes from the model itself, everybody on every second item."""
    random = np.random.default_rng(seed)
    by_annotator = random.normal(0, 0.3, (n_annotators, n_classes, n_classes))
    by_annotator += np.eye(n_classes) * random.uniform(0.5, 3, (n_annotators, 1, 1))
    by_item = random.normal(0, 1, (n_items, n_classes, n_classes))
    truth = random.integers(0, n_classes, n_items)
    columns = []
    for i in range(n_items):
        for j in random.permutation(n_annotators)[: n_annotators // 2]:
            odds = np.exp(by_annotator[j, truth[i]] + by_item[i, truth[i]])
            columns.append((i, j, random.choice(n_classes, p=odds / odds.sum())))
    return Annotations.from_columns(*zip(*columns, strict=True)), truth, by_annotator


def test_planted_items_and_annotators_are_found():
    votes, truth, by_annotator = planted()
    model = MinimaxEntropy().fit(votes)
    vote = MajorityVote().fit(votes)
    assert accuracy(model.probas_, truth) > accuracy(vote.probas_, truth) + 0.01
    diagonal = np.einsum("jkk->j", by_annotator)
    assert np.corrcoef(model.annotator_skill_, diagonal)[0, 1] > 0.85
    clear = vote.probas_.max(axis=1) >= 0.8
    assert model.item_difficulty_[~clear].mean() > model.item_difficulty_[clear].mean() + 0.01


def test_an_ordinal_scale_makes_near_mistakes_likelier():
    random = np.random.default_rng(0)
    truth = random.integers(0, 5, 300)
    label = np.clip(truth[:, None] + random.choice([-1, 0, 1], (300, 6), p=[0.2, 0.6, 0.2]), 0, 4)
    model = MinimaxEntropy(scale="ordinal").fit(label)
    assert (model.confusion_[:, 2, 1] > 2.5 * model.confusion_[:, 2, 0]).all()
    assert (model.confusion_[:, 2, 3] > 2.5 * model.confusion_[:, 2, 4]).all()


def test_two_classes_make_no_difference_between_the_scales():
    votes = planted(n_items=80, n_classes=2)[0]
    nominal, ordinal = (MinimaxEntropy(scale=scale).fit(votes) for scale in ("nominal", "ordinal"))
    np.testing.assert_allclose(nominal.probas_, ordinal.probas_, atol=1e-6)


def test_a_huge_penalty_leaves_nearly_majority_vote():
    votes = planted(n_items=100)[0]
    model = MinimaxEntropy(penalty=1e4, tol=0).fit(votes)
    shares = MajorityVote().fit(votes).probas_
    clear = np.sort(shares, axis=1)[:, -1] > np.sort(shares, axis=1)[:, -2]
    assert (model.probas_.argmax(1) == shares.argmax(1))[clear].mean() > 0.9


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"scale": "ratio"}, "scale must be one of 'nominal', 'ordinal'"),
        ({"penalty": 0.0}, "penalty must be a number above 0"),
        ({"class_prior": [0.5, 0.6]}, "class_prior must be non-negative and sum to 1"),
    ],
)
def test_wrong_parameters_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        MinimaxEntropy(**wrong).fit([[0, 1], [1, 1]])


# Percent wrong. Zhou et al. 2012 and 2014, as the authors' code with its default penalty
# gives them on these files.
ERRORS = {
    ("bluebird", "nominal"): 8.33,
    ("rte", "nominal"): 7.6,
    ("dog", "nominal"): 16.23,
    ("web", "nominal"): 11.12,
    ("web", "ordinal"): 10.37,
}


@pytest.mark.parametrize(("name", "scale"), ERRORS)
def test_errors_of_zhou_2012_and_2014(real, name, scale):
    votes, truth = real(name)
    model = MinimaxEntropy(scale=scale).fit(votes)
    error = 100 - 100 * accuracy(model.probas_, gold_codes(truth, votes))
    assert error < ERRORS[name, scale] + 0.2


def test_a_penalty_too_strong_is_told_and_a_lower_one_mends_it(real):
    votes, truth = real("music_genre")
    codes = gold_codes(truth, votes)
    with pytest.warns(UserWarning, match="the penalty is too strong for so few labels"):
        flat = MinimaxEntropy().fit(votes)
    vote = accuracy(MajorityVote().fit(votes).probas_, codes)
    assert accuracy(flat.probas_, codes) > vote  # tables fitted to the vote, not to rounding
    assert flat.probas_.max() < 0.5
    mended = MinimaxEntropy(penalty=0.0025).fit(votes)
    assert accuracy(mended.probas_, codes) > accuracy(flat.probas_, codes)


def test_flat_tables_never_decide_by_rounding():
    """Three items on which all agree: the penalty outweighs so few votes."""
    votes = Annotations.from_matrix(np.repeat([[0], [1], [0]], 4, axis=1))
    assert MinimaxEntropy().fit(votes).labels_.tolist() == [0, 1, 0]
