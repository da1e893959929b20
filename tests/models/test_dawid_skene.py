from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from aggregate import Annotations, DawidSkene
from aggregate.models import _passes
from tests import naive, problems


@pytest.fixture
def planted():
    return problems.planted(0)


class TestClassPrior:
    def test_uniform(self, planted):
        model = DawidSkene(class_prior="uniform").fit(planted.votes)
        np.testing.assert_allclose(model.class_prior_, 1 / 3)

    @pytest.mark.parametrize(
        "given",
        [
            [0.2, 0.3, 0.5],
            np.array([0.2, 0.3, 0.5]),
            {0: 0.2, 1: 0.3, 2: 0.5},
            {np.int64(2): 0.5, np.int64(0): 0.2, np.int64(1): 0.3},
            {2.0: 0.5, 0.0: 0.2, 1.0: 0.3},
        ],
        ids=["list", "array", "mapping", "NumPy keys", "float keys"],
    )
    def test_given(self, planted, given):
        model = DawidSkene(class_prior=given).fit(planted.votes)
        np.testing.assert_allclose(model.class_prior_, [0.2, 0.3, 0.5])

    def test_an_impossible_class_is_never_chosen(self, planted):
        model = DawidSkene(class_prior=[0.5, 0.5, 0.0]).fit(planted.votes)
        assert set(model.labels_) == {0, 1}

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ("flat", "class_prior must be one of 'learned', 'uniform'; got 'flat'"),
            ([0.5, 0.5], r"class_prior must hold one probability per class, 3 in all; .* \(2,\)"),
            ([0.5, 0.5, 0.5], "class_prior must be non-negative and sum to 1"),
            ([1.5, -0.5, 0.0], "class_prior must be non-negative and sum to 1"),
            ([np.nan, 0.5, 0.5], "class_prior must be non-negative and sum to 1"),
            ({0: 0.5, 1: 0.5}, "class_prior must give one probability to each.* missing: 2; unk"),
            ({0: 0.5, 1: 0.3, 2: 0.1, "2": 0.1}, "missing: none; unknown: '2'"),
        ],
    )
    def test_messages(self, planted, given, message):
        with pytest.raises(ValueError, match=message):
            DawidSkene(class_prior=given).fit(planted.votes)


class TestInit:
    def test_soft_labels(self, planted):
        truth = np.eye(3)[planted.truth]
        model = DawidSkene(init=truth, max_iter=1, tol=0).fit(planted.votes)
        pseudo = np.repeat(4 * naive.expected_confusion(3, 0.7)[np.newaxis], 8, axis=0)
        table, _ = naive.counts(problems.triples(planted.votes), truth, 8)
        np.testing.assert_allclose(model.confusion_, naive.m_step(table, pseudo, None), rtol=1e-12)

    def test_confusions(self, planted):
        model = DawidSkene(init=planted.confusion, max_iter=1, tol=0).fit(planted.votes)
        np.testing.assert_allclose(model.confusion_, planted.confusion, rtol=1e-12)

    def test_confusions_by_annotator(self, planted):
        given = {j: planted.confusion[j] for j in (6, 2)}
        model = DawidSkene(init=given, max_iter=1, tol=0).fit(planted.votes)
        wanted = np.repeat(naive.expected_confusion(3, 0.7)[np.newaxis], 8, axis=0)
        wanted[[2, 6]] = planted.confusion[[2, 6]]
        np.testing.assert_allclose(model.confusion_, wanted, rtol=1e-12)

    def test_decides_which_optimum_is_found(self, planted):
        """Classes swapped in the start stay swapped: nothing else names them."""
        swapped = planted.confusion[:, [1, 0, 2]]
        model = DawidSkene(init=swapped, prior_strength=0.01).fit(planted.votes)
        agree = (model.labels_ == np.array([1, 0, 2])[planted.truth]).mean()
        assert agree > 0.7

    @pytest.mark.parametrize(
        ("init", "message"),
        [
            ("mean", r"init must be 'votes', .*confusions of shape \(8, 3, 3\).*got 'mean'"),
            (np.ones((5, 3)) / 3, r"soft labels of shape\s+\(200, 3\).* got shape \(5, 3\)"),
            (np.full((200, 3), 0.5), r"init must hold soft labels, .* rows 0, 1, 2, 3, 4 and 195"),
            (np.full((200, 3), np.nan), "init must hold soft labels"),
            (np.ones((8, 2, 2)) / 2, r"init must have shape \(8, 3, 3\) .*; got \(8, 2, 2\)"),
            (np.ones((8, 3, 3)), r"init must hold probabilities .* at 0, 1, 2, 3, 4 and 3 more"),
            ({99: np.eye(3)}, "init names annotators without a vote: 99"),
            ({1: np.eye(2)}, r"confusion of annotator 1 must have shape \(3, 3\); got \(2, 2\)"),
            ({1: np.ones((3, 3))}, "every row .* summing to 1; wrong for the annotators at 1"),
        ],
    )
    def test_messages(self, planted, init, message):
        with pytest.raises(ValueError, match=message):
            DawidSkene(init=init).fit(planted.votes)


