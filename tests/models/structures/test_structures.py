"""The structures of Dawid-Skene: what they allow, what they find, what they must survive."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

from aggregate import (
    ClassConditionalDawidSkene,
    DawidSkene,
    FastDawidSkene,
    HybridDawidSkene,
    OneCoinDawidSkene,
    PooledDawidSkene,
)
from tests import problems
from tests.models.manners import Manners
from tests.published import percent_right

TIED = [OneCoinDawidSkene, ClassConditionalDawidSkene, PooledDawidSkene]
HARD = [FastDawidSkene, HybridDawidSkene]
ALL = TIED + HARD
ids = {"ids": lambda model: model.__name__}


@pytest.mark.filterwarnings("ignore:one chance of being right:UserWarning")  # nonsense votes
@parametrize_with_checks([model(random_state=0) for model in ALL])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def off_diagonals(confusion):
    n_classes = confusion.shape[1]
    return confusion[:, ~np.eye(n_classes, dtype=bool)].reshape(-1, n_classes, n_classes - 1)


class TestFamilies:
    def test_one_coin_has_one_number_per_annotator(self):
        confusion = OneCoinDawidSkene().fit(problems.planted(0).votes).confusion_
        diagonal = np.einsum("jkk->jk", confusion)
        np.testing.assert_allclose(diagonal, diagonal[:, :1] * np.ones(3))
        np.testing.assert_allclose(
            off_diagonals(confusion), ((1 - diagonal) / 2)[:, :, np.newaxis] * np.ones(2)
        )

    def test_class_conditional_spreads_mistakes_evenly(self):
        confusion = ClassConditionalDawidSkene().fit(problems.planted(0).votes).confusion_
        rest = off_diagonals(confusion)
        np.testing.assert_allclose(rest, rest[:, :, :1] * np.ones(2))
        assert np.ptp(np.einsum("jkk->jk", confusion), axis=1).min() > 1e-3

    def test_pooled_shares_one_matrix(self):
        confusion = PooledDawidSkene().fit(problems.planted(0).votes).confusion_
        np.testing.assert_array_equal(confusion, confusion[:1] * np.ones((8, 1, 1)))

    def test_of_two_classes_class_conditional_is_the_full_matrix(self):
        votes = problems.planted(1, n_classes=2).votes
        options = {"tol": 1e-13, "max_iter": 5000}
        full = DawidSkene(**options).fit(votes)
        coins = ClassConditionalDawidSkene(**options).fit(votes)
        np.testing.assert_allclose(coins.confusion_, full.confusion_, atol=1e-5)
        np.testing.assert_allclose(coins.probas_, full.probas_, atol=1e-5)

    def test_pooled_is_dawid_skene_of_one_annotator(self):
        crowd = problems.planted(2)
        votes = crowd.votes
        single = problems.from_codes(
            votes.item, np.zeros_like(votes.item), votes.label, (200, 1, 3)
        )
        options = {"tol": 1e-13, "max_iter": 5000}
        one = DawidSkene(**options).fit(single)
        pooled = PooledDawidSkene(**options).fit(votes)
        np.testing.assert_allclose(pooled.confusion_[0], one.confusion_[0], atol=1e-5)
        np.testing.assert_allclose(pooled.probas_, one.probas_, atol=1e-5)

    def test_a_start_outside_the_family_is_brought_into_it(self):
        crowd = problems.planted(3)
        fit = OneCoinDawidSkene(init=crowd.confusion).fit(crowd.votes)
        again = OneCoinDawidSkene().fit(crowd.votes)
        np.testing.assert_allclose(fit.objective_path_[-1], again.objective_path_[-1], rtol=1e-6)

    def test_history_counts(self):
        votes = problems.planted(4, n_items=20).votes
        history = np.zeros((8, 3, 3))
        history[0] = 1e6 * np.eye(3)
        for model in (OneCoinDawidSkene(), ClassConditionalDawidSkene()):
            assert model.fit(votes, history=history).annotator_skill_[0] > 0.999
        pooled = PooledDawidSkene().fit(votes, history=history)
        assert pooled.annotator_skill_.min() > 0.999


@pytest.mark.parametrize("model", ALL, **ids)
class TestEveryStructure(Manners):
    def test_objective_never_falls(self, model):
        for seed in range(3):
            path = model(n_init=2, random_state=seed).fit(problems.ragged(seed)).objective_path_
            assert np.diff(path).min(initial=0.0) >= -1e-9 * abs(path[-1])

    def test_recovers_a_planted_crowd(self, model):
        crowd = problems.planted(5, n_items=2000, accuracy=(0.75, 0.9))
        assert (model().fit(crowd.votes).labels_ == crowd.truth).mean() > 0.9

    def test_maximum_likelihood_runs_too(self, model):
        fit = model(prior_strength=0).fit(problems.planted(9).votes)
        assert np.isfinite(fit.objective_path_).all()


class TestLostClasses:
    def test_bluebird_loses_a_class_and_the_remedy_is_named(self, real):
        votes, _ = real("bluebird")
        with pytest.warns(UserWarning, match=r"38% of the votes.* class_prior='uniform'"):
            OneCoinDawidSkene().fit(votes)
        OneCoinDawidSkene(class_prior="uniform").fit(votes)

    def test_planted_loss(self):
        with pytest.warns(UserWarning, match=r"removing a class: 1 \("):
            OneCoinDawidSkene().fit(lopsided())

    def test_an_even_crowd_is_not_warned_of(self):
        OneCoinDawidSkene().fit(problems.planted(10).votes)


def lopsided():
    """Half the items are of class 1, which everybody calls 0 four times in five."""
    random = np.random.default_rng(0)
    truth = np.repeat([0, 1], 100)
    label = np.where(truth[:, np.newaxis] == 1, random.random((200, 20)) < 0.2, 0)
    item, annotator = np.indices(label.shape)
    codes = label.ravel().astype(int)
    return problems.from_codes(item.ravel(), annotator.ravel(), codes, (200, 20, 2))


class TestHard:
    def test_fixed_point_of_decide_and_count(self):
        votes = problems.planted(11, n_items=300).votes
        fit = FastDawidSkene(prior_strength=0).fit(votes)
        hard = np.eye(3)[fit.labels_]
        counts = np.zeros((8, 3, 3))
        np.add.at(counts, (votes.annotator, fit.labels_[votes.item], votes.label), 1)
        wanted = counts / counts.sum(axis=2, keepdims=True)
        np.testing.assert_allclose(fit.confusion_, wanted, atol=1e-9)
        np.testing.assert_allclose(fit.class_prior_, hard.mean(axis=0), atol=1e-9)

    def test_ties_are_shared_out(self):
        votes = problems.from_codes([0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 1, 0], (2, 2, 2))
        fit = FastDawidSkene().fit(votes)
        np.testing.assert_allclose(fit.probas_, 0.5)

    @pytest.mark.parametrize("model", HARD, **ids)
    def test_running_out_of_rounds_is_told(self, model):
        with pytest.warns(ConvergenceWarning, match="max_iter=2"):
            model(max_iter=2).fit(problems.planted(12, accuracy=(0.4, 0.7)).votes)


# Percent correct, maximum likelihood, as measured for the survey behind this package with other
# code (its stopping rule differs a little, hence the margin).
NAMES = ("bluebird", "rte", "dog", "web", "face_sentiment", "product", "sentiment_polarity",
         "music_genre")  # fmt: skip
REFERENCE = {
    OneCoinDawidSkene: (58.33, 92.50, 83.02, 80.78, 61.13, 90.84, 91.68, 79.29),
    FastDawidSkene: (87.96, 93.00, 84.26, 81.12, 63.87, 93.54, 91.38, 79.14),
    HybridDawidSkene: (89.81, 92.75, 84.39, 83.64, 64.04, 93.65, 91.48, 77.71),
}


@pytest.mark.parametrize("model", REFERENCE, **ids)
def test_reference_accuracies(model, real):
    got = [percent_right(model(prior_strength=0), real, name) for name in NAMES]
    np.testing.assert_allclose(got, REFERENCE[model], atol=0.25)
