"""RaykarClassifier: the published equations, the models it contains, what it recovers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from aggregate import Annotations, DawidSkene, RaykarClassifier
from tests.learning.raykar import naive

TIGHT = {"tol": 1e-15, "n_folds": None}


class TestPublishedEquations:
    @pytest.mark.parametrize("strength", [0.0, 4.0])
    def test_two_classes(self, strength):
        X, table, _, _ = naive.planted(0, 150, 5, 2, per_row=3, n_features=2, right=(0.6, 0.9))
        w, alpha, beta, mu = naive.published_binary(
            X, table, strength=strength, accuracy=0.7, C=2.0, passes=600
        )
        model = RaykarClassifier(
            C=2.0, standardize=False, prior_strength=strength, annotator_correlation=0, **TIGHT
        ).fit(X, table)
        found = np.append(np.diff(model.coef_, axis=0), np.diff(model.intercept_))
        np.testing.assert_allclose(found, w, atol=2e-5)
        np.testing.assert_allclose(model.confusion_[:, 1, 1], alpha, atol=2e-5)
        np.testing.assert_allclose(model.confusion_[:, 0, 0], beta, atol=2e-5)
        np.testing.assert_allclose(model.probas_[:, 1], mu, atol=2e-5)

    @pytest.mark.parametrize("n_classes", [2, 3])
    def test_ends_where_the_slow_objective_is_flat(self, n_classes):
        X, table, truth, _ = naive.planted(1, 40, 4, n_classes, per_row=2, n_features=2)
        gold = np.where(np.arange(40) % 9 == 0, truth, -1)
        model = RaykarClassifier(C=0.5, standardize=False, **TIGHT).fit(X, table, gold=gold)

        def value(flat):
            weights, intercept, logits = np.split(flat, [2 * n_classes, 3 * n_classes])
            confusion = softmax(logits.reshape(4, n_classes, n_classes), axis=2)
            return naive.objective(
                X, naive.triples(table), weights.reshape(2, n_classes), intercept, confusion,
                strength=4.0, accuracy=0.7, C=0.5, gold=gold,
            )  # fmt: skip

        end = np.concatenate(
            [model.coef_.T.ravel(), model.intercept_, np.log(model.confusion_).ravel()]
        )
        assert value(end) == pytest.approx(model.objective_path_[-1], rel=1e-10)
        assert abs(approx_fprime(end, value, 1e-6)).max() < 2e-4

    def test_no_step_goes_down(self):
        for seed in range(6):
            X, table, _, _ = naive.planted(seed, 80, 6, 3, per_row=1 + seed % 3)
            path = RaykarClassifier(C=10.0 ** (seed - 3), **TIGHT).fit(X, table).objective_path_
            assert len(path) > 20
            assert np.diff(path).min() >= 0


class TestModelsItContains:
    def test_without_features_it_is_dawid_skene(self):
        _, table, _, _ = naive.planted(2, 120, 6, 3, per_row=4)
        votes = DawidSkene(tol=0, max_iter=2000, accelerate=False, annotator_correlation=0)
        votes.fit(table)
        model = RaykarClassifier(C=1.0, annotator_correlation=0, **TIGHT)
        model.fit(np.full((120, 2), 3.5), table)
        assert model.objective_path_[-1] == pytest.approx(votes.objective_path_[-1], rel=1e-12)
        np.testing.assert_allclose(model.coef_, 0)
        # Where the objective is level to the last digit, parameters still differ by its root.
        np.testing.assert_allclose(softmax(model.intercept_), votes.class_prior_, atol=2e-6)
        np.testing.assert_allclose(model.confusion_, votes.confusion_, atol=2e-6)
        np.testing.assert_allclose(model.probas_, votes.probas_, atol=2e-6)

    @pytest.mark.parametrize("n_classes", [2, 3])
    @pytest.mark.parametrize("C", [0.01, 3.0])
    def test_with_gold_for_all_it_is_logistic_regression(self, n_classes, C):
        X, table, truth, _ = naive.planted(3, 200, 4, n_classes, per_row=2)
        model = RaykarClassifier(C=C, standardize=False, prior_strength=0, **TIGHT)
        model.fit(X, table, gold=truth)
        wanted = LogisticRegression(C=C, tol=1e-12, max_iter=10_000).fit(X, truth)
        np.testing.assert_allclose(model.predict_proba(X), wanted.predict_proba(X), atol=2e-6)

    def test_an_annotator_known_to_be_right_is_a_truth(self):
        X, _, truth, _ = naive.planted(4, 200, 4, 3, per_row=2)
        model = RaykarClassifier(C=1.0, prior_strength=0, standardize=False, **TIGHT)
        sure = model.fit(X, truth, gold=truth)
        wanted = LogisticRegression(C=1.0, tol=1e-12, max_iter=10_000).fit(X, truth)
        np.testing.assert_allclose(sure.predict_proba(X), wanted.predict_proba(X), atol=2e-6)
        np.testing.assert_allclose(sure.confusion_[0], np.eye(3), atol=1e-9)

    def test_standardised_features(self):
        X, table, _, _ = naive.planted(5, 100, 5, 3, per_row=2)
        far = X * [1e-3, 1, 1e3, 1, 1] + [0, 1e4, 0, -5, 0]
        plain = RaykarClassifier(C=1.0, standardize=False, **TIGHT)
        plain.fit((X - X.mean(axis=0)) / X.std(axis=0), table)
        scaled = RaykarClassifier(C=1.0, **TIGHT).fit(far, table)
        np.testing.assert_allclose(
            scaled.predict_proba(far),
            plain.predict_proba((X - X.mean(axis=0)) / X.std(axis=0)),
            atol=1e-6,
        )


class TestRecovery:
    def test_confusions_come_closer_with_more_rows(self):
        errors = []
        for n_rows in (250, 4000):
            X, table, _, confusion = naive.planted(6, n_rows, 8, 3, per_row=2, spread=2.0)
            model = RaykarClassifier(C=10.0, n_folds=None).fit(X, table)
            errors.append(np.sqrt(((model.confusion_ - confusion) ** 2).mean()))
        assert errors[1] < errors[0] / 2.5  # √16 = 4 were it not for the prior
        assert errors[1] < 0.03

    def test_few_labels_per_row_want_the_features(self):
        gain, gain_labels = [], []
        for seed in range(3):
            X, table, truth, _ = naive.planted(seed, 700, 20, 4, per_row=2, right=(0.3, 0.7))
            train, test = slice(0, 500), slice(500, None)
            votes = DawidSkene().fit(table[train])
            then = LogisticRegression(C=0.1).fit(X[train], votes.labels_)
            model = RaykarClassifier(C=0.1, n_folds=5).fit(X[train], table[train])
            gain.append(model.score(X[test], truth[test]) - then.score(X[test], truth[test]))
            gain_labels.append(
                np.mean(model.labels_ == truth[train]) - np.mean(votes.labels_ == truth[train])
            )
        assert np.mean(gain) > 0.02
        assert np.mean(gain_labels) > 0.05

    def test_one_label_per_row(self):
        X, table, truth, confusion = naive.planted(
            7, 1500, 4, 2, per_row=1, right=(0.6, 0.95), spread=2.0
        )
        model = RaykarClassifier(C=1.0, n_folds=None).fit(X, table)
        np.testing.assert_allclose(model.confusion_, confusion, atol=0.1)
        assert np.mean(model.labels_ == truth) > np.mean(table.max(axis=1) == truth) + 0.05


class TestSoftLabels:
    def test_rows_are_judged_by_classifiers_that_did_not_see_them(self):
        losses = np.zeros(2)
        for seed in range(3):
            X, table, truth, _ = naive.planted(
                seed, 150, 10, 3, per_row=2, n_features=60, right=(0.4, 0.7), spread=0.3
            )
            for turn, n_folds in enumerate((None, 5)):
                model = RaykarClassifier(C=1.0, n_folds=n_folds).fit(X, table)
                losses[turn] -= np.log(model.probas_[np.arange(150), truth]).mean() / 3
        assert losses[1] < losses[0] - 0.05

    def test_the_classifier_is_one_more_voice(self):
        X, table, _, _ = naive.planted(9, 60, 5, 3, per_row=2)
        model = RaykarClassifier(C=1.0).fit(X, table)
        new, new_table, _, _ = naive.planted(10, 30, 5, 3, per_row=3)
        new_table[0] = -1
        scores = naive.joint(
            new, naive.triples(new_table), model.coef_.T, model.intercept_, model.confusion_
        )
        power = 1 / (1 + (new_table >= 0).sum(axis=1) * 0.4)
        wanted = softmax(scores * power[:, None], axis=1)
        np.testing.assert_allclose(model.posterior(new, new_table), wanted, atol=1e-10)
        np.testing.assert_allclose(
            model.posterior(new, new_table)[0], model.predict_proba(new)[0], atol=1e-12
        )

    def test_annotators_never_seen(self):
        X, table, _, _ = naive.planted(11, 60, 3, 3, per_row=2)
        names = ["ann", "bob", "eve"]
        model = RaykarClassifier(C=1.0).fit(
            X, Annotations.from_matrix(table, annotators=names, missing=-1)
        )
        votes = Annotations.from_columns(["p", "q"], ["zoe", "zoe"], [0, 1])
        got = model.posterior(X[:3], votes, items=["p", "q", "r"])
        prior = np.full((3, 3), 0.15) + 0.55 * np.eye(3)
        scores = np.log(model.predict_proba(X[:3]))
        scores[:2] += np.log(prior[:, [0, 1]]).T
        power = 1 / (1 + np.array([1, 1, 0]) * 0.4)
        np.testing.assert_allclose(got, softmax(scores * power[:, None], axis=1), atol=1e-10)
        model.set_params(unknown_annotators="ignore")
        np.testing.assert_allclose(
            model.posterior(X[:3], votes, items=["p", "q", "r"]), model.predict_proba(X[:3])
        )
        model.set_params(unknown_annotators="error")
        with pytest.raises(ValueError, match="1 annotators were not in the fit: 'zoe'"):
            model.posterior(X[:3], votes, items=["p", "q", "r"])

    def test_gold_rows_keep_their_gold(self):
        X, table, truth, _ = naive.planted(12, 60, 5, 3, per_row=2)
        table[:5] = -1  # gold alone
        table[5:8] = -1  # nothing at all
        gold = np.where(np.arange(60) < 5, truth, -1)
        gold[20:30] = (truth[20:30] + 1) % 3
        model = RaykarClassifier(C=1.0).fit(X, table, gold=gold)
        known = gold >= 0
        np.testing.assert_array_equal(model.probas_[known], np.eye(3)[gold[known]])
        np.testing.assert_array_equal(model.labels_[known], gold[known])
        assert model.n_unlabelled_ == 3
        np.testing.assert_allclose(model.probas_[5:8], model.predict_proba(X[5:8]), atol=1e-12)