class TestFixedConfusion:
    @pytest.mark.parametrize("accelerate", [False, True])
    def test_learns_the_class_prior_alone(self, accelerate):
        planted = problems.planted(1, n_items=3000, prior=[0.6, 0.3, 0.1])
        model = DawidSkene(
            init=planted.confusion, fix_confusion=True, accelerate=accelerate, tol=1e-12
        ).fit(planted.votes)
        np.testing.assert_allclose(model.confusion_, planted.confusion, rtol=1e-9)
        np.testing.assert_allclose(model.class_prior_, planted.prior, atol=0.03)

    def test_with_a_fixed_prior_is_bayes_rule(self, planted):
        model = DawidSkene(
            init=planted.confusion, fix_confusion=True, class_prior=[0.2, 0.3, 0.5],
            annotator_correlation=0,
        ).fit(planted.votes)  # fmt: skip
        joint = naive.log_joint(
            problems.triples(planted.votes), planted.confusion, [0.2, 0.3, 0.5], 200
        )
        wanted = naive.temper(joint, planted.votes.labels_per_item, 0)
        np.testing.assert_allclose(model.probas_, wanted, rtol=1e-9)

    @pytest.mark.parametrize("init", ["votes", np.full((200, 3), 1 / 3)], ids=["votes", "soft"])
    def test_needs_confusions(self, planted, init):
        with pytest.raises(ValueError, match=r"fix_confusion=True needs confusions .*\(8, 3, 3\)"):
            DawidSkene(init=init, fix_confusion=True).fit(planted.votes)

    def test_refuses_a_history_that_could_change_nothing(self, planted):
        model = DawidSkene(init=planted.confusion, fix_confusion=True)
        with pytest.raises(ValueError, match="history has no effect on fixed confusions"):
            model.fit(planted.votes, history=np.ones(planted.confusion.shape))


class TestHistory:
    def test_an_annotator_with_much_history_stays_at_it(self, planted):
        known = np.array([[0.1, 0.8, 0.1], [0.3, 0.3, 0.4], [0.2, 0.2, 0.6]])
        model = DawidSkene().fit(planted.votes, history={3: 1e7 * known})
        np.testing.assert_allclose(model.confusion_[3], known, atol=1e-4)
        without = DawidSkene().fit(planted.votes)
        assert abs(without.confusion_[3] - known).max() > 0.2

    def test_counts_are_evidence_like_any_other(self, planted):
        """Items of known truth, labelled in a life before, or counted here as gold."""
        votes, n = planted.votes, 60
        gold = np.where(np.arange(200) < n, planted.truth, -1)
        both = DawidSkene(class_prior="uniform", tol=1e-13).fit(votes, gold=gold)
        counts, _ = naive.counts(
            problems.triples(votes), np.eye(3)[planted.truth] * (np.arange(200) < n)[:, None], 8
        )
        rest = votes.select(items=np.arange(200) >= n)
        earlier = DawidSkene(class_prior="uniform", tol=1e-13).fit(rest, history=counts)
        np.testing.assert_allclose(earlier.confusion_, both.confusion_, atol=1e-4)

    def test_arrays_and_mappings_agree(self, planted):
        counts = np.zeros((8, 3, 3))
        counts[5] = 10 * np.eye(3)
        array = DawidSkene().fit(planted.votes, history=counts)
        mapping = DawidSkene().fit(planted.votes, history={5: 10 * np.eye(3)})
        np.testing.assert_array_equal(array.confusion_, mapping.confusion_)

    def test_does_not_outlive_the_fit(self, planted):
        model = DawidSkene().fit(planted.votes, history={3: 1e6 * np.eye(3)})
        np.testing.assert_array_equal(
            model.fit(planted.votes).confusion_, DawidSkene().fit(planted.votes).confusion_
        )

    @pytest.mark.parametrize(
        ("history", "message"),
        [
            ({99: np.eye(3)}, "history names annotators without a vote here: 99"),
            ({"1": np.eye(3)}, "history names annotators without a vote here: '1'"),
            ({1: np.eye(2)}, r"annotator 1 must be a \(3, 3\) table .*; got shape \(2, 2\)"),
            (np.eye(3), r"history must have shape \(8, 3, 3\) .*; got \(3, 3\)"),
            ({1: -np.eye(3)}, "history must hold finite counts of at least 0"),
            ({1: np.full((3, 3), np.inf)}, "history must hold finite counts of at least 0"),
        ],
    )
    def test_messages(self, planted, history, message):
        with pytest.raises(ValueError, match=message):
            DawidSkene().fit(planted.votes, history=history)


