"""Accuracies on the real data sets, percent correct with fractional ties, and the 1979 table.

The first two columns are the reference numbers that any implementation of the same method must
reach: majority vote exactly, Dawid and Skene's EM as the spectral papers ran it (ten passes,
uniform class prior, no smoothing). Wawa's were computed with another program on the same files.
"""

from __future__ import annotations

import numpy as np
import pytest

from aggregate import DawidSkene, IterativeWeightedVote, MajorityVote, Wawa
from aggregate.models._problem import Problem
from tests import problems

MAJORITY_VOTE = {
    "bluebird": 75.93,
    "rte": 89.69,
    "dog": 82.22,
    "web": 73.07,
    "face_sentiment": 63.67,
    "product": 89.66,
    "sentiment_polarity": 88.59,
    "music_genre": 70.42,
}
TEN_PASSES = {"bluebird": 88.89, "rte": 92.75, "web": 83.98, "dog": 84.14}
WAWA = {
    "bluebird": 75.93,
    "rte": 92.12,
    "dog": 82.90,
    "web": 81.68,
    "face_sentiment": 63.01,
    "product": 89.66,
    "sentiment_polarity": 89.50,
}


def percent_correct(model, truth):
    """Return the accuracy over the known items; a tie earns one over the tied classes."""
    place = {item: i for i, item in enumerate(model.items_.tolist())}
    code = {value: k for k, value in enumerate(model.classes_.tolist())}
    credit = []
    for item, value in truth.items():
        row = model.probas_[place[item]]
        tied = row >= row.max() * (1 - 1e-9)
        credit.append(tied[code[value]] / tied.sum() if value in code else 0)
    return 100 * np.mean(credit)


@pytest.mark.parametrize("name", MAJORITY_VOTE)
def test_majority_vote(real, name):
    votes, truth = real(name)
    assert round(percent_correct(MajorityVote().fit(votes), truth), 2) == MAJORITY_VOTE[name]


@pytest.mark.parametrize("name", TEN_PASSES)
def test_ten_passes_of_maximum_likelihood(real, name):
    votes, truth = real(name)
    model = DawidSkene(
        prior_strength=0, class_prior="uniform", max_iter=10, tol=0, accelerate=False
    )
    assert percent_correct(model.fit(votes), truth) == pytest.approx(TEN_PASSES[name], abs=0.02)


@pytest.mark.parametrize("name", WAWA)
def test_wawa(real, name):
    """Computed elsewhere with ties going to the first class."""
    votes, truth = real(name)
    got = percent_correct(Wawa(ties="first").fit(votes), truth)
    assert got == pytest.approx(WAWA[name], abs=0.01)


def test_iterative_weighted_vote_improves_on_the_vote(real):
    for name in ("rte", "web", "music_genre", "sentiment_polarity", "product"):
        votes, truth = real(name)
        model = IterativeWeightedVote().fit(votes)
        assert model.converged_
        assert percent_correct(model, truth) > MAJORITY_VOTE[name] + 1


class TestAnesthesia:
    """Dawid and Skene, Applied Statistics 28(1):20-28, 1979: 45 patients, five observers."""

    @pytest.mark.parametrize("accelerate", [False, True])
    def test_maximum_likelihood(self, real, accelerate):
        votes, _ = real("anesthesia")
        model = DawidSkene(prior_strength=0, tol=1e-13, max_iter=5000, accelerate=accelerate)
        model.fit(votes)
        assert model.log_likelihood_ == pytest.approx(-192.8909, abs=5e-5)
        np.testing.assert_allclose(model.class_prior_, [0.3996, 0.4220, 0.1118, 0.0667], atol=5e-5)

    def test_observer_one_answered_three_times(self, real):
        votes, _ = real("anesthesia")
        assert votes.labels_per_annotator.tolist() == [135, 45, 45, 45, 45]


@problems.needs_jit
class TestSquarem:
    """With a tenth of a pseudo-label per cell, as SQUAREM's gain was first measured here."""

    @pytest.mark.parametrize("name", ["web", "product"])
    def test_needs_several_times_fewer_passes(self, real, name, monkeypatch):
        """Counted over all passes, refused ones too, until the objective has no more to gain."""
        votes, _ = real(name)
        objectives = []
        step = Problem.step

        def recorded(problem, state):
            objective, following = step(problem, state)
            objectives.append(objective)
            return objective, following

        monkeypatch.setattr(Problem, "step", recorded)
        passes = []
        for accelerate in (False, True):
            objectives.clear()
            DawidSkene(
                prior_strength=0.1 * votes.n_classes,
                prior_accuracy=1 / votes.n_classes,
                accelerate=accelerate,
                tol=1e-14,
                max_iter=5000,
            ).fit(votes)
            best = max(objectives)
            passes.append(np.argmax(np.array(objectives) >= best - 1e-12 * abs(best)) + 1)
        assert passes[0] > 2.5 * passes[1]

    @pytest.mark.parametrize("name", ["bluebird", "dog", "face_sentiment", "product", "web"])
    def test_reaches_the_same_optimum(self, real, name):
        votes, _ = real(name)
        options = {"tol": 1e-13, "max_iter": 5000}
        plain = DawidSkene(accelerate=False, **options).fit(votes)
        fast = DawidSkene(**options).fit(votes)
        assert fast.objective_path_[-1] == pytest.approx(plain.objective_path_[-1], rel=1e-10)
        np.testing.assert_allclose(fast.confusion_, plain.confusion_, atol=1e-4)
        np.testing.assert_allclose(fast.class_prior_, plain.class_prior_, atol=1e-5)
        for model in (plain, fast):
            assert np.diff(model.objective_path_).min() >= -1e-9 * abs(model.objective_path_[-1])


@problems.needs_jit
@pytest.mark.parametrize("name", ["bluebird", "rte", "dog", "web", "product"])
def test_confidence_is_more_honest_than_the_textbook(real, name):
    """Log loss of the true class, with and without allowing for shared mistakes."""
    votes, truth = real(name)
    losses = []
    for correlation in (0.0, 0.4):
        model = DawidSkene(annotator_correlation=correlation).fit(votes)
        place = {item: i for i, item in enumerate(model.items_.tolist())}
        code = {value: k for k, value in enumerate(model.classes_.tolist())}
        sure = [model.probas_[place[item], code[value]] for item, value in truth.items()]
        losses.append(-np.log(np.maximum(sure, 1e-15)).mean())
    assert losses[1] < losses[0]
