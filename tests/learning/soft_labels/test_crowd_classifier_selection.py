"""Cross-validation, searches and routing, around a classifier trained on votes and within it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import config_context
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, log_loss, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    RandomizedSearchCV,
    cross_val_predict,
    cross_validate,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from aggregate import CrowdClassifier
from tests.learning.featured_crowd import featured_crowd


@pytest.fixture(scope="module")
def crowd():
    X, votes, truth = featured_crowd()
    return X, votes.to_matrix(), truth


@pytest.fixture
def routing():
    with config_context(enable_metadata_routing=True):
        yield


def logistic(**given):
    return CrowdClassifier(LogisticRegression(max_iter=500), **given)


class TestAround:
    def test_cross_validation_over_votes(self, crowd):
        X, table, _ = crowd
        found = cross_validate(logistic(), X, table, cv=3)["test_score"]
        expected = []
        for learned, judged in KFold(3).split(X):
            model = logistic().fit(X[learned], table[learned])
            expected.append(model.score(X[judged], table[judged]))
        np.testing.assert_allclose(found, expected)

    def test_missing_values_need_a_splitter(self, crowd):
        X, table, _ = crowd
        holes = np.where(table < 0, np.nan, table)
        found = cross_validate(logistic(), X, holes, cv=KFold(3))["test_score"]
        np.testing.assert_allclose(found, cross_validate(logistic(), X, table, cv=3)["test_score"])
        with np.errstate(invalid="ignore"), pytest.raises(ValueError, match="NaN"):
            cross_validate(logistic(), X, holes, cv=3)

    def test_grid_search_over_both_parts(self, crowd):
        X, table, truth = crowd
        grid = {
            "estimator__C": [0.01, 1.0],
            "aggregator__annotator_correlation": [0.0, 0.4],
            "strategy": ["soft", "hard"],
        }
        from aggregate import DawidSkene

        model = CrowdClassifier(LogisticRegression(max_iter=500), DawidSkene())
        search = GridSearchCV(model, grid, cv=2).fit(X, table)
        assert set(search.best_params_) == set(grid)
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()
        assert search.score(X, truth) > 0.8

    def test_in_a_pipeline(self, crowd):
        X, table, truth = crowd
        outer = make_pipeline(StandardScaler(), logistic()).fit(X, table)
        inner = CrowdClassifier(make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)))
        np.testing.assert_allclose(outer.predict_proba(X), inner.fit(X, table).predict_proba(X))
        assert outer.score(X, truth) > 0.8

    def test_predictions_out_of_fold(self, crowd):
        X, table, truth = crowd
        predicted = cross_val_predict(logistic(), X, table, cv=3)
        assert (predicted == truth).mean() > 0.8

    @pytest.mark.usefixtures("routing")
    def test_gold_and_weights_are_routed(self, crowd):
        X, table, truth = crowd
        gold = np.where(np.arange(120) % 3 == 0, truth, -1)
        weight = np.linspace(0.5, 2, 120)
        model = (
            logistic()
            .set_fit_request(gold=True, sample_weight=True)
            .set_score_request(gold=True, sample_weight=False)
        )
        params = {"gold": gold, "sample_weight": weight}
        found = cross_validate(model, X, table, cv=3, params=params)["test_score"]
        expected = []
        for learned, judged in KFold(3).split(X):
            fitted = logistic().fit(
                X[learned], table[learned], gold=gold[learned], sample_weight=weight[learned]
            )
            counted = judged[gold[judged] >= 0]
            expected.append((fitted.predict(X[counted]) == truth[counted]).mean())
        np.testing.assert_allclose(found, expected)


class TestWithin:
    def soft(self, crowd):
        return logistic().fit(crowd[0], crowd[1]).probas_

    def by_hand(self, X, soft, C, measure):
        """Return the mean over folds of an expected score, by loops over rows and classes."""
        from sklearn.model_selection import StratifiedKFold

        scores = []
        for learned, judged in StratifiedKFold(3).split(X, soft.argmax(axis=1)):
            model = CrowdClassifier(LogisticRegression(C=C, max_iter=500))
            model.fit_soft(X[learned], soft[learned])
            rows, kept = X[judged], np.where(soft[judged] < 1e-3, 0, soft[judged])
            kept = kept / kept.sum(axis=1, keepdims=True)
            said = model.predict_proba(rows) if measure is log_loss else model.predict(rows)
            total = 0.0
            for i in range(len(judged)):
                for k in range(soft.shape[1]):
                    loss = -np.log(said[i, k]) if measure is log_loss else float(said[i] == k)
                    total += kept[i, k] * loss
            scores.append(total / len(judged))
        return np.mean(scores)

    @pytest.mark.parametrize("scoring", [None, "accuracy", "neg_log_loss"])
    def test_scores_are_expectations(self, crowd, scoring):
        X, soft = crowd[0], self.soft(crowd)
        search = GridSearchCV(
            LogisticRegression(max_iter=500), {"C": [0.01, 1.0]}, cv=3, scoring=scoring
        )
        fitted = CrowdClassifier(search).fit_soft(X, soft).estimator_
        measure = log_loss if scoring == "neg_log_loss" else accuracy_score
        sign = -1 if measure is log_loss else 1
        expected = [sign * self.by_hand(X, soft, C, measure) for C in (0.01, 1.0)]
        np.testing.assert_allclose(fitted.cv_results_["mean_test_score"], expected, rtol=1e-4)
        assert fitted.best_params_ == {"C": [0.01, 1.0][int(np.argmax(expected))]}

    def test_a_fitted_search_is_the_users(self, crowd):
        X, table, truth = crowd
        given = GridSearchCV(LogisticRegression(max_iter=500), {"C": [0.1, 1]}, scoring="accuracy")
        model = CrowdClassifier(given).fit(X, table)
        search = model.estimator_
        assert (search.cv, search.scoring) == (None, "accuracy")
        assert type(search.estimator) is LogisticRegression
        assert type(search.best_estimator_) is LogisticRegression
        assert search.score(X, truth) == accuracy_score(truth, model.predict(X))
        assert not hasattr(given, "best_params_")

    def test_several_scores_and_scorers_of_ones_own(self, crowd):
        X, table, _ = crowd

        def share_of_zero(estimator, X, y):
            assert y.ndim == 1
            return np.mean(estimator.predict(X) == 0)

        scoring = {"loss": "neg_log_loss", "own": share_of_zero,
                   "made": make_scorer(accuracy_score)}  # fmt: skip
        search = RandomizedSearchCV(
            KNeighborsClassifier(), {"n_neighbors": [1, 9]}, n_iter=2, cv=2, scoring=scoring,
            refit="made",
        )  # fmt: skip
        model = CrowdClassifier(search, n_samples=2).fit(X, table)
        assert model.way_ == "draws"
        for name in scoring:
            assert np.isfinite(model.estimator_.cv_results_[f"mean_test_{name}"]).all()
        listed = GridSearchCV(
            LogisticRegression(max_iter=500), {"C": [1]}, cv=2, scoring=["accuracy"],
            refit="accuracy",
        )  # fmt: skip
        assert CrowdClassifier(listed).fit(X, table).estimator_.best_score_ > 0.5

    def test_a_pipeline_in_a_search_and_a_search_in_a_pipeline(self, crowd):
        X, table, truth = crowd
        pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
        inside = GridSearchCV(pipeline, {"logisticregression__C": [0.1, 1]}, cv=3)
        outside = make_pipeline(
            StandardScaler(), GridSearchCV(LogisticRegression(max_iter=500), {"C": [0.1, 1]}, cv=3)
        )
        for estimator in (inside, outside):
            model = CrowdClassifier(estimator).fit(X, table)
            assert model.way_ == "weights"
            assert model.score(X, truth) > 0.8

    def test_classes_in_an_order_of_their_own(self, crowd):
        # Scores of probabilities take columns for sorted classes.
        X, soft = crowd[0], self.soft(crowd)
        search = GridSearchCV(
            LogisticRegression(max_iter=500), {"C": [0.1, 1]}, cv=3, scoring="neg_log_loss"
        )
        plain = CrowdClassifier(search).fit_soft(X, soft)
        turned = CrowdClassifier(search).fit_soft(X, soft, classes=["mid", "low", "high"])
        np.testing.assert_allclose(
            turned.estimator_.cv_results_["mean_test_score"],
            plain.estimator_.cv_results_["mean_test_score"],
            rtol=1e-3,
        )
        np.testing.assert_allclose(turned.predict_proba(X), plain.predict_proba(X), atol=1e-4)

    def test_scores_of_decisions(self, crowd):
        X, soft = crowd[0], self.soft(crowd)[:, :2]
        soft = soft / soft.sum(axis=1, keepdims=True)
        search = GridSearchCV(SVC(), {"C": [0.01, 1]}, cv=3, scoring="roc_auc")
        for classes in ([0, 1], ["b", "a"]):
            model = CrowdClassifier(search).fit_soft(X, soft, classes=classes)
            assert model.way_ == "weights"
            assert model.estimator_.best_score_ > 0.7

    def test_a_scorer_that_fails_says_so(self, crowd):
        def broken(estimator, X, y, sample_weight=None):
            raise ValueError("no such thing")

        search = GridSearchCV(
            LogisticRegression(), {"C": [1]}, cv=2, scoring=broken, error_score="raise"
        )
        with pytest.raises(ValueError, match="no such thing"):
            CrowdClassifier(search).fit(crowd[0], crowd[1])

    def test_a_class_that_a_fold_has_not(self, crowd):
        X, soft = crowd[0], self.soft(crowd)
        soft[:, 2] = 0
        soft[0] = [0, 0, 1]
        soft /= soft.sum(axis=1, keepdims=True)
        search = GridSearchCV(
            LogisticRegression(max_iter=500), {"C": [0.1, 1]}, cv=3, scoring="neg_log_loss"
        )
        model = CrowdClassifier(search).fit_soft(X, soft)
        assert np.isfinite(model.estimator_.cv_results_["mean_test_score"]).all()

    def test_a_search_over_regressors(self, crowd):
        X, table, truth = crowd
        search = GridSearchCV(Ridge(), {"alpha": [0.1, 10]}, cv=3)
        model = CrowdClassifier(search).fit(X, table)
        assert model.way_ == "targets"
        assert model.score(X, truth) > 0.8

    def test_a_search_that_keeps_no_estimator(self, crowd):
        search = GridSearchCV(LogisticRegression(), {"C": [1]}, refit=False)
        with pytest.raises(ValueError, match="refit=True"):
            CrowdClassifier(search).fit(crowd[0], crowd[1])