class TestRestarts:
    def test_the_best_start_wins(self):
        votes = problems.ragged(3, n_items=30, n_annotators=6, n_labels=90)
        one = DawidSkene(prior_strength=0.1, max_iter=3000).fit(votes)
        many = DawidSkene(prior_strength=0.1, n_init=20, random_state=0, max_iter=3000).fit(votes)
        assert many.objective_path_[-1] > one.objective_path_[-1] + 0.1

    def test_have_a_seed(self):
        votes = problems.ragged(3, n_items=30, n_annotators=6, n_labels=90)
        fits = [
            DawidSkene(prior_strength=0.1, n_init=4, random_state=seed, max_iter=3000).fit(votes)
            for seed in (1, 1, np.random.default_rng(1))
        ]
        np.testing.assert_array_equal(fits[0].probas_, fits[1].probas_)
        np.testing.assert_array_equal(fits[0].probas_, fits[2].probas_)

    def test_keep_gold(self, planted):
        gold = np.where(np.arange(200) < 30, planted.truth, -1)
        model = DawidSkene(n_init=3, random_state=0).fit(planted.votes, gold=gold)
        np.testing.assert_array_equal(model.labels_[:30], planted.truth[:30])


class TestWarmStart:
    def test_goes_on_where_it_stopped(self, planted):
        model = DawidSkene(warm_start=True, tol=1e-12).fit(planted.votes)
        passes, best = model.n_iter_, model.objective_path_[-1]
        model.fit(planted.votes)
        assert model.n_iter_ < passes / 2
        assert model.objective_path_[0] == pytest.approx(best, rel=1e-12)

    def test_takes_new_annotators_and_items(self, planted):
        few = planted.votes.select(items=np.arange(100), annotators=[0, 1, 2, 3, 4])
        model = DawidSkene(warm_start=True).fit(few)
        model.fit(planted.votes)
        fresh = DawidSkene().fit(planted.votes)
        assert model.objective_path_[-1] == pytest.approx(fresh.objective_path_[-1], rel=1e-6)
        np.testing.assert_allclose(model.confusion_, fresh.confusion_, atol=0.02)

    def test_starts_new_annotators_at_the_prior(self, planted):
        few = planted.votes.select(annotators=[0, 1, 2, 3, 4])
        few = Annotations.from_columns(*(few.to_frame()[c] for c in ("item", "annotator", "label")))
        model = DawidSkene(warm_start=True).fit(few)
        before = model.confusion_
        model.set_params(max_iter=1, tol=0).fit(planted.votes)
        np.testing.assert_allclose(model.confusion_[:5], before, rtol=1e-12)
        np.testing.assert_allclose(
            model.confusion_[5:], [naive.expected_confusion(3, 0.7)] * 3, rtol=1e-12
        )

    def test_is_ignored_at_the_first_fit(self, planted):
        np.testing.assert_array_equal(
            DawidSkene(warm_start=True).fit(planted.votes).confusion_,
            DawidSkene().fit(planted.votes).confusion_,
        )

    def test_off_by_default(self, planted):
        model = DawidSkene().fit(planted.votes)
        passes = model.n_iter_
        assert model.fit(planted.votes).n_iter_ == passes

    def test_refuses_other_classes(self, planted):
        model = DawidSkene(warm_start=True).fit(planted.votes)
        with pytest.raises(ValueError, match=r"warm_start needs the classes .*\(0, 1, 2\); now"):
            model.fit(problems.planted(0, n_classes=2).votes)


class TestParameters:
    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("prior_strength", -1, "prior_strength must be a number of at least 0; got -1"),
            ("prior_strength", np.nan, "prior_strength must be a number of at least 0; got nan"),
            ("prior_accuracy", 1.5, "prior_accuracy must be a number of at least 0 and at most 1"),
            ("max_iter", 0, "max_iter must be an integer of at least 1; got 0"),
            ("n_init", 0, "n_init must be an integer of at least 1; got 0"),
            ("tol", -1e-3, "tol must be a number of at least 0"),
            ("annotator_correlation", 2, "annotator_correlation must be a number of at least 0"),
            ("n_jobs", 0, "n_jobs must be None or a whole number other than 0; got 0"),
        ],
    )
    def test_out_of_range(self, planted, name, value, message):
        with pytest.raises(ValueError, match=message):
            DawidSkene(**{name: value}).fit(planted.votes)

    @pytest.mark.parametrize(
        ("name", "value"), [("max_iter", 2.5), ("n_init", "3"), ("tol", None), ("tol", True)]
    )
    def test_of_the_wrong_type(self, planted, name, value):
        with pytest.raises(TypeError, match=f"{name} must be a"):
            DawidSkene(**{name: value}).fit(planted.votes)

    def test_integers_of_numpy(self, planted):
        DawidSkene(max_iter=np.int64(300), prior_strength=np.float32(1)).fit(planted.votes)

    @pytest.mark.parametrize("strength", [0, 1e-3, 4, 1e6])
    def test_prior_strength_draws_towards_the_prior(self, planted, strength):
        model = DawidSkene(prior_strength=strength, max_iter=3000).fit(planted.votes)
        distance = abs(model.confusion_ - naive.expected_confusion(3, 0.7)).max()
        assert distance < 1e-3 if strength > 1e5 else distance > 0.05

    @pytest.mark.parametrize("accuracy", [0, 1])
    def test_prior_accuracy_at_its_ends(self, planted, accuracy):
        model = DawidSkene(prior_accuracy=accuracy, max_iter=3000).fit(planted.votes)
        assert np.isfinite(model.probas_).all()


