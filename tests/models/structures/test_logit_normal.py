"""Logit-normal rows: the bound, what it finds, what it must survive."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.utils.estimator_checks import parametrize_with_checks

from aggregate import Annotations, DawidSkene, HierarchicalDawidSkene, LogitNormalDawidSkene
from aggregate.metrics import accuracy
from aggregate.models._gold import gold_codes
from aggregate.models.structures._logit_crowd import mean_rows
from aggregate.models.structures._logit_moves import Hyper, Rows, _slopes, _value, move
from tests import problems


@parametrize_with_checks([LogitNormalDawidSkene(random_state=0)])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


CENTRE = np.array([[2.0, 0.5, -1.0], [0.0, 1.5, 0.0], [-0.5, 0.5, 1.5]])
DEVIATION = np.array([[0.3, 1.2, 0.2], [0.9, 0.3, 0.2], [0.2, 0.2, 0.8]])


def drawn(seed, n_items=1500, n_annotators=80, per_item=8):
    """Draw a crowd from the model itself."""
    random = np.random.default_rng(seed)
    log_odds = CENTRE + DEVIATION * random.standard_normal((n_annotators, 3, 3))
    confusion = softmax(log_odds, axis=2)
    truth = random.integers(0, 3, n_items)
    order = random.permuted(np.tile(np.arange(n_annotators), (n_items, 1)), axis=1)
    annotator = order[:, :per_item].ravel()
    item = np.repeat(np.arange(n_items), per_item)
    chances = confusion[annotator, truth[item]].cumsum(axis=1)
    label = (random.random((len(item), 1)) > chances).sum(axis=1).clip(max=2)
    votes = problems.from_codes(item, annotator, label, (n_items, n_annotators, 3))
    return votes, truth, confusion


class TestModel:
    def test_recovers_a_planted_crowd(self):
        votes, truth, confusion = drawn(0)
        fit = LogitNormalDawidSkene().fit(votes)
        assert (fit.labels_ == truth).mean() > 0.9
        assert abs(fit.confusion_ - confusion).mean() < 0.035
        # Adding a number to all log odds of a row changes no chance: differences compare.
        centre = fit.crowd_mean_ - fit.crowd_mean_.mean(axis=1, keepdims=True)
        np.testing.assert_allclose(centre, CENTRE - CENTRE.mean(axis=1, keepdims=True), atol=0.3)

    def test_few_labels_each_it_beats_separate_rows(self):
        errors = np.zeros(3)
        for seed in range(3):
            votes, _, confusion = drawn(seed, n_items=500, n_annotators=150)
            for place, model in enumerate(
                (LogitNormalDawidSkene(), HierarchicalDawidSkene(), DawidSkene())
            ):
                errors[place] += abs(model.fit(votes).confusion_ - confusion).mean() / 3
        assert errors[0] < 0.9 * errors[2]
        assert errors[0] < 1.02 * errors[1]

    def test_bound_never_falls(self):
        for seed in range(4):
            votes = problems.ragged(seed, n_labels=80)
            path = LogitNormalDawidSkene(n_init=2, random_state=seed).fit(votes).objective_path_
            assert np.diff(path).min(initial=0.0) >= -1e-9 * abs(path[-1])

    def test_rows_come_from_the_posterior(self):
        fit = LogitNormalDawidSkene().fit(drawn(1, n_items=200)[0])
        wanted = mean_rows(fit.log_odds_mean_, fit.log_odds_deviation_**2)
        np.testing.assert_allclose(fit.confusion_, wanted, rtol=1e-9)

    def test_silent_annotators_are_typical(self):
        votes = Annotations.from_columns(
            [1, 1, 2, 2], ["u", "v", "u", "v"], [0, 1, 1, 1], known_annotators=["s", "u", "v"]
        )
        fit = LogitNormalDawidSkene().fit(votes)
        np.testing.assert_allclose(fit.confusion_[0], fit._stranger(), rtol=1e-9)

    def test_a_tighter_prior_draws_annotators_together(self):
        votes = drawn(2, n_items=200)[0]
        fits = [LogitNormalDawidSkene(prior_deviation=s).fit(votes) for s in (0.05, 1.0)]
        spread = [fit.confusion_.std(axis=0).mean() for fit in fits]
        assert spread[0] < 0.5 * spread[1]

    def test_mean_rows_against_draws(self):
        random = np.random.default_rng(0)
        for n in (2, 3, 5):
            mean, variance = random.normal(size=n), random.uniform(0, 1, size=n)
            draws = mean + np.sqrt(variance) * random.standard_normal((100_000, n))
            wanted = softmax(draws, axis=1).mean(axis=0)
            np.testing.assert_allclose(mean_rows(mean, variance), wanted, atol=0.02)


class TestMoves:
    def rows(self, seed):
        random = np.random.default_rng(seed)
        rows = Rows(
            random.gamma(0.3, 10.0, size=(9, 3)),
            random.normal(size=(9, 3)),
            random.uniform(0.05, 1.0, size=(9, 3)),
        )
        return rows, random.normal(size=3), Hyper(random.normal(size=3), 0.7, np.full(3, 0.4))

    def test_slopes_by_differences(self):
        rows, centre, hyper = self.rows(0)
        gradient, curvature = _slopes(rows, centre, hyper)
        point = np.concatenate([centre, np.ones(3)])
        nudges = 1e-4 * np.eye(6)

        def at(x):
            return _value(rows, x[:3], x[3:], hyper)

        slope = [(at(point + e) - at(point - e)) / 2e-4 for e in nudges]
        np.testing.assert_allclose(gradient, slope, rtol=1e-5, atol=1e-5)
        bend = [
            [
                (at(point + d + e) - at(point + d - e) - at(point - d + e) + at(point - d - e))
                / 4e-8
                for d in nudges
            ]
            for e in nudges
        ]
        np.testing.assert_allclose(-curvature, bend, rtol=1e-3, atol=1e-3)

    def test_a_move_never_descends_and_ends_at_a_flat_top(self):
        for seed in range(5):
            rows, centre, hyper = self.rows(seed)
            for _ in range(30):
                before = _value(rows, centre, np.ones(3), hyper)
                centre, stretch = move(rows, centre, hyper)
                assert _value(rows, centre, stretch, hyper) >= before - 1e-12 * abs(before)
                rows = Rows(rows.counts, stretch * rows.residual, stretch**2 * rows.variance)
                hyper = hyper._replace(spread=stretch**2 * hyper.spread)
            gradient, _ = _slopes(rows, centre, hyper)
            np.testing.assert_allclose(gradient, 0, atol=1e-6)


class TestContract:
    def test_gold_new_items_and_strangers(self):
        votes, truth, _ = drawn(3, n_items=150)
        gold = {0: (int(truth[0]) + 1) % 3}
        assert LogitNormalDawidSkene().fit(votes, gold=gold).labels_[0] == gold[0]
        fit = LogitNormalDawidSkene().fit(votes)
        np.testing.assert_array_equal(fit.predict_proba(votes), fit.probas_)
        new = problems.from_codes([0, 0, 0, 1], [0, 1, 99, 99], [1, 1, 1, 2], (2, 100, 3))
        assert fit.predict_proba(new)[0].argmax() == 1
        assert np.isfinite(fit.score(new))

    def test_threads_and_order(self):
        votes = drawn(4, n_items=150)[0]
        fit = LogitNormalDawidSkene().fit(votes)
        two = LogitNormalDawidSkene(n_jobs=2).fit(votes)
        np.testing.assert_array_equal(fit.probas_, two.probas_)
        frame = votes.to_frame()
        turned = Annotations.from_columns(
            frame["item"], frame["annotator"], 2 - frame["label"], known_items=votes.items,
            known_annotators=votes.annotators,
        )  # fmt: skip
        turned = LogitNormalDawidSkene().fit(turned)
        np.testing.assert_allclose(turned.probas_[:, ::-1], fit.probas_, atol=1e-6)

    def test_degenerate_votes(self):
        for votes in (
            problems.from_codes([0, 1], [0, 1], [0, 0], (2, 2, 1)),
            problems.from_codes([0, 1, 2], [0, 0, 0], [0, 1, 1], (3, 1, 2)),
            problems.from_codes([], [], [], (2, 2, 2)),
            problems.from_codes(np.repeat([0, 1], 600), np.tile(np.arange(600), 2),
                                np.repeat([0, 1], 600), (2, 600, 2)),
        ):  # fmt: skip
            fit = LogitNormalDawidSkene().fit(votes)
            np.testing.assert_allclose(fit.probas_.sum(axis=1), 1)
            assert np.isfinite(fit.confusion_).all()


@pytest.mark.parametrize(("name", "least"), [("face_sentiment", 65.0), ("music_genre", 78.7)])
def test_real_sets(name, least, real):
    votes, truth = real(name)
    fit = LogitNormalDawidSkene().fit(votes)
    assert 100 * accuracy(fit.probas_, gold_codes(truth, votes)) > least
