from __future__ import annotations

import numpy as np
import pytest

from aggregate import _blocks
from aggregate.fusion import from_log_joint, log_joint, posterior
from aggregate.fusion.posterior import clamp
from tests import naive, problems


@pytest.fixture
def small_blocks(monkeypatch):
    """Make blocks so small that ordinary tests have many."""
    monkeypatch.setattr(_blocks, "_ANNOTATIONS_PER_BLOCK", 16)


@pytest.mark.parametrize("n_classes", [1, 2, 3, 12])
class TestAgainstTheFormulas:
    def test_log_joint(self, n_classes):
        votes = problems.ragged(0, n_classes=n_classes, n_labels=120)
        confusion, prior = problems.random_parameters(0, votes.n_annotators, n_classes)
        wanted = naive.log_joint(problems.triples(votes), confusion, prior, votes.n_items)
        np.testing.assert_allclose(
            log_joint(votes, confusion, prior), wanted, rtol=1e-12, atol=1e-12
        )

    @pytest.mark.parametrize("correlation", [0, 0.4, 1])
    def test_posterior(self, n_classes, correlation):
        votes = problems.ragged(1, n_classes=n_classes, n_labels=120)
        confusion, prior = problems.random_parameters(1, votes.n_annotators, n_classes)
        joint = naive.log_joint(problems.triples(votes), confusion, prior, votes.n_items)
        wanted = naive.temper(joint, votes.labels_per_item, correlation)
        got = posterior(votes, confusion, prior, annotator_correlation=correlation)
        np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-200)
        np.testing.assert_allclose(got.sum(axis=1), 1, rtol=1e-14)


class TestPriorsOfItems:
    def test_are_added_in_logarithms(self):
        votes = problems.ragged(6, n_labels=120)
        confusion, prior = problems.random_parameters(6, votes.n_annotators, 3)
        own = np.random.default_rng(6).normal(size=(votes.n_items, 3)) * 50
        alone = naive.log_joint(problems.triples(votes), confusion, np.ones(3), votes.n_items)
        np.testing.assert_allclose(log_joint(votes, confusion), alone, rtol=1e-12)
        got = log_joint(votes, confusion, log_prior=own)
        np.testing.assert_allclose(got, alone + own, rtol=1e-12)
        same = log_joint(votes, confusion, log_prior=np.tile(np.log(prior), (votes.n_items, 1)))
        np.testing.assert_allclose(same, log_joint(votes, confusion, prior), rtol=1e-12)

    @pytest.mark.parametrize("voices", [0, 1, 3])
    def test_another_voice_is_one_more_label(self, voices):
        votes = problems.ragged(7, n_labels=120)
        scores = np.random.default_rng(7).normal(size=(votes.n_items, 3))
        wanted = naive.temper(scores, votes.labels_per_item + voices, 0.4)
        got = from_log_joint(votes, scores.copy(), other_voices=voices)
        np.testing.assert_allclose(got, wanted, rtol=1e-12)


@pytest.mark.parametrize("n_jobs", [1, 2, 3])
@pytest.mark.usefixtures("small_blocks")
def test_is_the_same_to_the_last_bit_for_any_number_of_threads(n_jobs):
    votes = problems.ragged(2, n_items=90, n_labels=500)
    assert len(_blocks.item_blocks(votes.item_ptr)) > 10
    parameters = problems.random_parameters(2, votes.n_annotators, 3)
    np.testing.assert_array_equal(
        posterior(votes, *parameters, n_jobs=n_jobs), posterior(votes, *parameters)
    )


def test_correlation_changes_no_decision():
    votes = problems.ragged(3, n_items=200, n_labels=1500)
    parameters = problems.random_parameters(3, votes.n_annotators, 3)
    textbook = posterior(votes, *parameters, annotator_correlation=0)
    honest = posterior(votes, *parameters)
    np.testing.assert_array_equal(honest.argmax(axis=1), textbook.argmax(axis=1))
    assert (honest.max(axis=1) <= textbook.max(axis=1) + 1e-12).all()
    several = votes.labels_per_item > 1
    assert (honest.max(axis=1) < textbook.max(axis=1))[several].mean() > 0.9


def test_an_item_without_labels_keeps_the_prior():
    votes = problems.ragged(4)
    confusion, prior = problems.random_parameters(4, votes.n_annotators, 3)
    np.testing.assert_allclose(posterior(votes, confusion, prior)[0], prior / prior.sum())


def test_zeros_make_unlikely_and_never_nan():
    votes = problems.from_codes([0, 0], [0, 1], [0, 1], (1, 2, 2))
    soft = posterior(votes, np.stack([np.eye(2), np.eye(2)]), np.array([1.0, 0.0]))
    np.testing.assert_allclose(soft, [[1, 0]], atol=1e-6)
    np.testing.assert_allclose(
        posterior(votes, np.stack([np.eye(2), np.eye(2)]), np.array([0.5, 0.5])), [[0.5, 0.5]]
    )


def test_gold_items_get_probability_one():
    votes = problems.ragged(5)
    gold = np.full(votes.n_items, -1, dtype=np.int32)
    gold[[0, 4]] = 2, 1
    parameters = problems.random_parameters(5, votes.n_annotators, 3)
    soft = posterior(votes, *parameters, gold=gold)
    np.testing.assert_array_equal(soft[[0, 4]], np.eye(3)[[2, 1]])
    free = gold < 0
    np.testing.assert_array_equal(soft[free], posterior(votes, *parameters)[free])


def test_leaves_its_input_alone():
    votes = problems.ragged(6)
    confusion, prior = problems.random_parameters(6, votes.n_annotators, 3, floor=0.0)
    before = confusion.copy(), prior.copy()
    posterior(votes, confusion, prior)
    np.testing.assert_array_equal(confusion, before[0])
    np.testing.assert_array_equal(prior, before[1])


@pytest.mark.parametrize("correlation", [-0.1, 1.1, np.nan])
def test_refuses_a_correlation_outside_its_range(correlation):
    votes = problems.ragged(7)
    parameters = problems.random_parameters(7, votes.n_annotators, 3)
    with pytest.raises(ValueError, match="annotator_correlation must be a number of at least 0"):
        posterior(votes, *parameters, annotator_correlation=correlation)


def test_clamp_without_gold_returns_what_it_got():
    probas = np.array([[0.3, 0.7]])
    assert clamp(probas, None) is probas
