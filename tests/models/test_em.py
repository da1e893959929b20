"""The EM loop through `DawidSkene`: certificates first, then agreement with the naive version."""

from __future__ import annotations

import numpy as np
import pytest

from aggregate import DawidSkene
from aggregate.models._em import State, run_em
from aggregate.models._problem import Problem
from tests import naive, problems


def smallest_step(model):
    """Return the least change along the objective path, as a share of its size."""
    path = model.objective_path_
    return np.diff(path).min() / abs(path[-1]) if len(path) > 1 else 0.0


def one_more_pass(model, votes, gold=None):
    """Return the parameters after one more naive EM step from the fitted ones."""
    entries, (n_items, n_annotators, n_classes) = problems.triples(votes), problems.shape(votes)
    floored = np.maximum(model.confusion_, 2.0**-52)
    posterior, _ = naive.e_step(entries, floored, model.class_prior_, n_items, gold)
    table, mass = naive.counts(entries, posterior, n_annotators)
    fallback = naive.expected_confusion(n_classes, model.prior_accuracy)
    pseudo = np.repeat(model.prior_strength * fallback[np.newaxis], n_annotators, axis=0)
    mass = mass + model.prior_strength / n_classes
    return naive.m_step(table, pseudo, fallback), mass / mass.sum()


def some_gold(planted):
    gold = np.full(len(planted.truth), -1)
    gold[::7] = planted.truth[::7]
    return gold


