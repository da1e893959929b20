"""BWA and MACE: published figures, planted crowds, monotone objectives, hard cases."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from scipy.special import psi
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from aggregate import BWA, MACE
from tests import problems
from tests.models.manners import Manners
from tests.published import percent_right

ALL = [BWA(), MACE(n_init=2, random_state=0), MACE(method="em", n_init=2, random_state=0)]


@parametrize_with_checks(ALL)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.fixture(params=ALL, ids=["bwa", "mace-vb", "mace-em"])
def model(request):
    return lambda **params: clone(request.param).set_params(**params)


class TestBoth(Manners):
    settled: ClassVar = {"tol": 1e-10, "max_iter": 2000}
    atol = 1e-4

    @pytest.mark.filterwarnings("ignore:EM had not converged")
    def test_objective_never_falls(self, model):
        for seed in range(4):
            votes = problems.ragged(seed, n_labels=80)
            path = model(**self.settled).fit(votes).objective_path_
            assert np.diff(path).min(initial=0.0) >= -1e-9 * abs(path[-1])

    def test_recovers_a_planted_crowd(self, model):
        crowd = problems.planted(5, n_items=2000, accuracy=(0.75, 0.9))
        assert (model().fit(crowd.votes).labels_ == crowd.truth).mean() > 0.92


# Li, Rubinstein and Cohn's published figures (The Web Conference 2019 and its repository).
PUBLISHED_BWA = {"bluebird": 75.93, "dog": 83.15, "rte": 92.75, "web": 82.25,
                 "face_sentiment": 61.82, "product": 91.94, "sentiment_polarity": 91.70,
                 "music_genre": 78.57}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED_BWA)
def test_bwa_published(name, real):
    assert percent_right(BWA(), real, name) == pytest.approx(PUBLISHED_BWA[name], abs=0.011)


# Crowd-Kit 1.4's MACE (variational, ten random restarts), which assumes a uniform class prior.
PEER_MACE = {"bluebird": 76.9, "rte": 92.8, "web": 82.0, "music_genre": 79.9,
             "sentiment_polarity": 91.5, "product": 69.5}  # fmt: skip


@pytest.mark.parametrize("name", PEER_MACE)
def test_mace_is_as_good_as_its_peer(name, real):
    got = percent_right(MACE(class_prior="uniform", random_state=0), real, name)
    assert got > PEER_MACE[name] - 0.3


def plain_rounds(votes, method, n_rounds=1500):
    """Competences and spam patterns after many plain rounds, uniform class prior."""
    truth = np.zeros((votes.n_items, votes.n_classes))
    np.add.at(truth, (votes.item, votes.label), 1.0)
    truth /= truth.sum(axis=1, keepdims=True)
    item, who, label = votes.item, votes.annotator, votes.label
    copied = truth[item, label] * 0.5 / (0.5 + 0.5 / votes.n_classes)
    for _ in range(n_rounds):
        coin = np.full((votes.n_annotators, 2), 0.5)
        spam = np.full((votes.n_annotators, votes.n_classes), 10.0)
        np.add.at(coin, (who, 0), copied)
        np.add.at(coin, (who, 1), 1 - copied)
        np.add.at(spam, (who, label), 1 - copied)
        mean = psi if method == "vb" else np.log
        coin_logs = mean(coin) - mean(coin.sum(axis=1, keepdims=True))
        spam_logs = mean(spam) - mean(spam.sum(axis=1, keepdims=True))
        copy = np.exp(coin_logs[who, 0])
        noise = np.exp(coin_logs[who, 1] + spam_logs[who, label])
        joint = np.full(truth.shape, -np.log(votes.n_classes))
        for k in range(votes.n_classes):
            np.add.at(joint[:, k], item, np.log(noise + copy * (label == k)))
        truth = np.exp(joint - joint.max(axis=1, keepdims=True))
        truth /= truth.sum(axis=1, keepdims=True)
        copied = truth[item, label] * copy / (copy + noise)
    return coin[:, 0] / coin.sum(axis=1), spam / spam.sum(axis=1, keepdims=True)


class TestMACE:
    @pytest.mark.parametrize("method", ["vb", "em"])
    def test_ends_where_plain_rounds_end(self, method):
        votes = problems.planted(11, n_items=150).votes
        competence, spam = plain_rounds(votes, method)
        model = MACE(method=method, class_prior="uniform", n_init=1, tol=1e-13)
        fit = model.fit(votes)
        np.testing.assert_allclose(fit.competence_, competence, atol=1e-4)
        np.testing.assert_allclose(fit.spam_, spam, atol=1e-4)

    @pytest.mark.parametrize("name", ["bluebird", "rte", "music_genre"])
    def test_published_sets_never_fall_and_end(self, name, real):
        fit = MACE(n_init=1).fit(real(name)[0])
        path = fit.objective_path_
        assert fit.converged_
        assert np.diff(path).min() >= -1e-12 * abs(path[-1])

    def test_planted_spammers(self):
        random = np.random.default_rng(0)
        truth = random.integers(0, 3, 800)
        competence = np.array([0.9, 0.8, 0.7, 0.6, 0.1, 0.0])
        spam = random.dirichlet(np.ones(3), size=6)
        copies = random.random((800, 6)) < competence
        noise = np.stack([random.choice(3, size=800, p=p) for p in spam], axis=1)
        label = np.where(copies, truth[:, np.newaxis], noise)
        item, annotator = np.indices(label.shape)
        votes = problems.from_codes(item.ravel(), annotator.ravel(), label.ravel(), (800, 6, 3))
        for method in ("vb", "em"):
            fit = MACE(method=method, spam_prior=1.0, random_state=0).fit(votes)
            np.testing.assert_allclose(fit.competence_, competence, atol=0.1)
            np.testing.assert_allclose(fit.spam_[4:], spam[4:], atol=0.1)
            wanted = fit.competence_[:, None, None] * np.eye(3)
            wanted = wanted + ((1 - fit.competence_)[:, None] * fit.spam_)[:, None, :]
            np.testing.assert_allclose(fit.confusion_, wanted)

    def test_a_learned_prior_saves_rare_classes(self, real):
        assert percent_right(MACE(n_init=2, random_state=0), real, "product") > 92.5

    def test_seeds_fix_everything(self):
        votes = problems.planted(3).votes
        one, two = (MACE(n_init=5, random_state=1).fit(votes).probas_ for _ in range(2))
        np.testing.assert_array_equal(one, two)


class TestBWA:
    def test_at_the_optimum_every_precision_solves_its_equation(self):
        votes = problems.planted(4).votes
        fit = BWA(tol=1e-14, max_iter=5000).fit(votes)
        scores = fit._average(votes, fit.annotator_weight_, fit._centre, None)[0]
        one_hot = np.eye(3)[votes.label]
        errors = np.zeros((8, 3))
        np.add.at(errors, votes.annotator, (scores[votes.item] - one_hot) ** 2)
        shares = np.zeros((200, 3))
        np.add.at(shares, (votes.item, votes.label), 1 / 5)
        scale = 15 * 4 * (1 - 1 / 3) * (shares * (1 - shares)).mean(axis=0)
        given = votes.labels_per_annotator[:, np.newaxis]
        np.testing.assert_allclose(
            fit.annotator_weight_, (15 + given) / (scale + errors), rtol=1e-4
        )