class TestSkill:
    def test_is_the_probability_of_being_right(self, planted):
        model = DawidSkene().fit(planted.votes)
        wanted = [
            sum(model.class_prior_[k] * model.confusion_[j, k, k] for k in range(3))
            for j in range(8)
        ]
        np.testing.assert_allclose(model.annotator_skill_, wanted)

    def test_orders_annotators(self):
        planted = problems.planted(2, n_items=3000, accuracy=(0.4, 0.95))
        model = DawidSkene().fit(planted.votes)
        real = np.einsum("jkk,k->j", planted.confusion, planted.prior)
        np.testing.assert_allclose(model.annotator_skill_, real, atol=0.05)


class TestConfidence:
    def test_correlation_changes_no_label_and_no_parameter(self, planted):
        textbook = DawidSkene(annotator_correlation=0).fit(planted.votes)
        honest = DawidSkene(annotator_correlation=0.8).fit(planted.votes)
        np.testing.assert_array_equal(honest.confusion_, textbook.confusion_)
        np.testing.assert_array_equal(honest.labels_, textbook.labels_)
        assert honest.probas_.max(axis=1).mean() < textbook.probas_.max(axis=1).mean() - 0.05


class TestWarnings:
    def test_no_convergence_names_the_remedy(self, planted):
        with pytest.warns(ConvergenceWarning, match="max_iter=2 passes .* Raise max_iter or tol"):
            model = DawidSkene(max_iter=2).fit(planted.votes)
        assert not model.converged_

    def test_points_at_the_call(self, planted):
        with pytest.warns(ConvergenceWarning) as caught:
            DawidSkene(max_iter=2).fit(planted.votes)
        assert caught[0].filename == __file__

    def test_stopping_early_on_purpose_is_silent(self, planted):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert not DawidSkene(max_iter=2, tol=0).fit(planted.votes).converged_

    def test_convergence_is_silent(self, planted):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert DawidSkene().fit(planted.votes).converged_

    def test_only_the_winning_start_warns(self, planted):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            DawidSkene(max_iter=2, n_init=3, random_state=0).fit(planted.votes)
        assert len(caught) == 1


class TestVerbose:
    def test_is_silent_by_default(self, planted, capfd):
        DawidSkene().fit(planted.votes)
        assert capfd.readouterr() == ("", "")

    def test_shows_a_bar(self, planted, capfd):
        model = DawidSkene(verbose=True).fit(planted.votes)
        out, err = capfd.readouterr()
        assert out == ""
        assert "DawidSkene" in err
        assert model.n_iter_ > 0


class TestInterrupt:
    @pytest.mark.parametrize("n_jobs", [None, 2])
    def test_leaves_the_estimator_usable(self, planted, monkeypatch, n_jobs):
        model = DawidSkene(n_jobs=n_jobs).fit(planted.votes)
        before = model.probas_
        em_pass, calls = _passes.em_pass, []

        def interrupted(*arguments):
            calls.append(1)
            if len(calls) == 4:
                raise KeyboardInterrupt
            return em_pass(*arguments)

        monkeypatch.setattr(_passes, "em_pass", interrupted)
        with pytest.raises(KeyboardInterrupt):
            model.fit(planted.votes)
        np.testing.assert_array_equal(model.fit(planted.votes).probas_, before)

    def test_of_a_second_fit_leaves_the_first_consistent(self, planted, monkeypatch):
        """After an interrupted refit on other votes, the model must not mix the two."""
        model = DawidSkene().fit(planted.votes)
        before = model.predict_proba(planted.votes)

        def interrupted(*arguments):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(_passes, "em_pass", interrupted)
            with pytest.raises(KeyboardInterrupt):
                model.fit(problems.planted(1, n_annotators=5, n_classes=2).votes)
        assert model.classes_.tolist() == [0, 1, 2]
        assert len(model.annotators_) == len(model.confusion_) == 8
        np.testing.assert_array_equal(model.predict_proba(planted.votes), before)
