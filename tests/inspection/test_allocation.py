"""What to label next: the useful pairs, in batches, within the budget; how many labels it takes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from aggregate import (
    Auto,
    DawidSkene,
    HierarchicalDawidSkene,
    MajorityVote,
    labels_needed,
    next_labels,
    simulate_annotations,
)
from aggregate.inspection import chernoff_information
from tests import problems


@pytest.fixture(scope="module")
def crowd():
    return problems.planted(0, n_items=120, n_annotators=10, per_item=3)


@pytest.fixture(scope="module")
def model(crowd):
    return HierarchicalDawidSkene().fit(crowd.votes)


class TestNextLabels:
    def test_asks_for_what_nobody_gave(self, crowd, model):
        asked = next_labels(model, crowd.votes, 300)
        assert len(asked) == 300
        given = set(zip(crowd.votes.item.tolist(), crowd.votes.annotator.tolist(), strict=True))
        pairs = list(zip(asked.items.tolist(), asked.annotators.tolist(), strict=True))
        assert not given & set(pairs)
        assert len(set(pairs)) == 300

    def test_gain_per_price_never_rises_much(self, crowd, model):
        """Greedy: gains fall, but for the sampling of imagined labels."""
        asked = next_labels(model, crowd.votes, 200)
        assert (np.diff(asked.gain) < 0.02).all()
        assert asked.gain[0] > 2 * asked.gain[-1]

    def test_doubtful_items_and_good_annotators_first(self, crowd, model):
        asked = next_labels(model, crowd.votes, 20)
        confidence = model.predict_proba(crowd.votes).max(axis=1)
        chosen = asked.items.astype(int)
        assert confidence[chosen].mean() < confidence.mean() - 0.15
        skill = model.annotator_skill_[asked.annotators.astype(int)]
        assert skill.mean() > model.annotator_skill_.mean() + 0.05

    def test_a_batch_spreads_out(self, crowd, model):
        asked = next_labels(model, crowd.votes, 60)
        assert np.bincount(asked.items.astype(int)).max() <= 4

    def test_prices_and_budget(self, crowd, model):
        price = {j: 1.0 + 9 * (j % 2) for j in range(10)}
        asked = next_labels(model, crowd.votes, 25.5, price=price)
        assert asked.price.sum() <= 25.5
        assert asked.price.sum() > 24.5 - 1
        assert (asked.annotators % 2 == 0).mean() > 0.9
        nothing = next_labels(model, crowd.votes, 0.5)
        assert len(nothing) == 0
        assert "nobody offered could add anything" in str(nothing)

    def test_only_candidates(self, crowd, model):
        asked = next_labels(model, crowd.votes, 50, candidates=([5, 5, 7], [1, 2, 3]))
        given = set(zip(crowd.votes.item.tolist(), crowd.votes.annotator.tolist(), strict=True))
        wanted = {(5, 1), (5, 2), (7, 3)} - given
        assert set(zip(asked.items.tolist(), asked.annotators.tolist(), strict=True)) == wanted

    def test_stops_at_the_target(self, crowd, model):
        error = float(1 - model.predict_proba(crowd.votes).max(axis=1).mean())
        done = next_labels(model, crowd.votes, 50, target_error=error + 1e-6)
        assert done.target_reached
        assert len(done) == 0
        assert "target is reached" in str(done)
        more = next_labels(model, crowd.votes, 50, target_error=error / 2)
        assert not more.target_reached
        doubtful = 1 - model.predict_proba(crowd.votes).max(axis=1) > error / 2
        assert doubtful[more.items.astype(int)].all()

    def test_costs_shift_the_question(self, crowd, model):
        costs = 1 - np.eye(3)
        costs[2] *= 20
        asked = next_labels(model, crowd.votes, 40, costs=costs)
        plain = next_labels(model, crowd.votes, 40, costs=1 - np.eye(3))
        probas = model.predict_proba(crowd.votes)
        third = [probas[found.items.astype(int), 2].mean() for found in (asked, plain)]
        assert third[0] != pytest.approx(third[1])
        assert (asked.gain >= -1e-12).all()

    def test_repetitions_are_worth_less(self, crowd, model):
        alone = next_labels(model, crowd.votes, 10, annotator_correlation=0)
        alike = next_labels(model, crowd.votes, 10, annotator_correlation=0.8)
        assert alike.gain[0] < alone.gain[0]
        assert len(next_labels(model, crowd.votes, 10, annotator_correlation=1)) == 0

    def test_same_seed_same_pairs(self, crowd, model):
        one, other = (next_labels(model, crowd.votes, 80, random_state=3) for _ in range(2))
        np.testing.assert_array_equal(one.items, other.items)
        np.testing.assert_array_equal(one.gain, other.gain)

    def test_many_annotators(self):
        drawn = simulate_annotations(80, 400, 2, labels_per_item=4, random_state=0)
        fitted = Auto().fit(drawn.annotations)
        asked = next_labels(fitted, drawn.annotations, 30)
        assert len(asked) == 30

    def test_refusals(self, crowd, model):
        with pytest.raises(ValueError, match="confusion matrices"):
            next_labels(MajorityVote().fit(crowd.votes), crowd.votes, 5)
        with pytest.raises(ValueError, match="price must name every annotator"):
            next_labels(model, crowd.votes, 5, price={0: 1.0})
        with pytest.raises(ValueError, match="above zero"):
            next_labels(model, crowd.votes, 5, price={j: -float(j) for j in range(10)})
        with pytest.raises(ValueError, match="not among the annotations"):
            next_labels(model, crowd.votes, 5, candidates=([999], [1]))
        with pytest.raises(ValueError, match="one length"):
            next_labels(model, crowd.votes, 5, candidates=([1, 2], [1]))
        with pytest.raises(ValueError, match="costs must be"):
            next_labels(model, crowd.votes, 5, costs=np.eye(2))


class TestLabelsNeeded:
    def test_chernoff_of_a_coin(self):
        for p in (0.6, 0.75, 0.9):
            coin = np.array([[[p, 1 - p], [1 - p, p]]])
            value = -math.log(2 * math.sqrt(p * (1 - p)))
            assert chernoff_information(coin)[0][0, 1] == pytest.approx(value, rel=1e-6)

    def test_chernoff_by_search(self):
        random = np.random.default_rng(0)
        confusion = random.dirichlet(np.ones(3), size=(4, 3))
        weights = np.array([1.0, 2.0, 0.0, 1.0])
        found = chernoff_information(confusion, weights)[0]
        shares = weights / weights.sum()
        for k, other in ((0, 1), (0, 2), (1, 2)):
            values = [
                -sum(
                    w * math.log((A[k] ** (1 - t) * A[other] ** t).sum())
                    for w, A in zip(shares, confusion, strict=True)
                )
                for t in np.linspace(0, 1, 2001)
            ]
            assert found[k, other] == pytest.approx(max(values), rel=1e-5)
            assert found[other, k] == found[k, other]

    def test_proof_is_infinite_and_a_spammer_nothing(self):
        assert np.isinf(chernoff_information(np.eye(2)[np.newaxis])[0][0, 1])
        spam = np.full((1, 2, 2), 0.5)
        assert chernoff_information(spam)[0][0, 1] == pytest.approx(0, abs=1e-9)

    def test_bound_holds_in_simulation(self):
        """With as many labels as asked for, decisions are at most as often wrong as promised."""
        random = np.random.default_rng(0)
        drawn = simulate_annotations(2000, 30, 3, labels_per_item=8, random_state=0)
        model = DawidSkene(annotator_correlation=0).fit(drawn.annotations)
        for error in (0.1, 0.02):
            need = labels_needed(model, error)
            r = int(need.n_labels)
            truth = random.choice(3, size=4000, p=model.class_prior_)
            who = random.integers(0, 30, size=(4000, r))
            scores = np.tile(np.log(model.class_prior_), (4000, 1))
            for column in who.T:
                chances = model.confusion_[column, truth].cumsum(axis=1)
                label = (random.random((4000, 1)) > chances).sum(axis=1).clip(max=2)
                scores += np.log(model.confusion_[column, :, label])
            wrong = (scores.argmax(axis=1) != truth).mean()
            assert wrong <= error
            assert wrong > error / 40  # the bound is no idle one

    def test_more_for_less_error_and_never_beyond_what_a_crowd_knows(self, model):
        needs = [
            labels_needed(model, e, annotator_correlation=0).n_labels for e in (0.2, 0.05, 0.001)
        ]
        assert needs == sorted(needs)
        never = labels_needed(model, 1e-9, annotator_correlation=0.9)
        assert math.isinf(never.n_labels)
        assert "no number of labels" in str(never)
        assert "labels per item" in str(labels_needed(model, 0.2, annotator_correlation=0))

    def test_one_class_needs_none(self):
        one = DawidSkene().fit([[0, 0], [0, 0]])
        assert labels_needed(one, 0.01).n_labels == 0

    def test_refusals(self, model):
        with pytest.raises(ValueError, match="error must be"):
            labels_needed(model, 0)
        with pytest.raises(ValueError, match="confusion matrices"):
            labels_needed(MajorityVote().fit([[0, 1]]), 0.1)