class TestAgainstTheNaiveLoop:
    @pytest.mark.parametrize("n_classes", [1, 2, 3, 12])
    @pytest.mark.parametrize("strength", [0.0, 4.0])
    @pytest.mark.parametrize("class_prior", ["learned", "uniform"])
    def test_plain_passes(self, n_classes, strength, class_prior):
        votes = problems.ragged(n_classes, n_classes=n_classes, n_labels=80)
        model = DawidSkene(
            prior_strength=strength,
            class_prior=class_prior,
            max_iter=6,
            tol=0,
            accelerate=False,
            annotator_correlation=0,
        ).fit(votes)
        confusion, prior, _, objectives = naive.em(
            problems.triples(votes),
            problems.shape(votes),
            strength=strength,
            accuracy=0.7,
            passes=len(model.objective_path_),
            uniform=class_prior == "uniform",
        )
        np.testing.assert_allclose(model.objective_path_, objectives, rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(model.confusion_, confusion, rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(model.class_prior_, prior, rtol=1e-9)
        joint = naive.log_joint(problems.triples(votes), confusion, prior, votes.n_items)
        np.testing.assert_allclose(
            model.probas_, naive.temper(joint, votes.labels_per_item, 0), rtol=1e-6, atol=1e-9
        )

    def test_gold(self):
        votes = problems.ragged(5, n_labels=80)
        gold = np.full(votes.n_items, -1)
        gold[[0, 2, 5]] = 2, 0, 1
        model = DawidSkene(max_iter=5, tol=0, accelerate=False).fit(votes, gold=gold)
        confusion, prior, _, objectives = naive.em(
            problems.triples(votes), problems.shape(votes), strength=4.0, accuracy=0.7,
            passes=5, gold=gold,
        )  # fmt: skip
        np.testing.assert_allclose(model.objective_path_, objectives, rtol=1e-10)
        np.testing.assert_allclose(model.confusion_, confusion, rtol=1e-8)
        np.testing.assert_allclose(model.class_prior_, prior, rtol=1e-9)


@pytest.mark.parametrize("accelerate", [False, True])
@pytest.mark.parametrize("strength", [0.0, 0.5, 4.0])
class TestMonotone:
    """The objective never falls, by its smallest step."""

    @pytest.mark.parametrize("n_classes", [2, 3, 5])
    def test_on_planted_crowds(self, accelerate, strength, n_classes):
        planted = problems.planted(n_classes, n_classes=n_classes, accuracy=(0.4, 0.8))
        model = DawidSkene(
            prior_strength=strength, accelerate=accelerate, tol=1e-12, max_iter=5000
        ).fit(planted.votes)
        assert model.converged_
        assert smallest_step(model) >= -1e-9

    @pytest.mark.parametrize("seed", range(4))
    def test_on_noise(self, accelerate, strength, seed):
        votes = problems.ragged(seed, n_items=40, n_labels=120)
        model = DawidSkene(prior_strength=strength, accelerate=accelerate, tol=0, max_iter=150).fit(
            votes
        )
        assert smallest_step(model) >= -1e-9

    @pytest.mark.parametrize("with_", ["gold", "history", "fixed prior", "n_init", "fixed"])
    def test_with_everything_else(self, accelerate, strength, with_):
        planted = problems.planted(7, accuracy=(0.4, 0.8))
        options, data = {}, {}
        if with_ == "gold":
            data["gold"] = some_gold(planted)
        elif with_ == "history":
            data["history"] = np.random.default_rng(0).integers(0, 9, size=(8, 3, 3))
        elif with_ == "fixed prior":
            options["class_prior"] = [0.2, 0.3, 0.5]
        elif with_ == "n_init":
            options.update(n_init=3, random_state=0)
        else:
            options.update(init=planted.confusion, fix_confusion=True)
        model = DawidSkene(
            prior_strength=strength, accelerate=accelerate, tol=1e-11, max_iter=3000, **options
        ).fit(planted.votes, **data)
        assert model.converged_
        assert smallest_step(model) >= -1e-9


class TestFixedPoint:
    @pytest.mark.parametrize("accelerate", [False, True])
    @pytest.mark.parametrize("with_gold", [False, True])
    def test_one_more_step_hardly_moves(self, accelerate, with_gold):
        planted = problems.planted(11)
        gold = some_gold(planted) if with_gold else None
        model = DawidSkene(accelerate=accelerate, tol=1e-15, max_iter=5000)
        model.fit(planted.votes, gold=gold)
        confusion, prior = one_more_pass(model, planted.votes, gold)
        assert abs(confusion - model.confusion_).max() < 1e-5
        assert abs(prior - model.class_prior_).max() < 1e-5

    def test_the_gradient_is_normal_to_the_simplex(self):
        """KKT: within a row, posterior counts / probability is one number where it is > 0."""
        planted = problems.planted(12)
        votes = planted.votes
        model = DawidSkene(tol=1e-15, max_iter=5000).fit(votes)
        entries = problems.triples(votes)
        posterior, _ = naive.e_step(entries, model.confusion_, model.class_prior_, votes.n_items)
        table, mass = naive.counts(entries, posterior, votes.n_annotators)
        gradient = (table + 4 * naive.expected_confusion(3, 0.7)) / model.confusion_
        spread = gradient.max(axis=2) - gradient.min(axis=2)
        assert (spread / gradient.mean(axis=2)).max() < 1e-4
        slope = (mass + 4 / 3) / model.class_prior_
        assert (slope.max() - slope.min()) / slope.mean() < 1e-5

    def test_rows_sum_to_one(self):
        model = DawidSkene().fit(problems.planted(13).votes)
        np.testing.assert_allclose(model.confusion_.sum(axis=2), 1, rtol=1e-14)
        np.testing.assert_allclose(model.probas_.sum(axis=1), 1, rtol=1e-14)
        assert model.class_prior_.sum() == pytest.approx(1, rel=1e-14)
        assert model.confusion_.min() >= 0

    def test_the_path_ends_at_the_returned_parameters(self):
        for max_iter in range(1, 15):  # also in the middle of an accelerated cycle
            planted = problems.planted(14, accuracy=(0.4, 0.7))
            model = DawidSkene(max_iter=max_iter, tol=0).fit(planted.votes)
            prior = naive.expected_confusion(3, 0.7)
            value = model.log_likelihood_ + 4 * (prior * np.log(model.confusion_)).sum()
            value += 4 / 3 * np.log(model.class_prior_).sum()
            assert model.objective_path_[-1] == pytest.approx(value, rel=1e-12)
            assert model.n_iter_ == max_iter


class TestSquarem:
    @pytest.mark.parametrize("seed", range(3))
    @pytest.mark.parametrize("n_classes", [2, 4])
    def test_reaches_the_optimum_of_plain_em(self, seed, n_classes):
        planted = problems.planted(seed, n_items=400, n_classes=n_classes)
        options = {"tol": 1e-15, "max_iter": 5000}
        plain = DawidSkene(accelerate=False, **options).fit(planted.votes)
        fast = DawidSkene(**options).fit(planted.votes)
        assert fast.objective_path_[-1] == pytest.approx(plain.objective_path_[-1], rel=1e-10)
        np.testing.assert_allclose(fast.confusion_, plain.confusion_, atol=1e-4)
        assert fast.n_iter_ < plain.n_iter_

    def test_survives_parameters_that_run_to_zero(self):
        """Maximum likelihood lies on the boundary; log-parameters go to the floor."""
        votes = problems.planted(3, n_items=60, accuracy=(0.8, 1.0)).votes
        model = DawidSkene(prior_strength=0, tol=1e-13, max_iter=2000).fit(votes)
        assert np.isfinite(model.confusion_).all()
        assert model.confusion_.min() < 1e-12
        assert smallest_step(model) >= -1e-9

    @pytest.mark.parametrize("cliff", [0.23, 0.3])
    def test_a_rejected_leap_costs_a_pass_and_changes_nothing(self, cliff):
        """Beyond the cliff the objective is lower; leaps that end there must be refused."""
        visits = []

        def step(state):
            here = float(state.prior[0])
            visits.append(here)
            objective = here if here < cliff else -1.0
            following = here + 0.1 * (0.35 - here)
            return objective, State(np.array([following, 1 - following]), state.table)

        start = State(np.array([0.2, 0.8]), np.full((2, 2), 0.5))
        fit = run_em(step, start, max_iter=4, tol=0.0, accelerate=True)
        assert fit.n_iter == 4
        kept = [here for here in visits[:4] if here < cliff]
        assert len(kept) < 4
        assert fit.objective_path.tolist() == kept
        assert fit.state.prior[0] == kept[-1]

    def test_stops_at_a_fixed_point(self):
        start = State(np.array([0.5, 0.5]), np.full((2, 2), 0.5))
        fit = run_em(lambda s: (-1.0, s), start, max_iter=50, tol=0.0, accelerate=True)
        assert fit.converged
        assert fit.n_iter < 6

    @pytest.mark.parametrize("accelerate", [False, True])
    @pytest.mark.parametrize("max_iter", [1, 2, 3, 7])
    def test_max_iter_is_the_number_of_passes(self, monkeypatch, accelerate, max_iter):
        passes = []
        step = Problem.step

        def counted(self, state):
            passes.append(1)
            return step(self, state)

        monkeypatch.setattr(Problem, "step", counted)
        votes = problems.planted(4, accuracy=(0.4, 0.7)).votes
        model = DawidSkene(accelerate=accelerate, max_iter=max_iter, tol=0).fit(votes)
        # SQUAREM looks one step ahead to choose its length.
        assert max_iter <= len(passes) <= max_iter + 1
        assert model.n_iter_ == max_iter
        assert not model.converged_


@problems.needs_jit
class TestRecovery:
    @pytest.mark.parametrize("n_classes", [2, 3])
    def test_finds_the_planted_confusions_at_the_root_n_rate(self, n_classes):
        sizes = (500, 8000)
        errors = []
        for n_items in sizes:
            squares = []
            for seed in range(3):
                planted = problems.planted(
                    seed, n_items=n_items, n_classes=n_classes, n_annotators=6, per_item=6,
                    accuracy=(0.6, 0.9),
                )  # fmt: skip
                model = DawidSkene(prior_strength=0.1, tol=1e-10).fit(planted.votes)
                squares.append(((model.confusion_ - planted.confusion) ** 2).mean())
            errors.append(np.sqrt(np.mean(squares)))
        rate = np.log(errors[1] / errors[0]) / np.log(sizes[1] / sizes[0])
        assert -0.65 < rate < -0.35
        assert errors[1] < 0.02

    def test_learns_an_unbalanced_class_prior(self):
        planted = problems.planted(
            0, n_items=5000, prior=[0.7, 0.2, 0.1], per_item=7, accuracy=(0.7, 0.9)
        )
        model = DawidSkene().fit(planted.votes)
        np.testing.assert_allclose(model.class_prior_, planted.prior, atol=0.03)
        assert (model.labels_ == planted.truth).mean() > 0.9

    def test_beats_the_vote_where_annotators_differ(self):
        from aggregate import MajorityVote

        planted = problems.planted(1, n_items=2000, per_item=8, accuracy=(0.35, 0.95))
        right = [
            (model.fit(planted.votes).labels_ == planted.truth).mean()
            for model in (DawidSkene(), MajorityVote())
        ]
        assert right[0] > right[1] + 0.01
