"""EBCC: subtypes of items, random starts, and the published figures."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from aggregate import EBCC, IBCC
from aggregate.metrics import accuracy
from aggregate.models._gold import gold_codes
from tests import problems
from tests.models.manners import Manners


@parametrize_with_checks([EBCC(n_init=2, random_state=0)])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def correlated(seed, n_items=600, n_annotators=15):
    """Draw votes where a third of class 1 looks like class 0 to four annotators in five."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, n_items)
    hard = (truth == 1) & (random.random(n_items) < 1 / 3)
    right = random.random((n_items, n_annotators)) < np.where(hard, 0.2, 0.85)[:, np.newaxis]
    # A few annotators see through the hard items: they tell them from easy items of class 0.
    right[:, :3] = random.random((n_items, 3)) < 0.95
    label = np.where(right, truth[:, np.newaxis], 1 - truth[:, np.newaxis])
    item, annotator = np.indices(label.shape)
    votes = problems.from_codes(
        item.ravel(), annotator.ravel(), label.ravel(), (n_items, n_annotators, 2)
    )
    return votes, truth


class TestModel:
    def test_one_subtype_is_ibcc(self):
        votes = problems.planted(0).votes
        one = EBCC(n_subtypes=1, class_prior="flat", n_init=1, tol=1e-13, max_iter=5000).fit(votes)
        other = IBCC(tol=1e-13, max_iter=5000).fit(votes)
        np.testing.assert_allclose(one.probas_, other.probas_, atol=1e-5)
        np.testing.assert_allclose(one.confusion_, other.confusion_, atol=1e-5)
        np.testing.assert_allclose(one.objective_path_[-1], other.objective_path_[-1], rtol=1e-9)

    def test_subtypes_explain_shared_mistakes_and_nothing_else(self):
        shared, alone = correlated(0)[0], problems.planted(1, n_items=500).votes
        gains = []
        for votes in (shared, alone):
            one, ten = (EBCC(n_subtypes=g, n_init=5, random_state=0).fit(votes) for g in (1, 10))
            gains.append(ten.bounds_.max() - one.bounds_.max())
        assert gains[0] > 100
        assert gains[1] < 1
        assert EBCC(n_init=5, random_state=0).fit(alone).subtype_share_.shape == (3, 1)

    def test_unused_subtypes_leave(self):
        fit = EBCC(n_init=3, random_state=0).fit(problems.planted(1, n_items=500).votes)
        assert fit.subtype_confusion_.shape[2] < 10
        np.testing.assert_allclose(fit.subtype_confusion_.sum(axis=3), 1)

    @pytest.mark.filterwarnings("ignore:EM had not converged")
    def test_bound_never_falls(self):
        for seed in range(4):
            votes = problems.ragged(seed, n_labels=80)
            path = EBCC(n_init=1, random_state=seed, tol=0, max_iter=300).fit(votes).objective_path_
            assert np.diff(path).min() >= -1e-9 * abs(path[-1])

    def test_no_split_is_the_first_start(self):
        fit = EBCC(n_init=2, random_state=0).fit(problems.planted(1, n_items=500).votes)
        plain = EBCC(n_subtypes=1, n_init=1).fit(problems.planted(1, n_items=500).votes)
        assert fit.bounds_.shape == (3,)
        assert fit.subtype_share_.shape == (3, 1)
        # Nine subtypes without items cost the class the same, whatever else is there.
        np.testing.assert_allclose(fit.confusion_, plain.confusion_, atol=0.01)

    def test_more_starts_are_no_worse_and_seeds_fix_everything(self):
        votes, _ = correlated(1, n_items=150)
        few, many = (EBCC(n_init=n, random_state=3).fit(votes) for n in (1, 12))
        assert many.bounds_.max() >= few.bounds_.max()
        again = EBCC(n_init=12, random_state=3, n_jobs=2).fit(votes)
        np.testing.assert_array_equal(many.probas_, again.probas_)

    def test_recovers_a_planted_crowd(self):
        crowd = problems.planted(5, n_items=2000, accuracy=(0.75, 0.9))
        fit = EBCC(n_init=3, random_state=0).fit(crowd.votes)
        assert (fit.labels_ == crowd.truth).mean() > 0.9

    def test_gold_is_kept_against_six_hundred_labels(self):
        item = np.repeat([0, 1], 600)
        votes = problems.from_codes(item, np.tile(np.arange(600), 2), item, (2, 600, 2))
        fit = EBCC(n_init=2, random_state=0).fit(votes, gold={0: 1, 1: 1})
        assert fit.labels_.tolist() == [1, 1]
        assert EBCC(n_init=2, random_state=0).fit_predict(votes).tolist() == [0, 1]


class TestManners(Manners):
    settled: ClassVar = {"tol": 1e-12, "max_iter": 5000}
    atol = 1e-4  # classes of other names draw other starts, which end close by

    @pytest.fixture
    def model(self):
        return partial(EBCC, n_init=2, random_state=0)


# Li, Rubinstein and Cohn's notebook: percent correct of the best of 40 starts. Where the bound
# has one high maximum, ours is the same to the digit; the others move with the seed.
PUBLISHED = {"dog": (84.01, 0.15), "rte": (93.13, 0.15), "music_genre": (78.71, 0.15)}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_accuracies(name, real):
    votes, truth = real(name)
    fit = EBCC(n_init=10, random_state=0).fit(votes)
    wanted, margin = PUBLISHED[name]
    assert 100 * accuracy(fit.probas_, gold_codes(truth, votes)) == pytest.approx(
        wanted, abs=margin
    )


def test_web_needs_the_start_without_a_split(real):
    """The published run, one seed in forty, is the optimum that no split leads back to."""
    votes, truth = real("web")
    fit = EBCC(n_init=2, random_state=0).fit(votes)
    assert fit.bounds_.argmax() == 0
    assert fit.bounds_[0] > fit.bounds_[1:].max() + 1
    assert 100 * accuracy(fit.probas_, gold_codes(truth, votes)) == pytest.approx(76.86, abs=0.01)
