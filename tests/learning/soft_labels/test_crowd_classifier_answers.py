"""A classifier trained on votes: what it answers, what it refuses, what its seed settles."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joblib import parallel_config
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from aggregate import CrowdClassifier, DawidSkene
from tests import problems
from tests.learning.featured_crowd import featured_crowd


@pytest.fixture
def crowd():
    return featured_crowd()


def logistic(**given):
    return CrowdClassifier(LogisticRegression(max_iter=500), **given)


class TestPredictions:
    def test_no_probabilities_where_the_estimator_has_none(self, crowd):
        X, votes, truth = crowd
        model = CrowdClassifier(SVC())
        assert not hasattr(model, "predict_proba")
        with pytest.raises(AttributeError) as raised:
            model.predict_proba(X)
        assert "gives no probabilities; CalibratedClassifierCV" in str(raised.value.__cause__)
        model.fit(X, votes)
        assert not hasattr(model, "predict_proba")
        assert model.decision_function(X).shape == (120, 3)
        assert model.score(X, truth) > 0.8

    def test_scores_follow_the_order_of_the_classes(self, crowd):
        X, votes, _ = crowd
        two = DawidSkene().fit(votes).probas_[:, :2]
        two /= two.sum(axis=1, keepdims=True)
        for classes in (["a", "b"], ["b", "a"]):
            model = logistic().fit_soft(X, two, classes=classes)
            score = model.decision_function(X)
            np.testing.assert_allclose(
                1 / (1 + np.exp(-score)), model.predict_proba(X)[:, 1], atol=1e-9
            )
            np.testing.assert_array_equal(model.predict(X), model.classes_[1 * (score > 0)])

    def test_scores_of_classes_without_mass(self, crowd):
        X, votes, _ = crowd
        soft = np.insert(DawidSkene().fit(votes).probas_, 1, 0.0, axis=1)
        scores = logistic().fit_soft(X, soft).decision_function(X)
        assert scores.shape == (120, 4)
        assert (scores[:, 1] == -np.inf).all()
        two = soft[:, [0, 1, 2]] / soft[:, [0, 2]].sum(axis=1, keepdims=True)
        scores = logistic().fit_soft(X, two).decision_function(X)
        assert (scores[:, 0] == -scores[:, 2]).all()

    def test_draws_of_classifiers_without_probabilities(self, crowd):
        X, votes, truth = crowd
        model = CrowdClassifier(SVC(), strategy="sample", n_samples=3).fit(X, votes)
        assert model.way_ == "draws"
        assert model.score(X, truth) > 0.8

    def test_names_of_the_features_are_kept_on_every_way(self, crowd):
        X, votes, _ = crowd
        frame = pd.DataFrame(X, columns=list("abcd"))
        for estimator in (KNeighborsClassifier(), Ridge(), LogisticRegression(max_iter=500)):
            model = CrowdClassifier(estimator, n_samples=2).fit(frame, votes)
            assert model.feature_names_in_.tolist() == list("abcd")
            assert model.n_features_in_ == 4

    def test_what_comes_fitted_is_not_fitted_again(self, crowd):
        X, votes, truth = crowd
        for estimator in (KNeighborsClassifier(), Ridge()):
            model = CrowdClassifier(estimator, n_samples=2).fit(X, votes)
            with pytest.raises(NotImplementedError, match="fitted"):
                model.estimator_.fit(X, truth)

    def test_scores_of_one_against_one(self, crowd):
        X, votes, _ = crowd
        soft = np.insert(DawidSkene().fit(votes).probas_, 0, 0.0, axis=1)
        pairs = SVC(decision_function_shape="ovo")
        four = np.hstack([soft[:, 1:], soft[:, :1]])
        four[:20] = [0, 0, 0, 1]
        assert CrowdClassifier(pairs).fit_soft(X, four).decision_function(X).shape == (120, 6)

    def test_score_against_gold(self, crowd):
        X, votes, truth = crowd
        model = logistic().fit(X, votes)
        right = model.predict(X) == truth
        gold = np.where(np.arange(120) < 50, truth, -1)
        assert model.score(X, None, gold=gold) == pytest.approx(right[:50].mean())
        weight = np.arange(120.0)
        assert model.score(X, None, weight, gold=gold) == pytest.approx(
            np.average(right[:50], weights=weight[:50])
        )
        named = np.where(np.arange(120) < 50, truth.astype(object), None)
        assert model.score(X, None, gold=named) == pytest.approx(right[:50].mean())
        with pytest.raises(ValueError, match="nothing to score"):
            model.score(X, None, gold=np.full(120, -1))

    def test_pickle(self, crowd):
        X, votes, _ = crowd
        for estimator in (None, KNeighborsClassifier(), Ridge()):
            model = CrowdClassifier(estimator, n_samples=2).fit(X, votes)
            again = pickle.loads(pickle.dumps(model))
            np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


class TestRefusals:
    @pytest.mark.parametrize(
        ("parameters", "error", "message"),
        [
            ({"strategy": "fuzzy"}, ValueError, "'soft', 'hard', 'sample'"),
            ({"n_samples": 0}, ValueError, "n_samples"),
            ({"weight_by_confidence": "yes"}, ValueError, "False, True"),
            ({"label_smoothing": 1.5}, ValueError, "label_smoothing"),
            ({"temperature": 0}, ValueError, "temperature"),
            ({"min_mass": -1}, ValueError, "min_mass"),
            ({"class_weight": {7: 1}}, ValueError, "names 7"),
            ({"class_weight": {0: 0, 1: 0, 2: 0}}, ValueError, "zero for every class"),
            ({"estimator": LogisticRegression}, TypeError, "an instance, with"),
            ({"estimator": "svm"}, TypeError, "got 'svm'"),
            ({"estimator": StandardScaler()}, TypeError, "fit and predict"),
            ({"aggregator": "mace"}, TypeError, "aggregator must be .* got 'mace'"),
            ({"aggregator": DawidSkene}, TypeError, "an instance"),
            ({"aggregator": SVC()}, TypeError, "one of the package's models"),
        ],
    )
    def test_parameters(self, crowd, parameters, error, message):
        with pytest.raises(error, match=message):
            CrowdClassifier(**parameters).fit(*crowd[:2])

    def test_groups_that_are_missing(self, crowd):
        X, votes, _ = crowd
        groups = np.where(np.arange(len(X)) < 3, np.nan, 1.0)
        with pytest.raises(ValueError, match=r"groups must not be missing \(row 0\)"):
            CrowdClassifier().fit(X, votes, groups=groups)

    def test_weights_for_an_estimator_without(self, crowd):
        X, votes, _ = crowd
        for model in (
            CrowdClassifier(KNeighborsClassifier(), class_weight="balanced"),
            CrowdClassifier(KNeighborsClassifier(), strategy="hard", class_weight={0: 2}),
            CrowdClassifier(KNeighborsClassifier(), weight_by_confidence=True),
        ):
            with pytest.raises(ValueError, match=r"takes no sample_weight.*weight_by_confidence"):
                model.fit(X, votes)

    def test_the_estimators_own_balance(self, crowd):
        X, votes, _ = crowd
        pipeline = make_pipeline(StandardScaler(), RandomForestClassifier(class_weight="balanced"))
        with pytest.raises(ValueError, match="class_weight='balanced' to CrowdClassifier"):
            CrowdClassifier(pipeline).fit(X, votes)
        hard = LogisticRegression(class_weight="balanced", max_iter=500)
        assert CrowdClassifier(hard, strategy="hard").fit(X, votes).way_ == "labels"
        weighed = LogisticRegression(class_weight={0: 2.0}, max_iter=500)
        inside = CrowdClassifier(weighed).fit(X, votes)
        outside = logistic(class_weight={0: 2.0}).fit(X, votes)
        np.testing.assert_allclose(inside.predict_proba(X), outside.predict_proba(X), atol=1e-4)

    def test_nothing_to_learn(self, crowd):
        X, votes, _ = crowd
        with pytest.raises(ValueError, match="weight above zero"):
            logistic().fit(X, votes, sample_weight=np.zeros(120))
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            logistic().fit(X, votes, groups=[1, 2])
        with pytest.raises(ValueError, match="no label at all"):
            logistic().fit(X, np.full((120, 2), -1))

    def test_soft_labels_that_do_not_fit(self, crowd):
        X = crowd[0]
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            logistic().fit_soft(X, np.eye(3))
        with pytest.raises(ValueError, match="name the 3 columns"):
            logistic().fit_soft(X[:3], np.eye(3), classes=["a", "b", "b"])

    def test_one_class_is_the_answer(self):
        model = logistic().fit(np.zeros((4, 1)), np.full((4, 3), 7))
        assert model.way_ == "labels"
        assert model.predict([[5.0]]).tolist() == [7]
        with pytest.raises(ValueError, match="X has 2 features, but"):
            model.predict([[5.0, 1.0]])


class TestSeeds:
    @pytest.mark.parametrize(
        "estimator", [RandomForestClassifier(5), KNeighborsClassifier(), SVC()], ids=repr
    )
    @pytest.mark.parametrize("strategy", ["soft", "sample"])
    def test_a_seed_settles_everything(self, crowd, estimator, strategy):
        X, votes, _ = crowd
        fits = [
            CrowdClassifier(clone(estimator), strategy=strategy, random_state=seed, n_samples=2)
            .fit(X, votes)
            .predict(X)
            for seed in (3, 3, 4)
        ]
        np.testing.assert_array_equal(fits[0], fits[1])

    def test_draws_use_different_seeds(self, crowd):
        X, votes, _ = crowd
        model = CrowdClassifier(RandomForestClassifier(2), strategy="sample", n_samples=3)
        seeds = [m.random_state for m in model.fit(X, votes).estimator_.estimators_]
        assert len(set(seeds)) == 3

    def test_jobs_change_nothing(self, crowd):
        X, votes, _ = crowd
        with parallel_config(backend="threading"):
            fits = [
                CrowdClassifier(KNeighborsClassifier(), n_samples=2, n_jobs=n).fit(X, votes)
                for n in (None, 2)
            ]
        np.testing.assert_array_equal(fits[0].predict_proba(X), fits[1].predict_proba(X))


@settings(max_examples=10)
@given(st.integers(0, 999), st.sampled_from(["soft", "hard", "sample"]))
def test_names_and_places_do_not_matter(seed, strategy):
    random = np.random.default_rng(seed)
    drawn = problems.planted(seed, n_items=40, n_annotators=5, per_item=3, n_classes=2)
    X = random.normal(size=(40, 2)) + drawn.truth[:, np.newaxis]
    table = drawn.votes.to_matrix()
    rows, annotators = random.permutation(40), random.permutation(5)
    named = np.where(table < 0, None, np.array(["b", "c", "?"], dtype=object)[table])
    # Least squares has one solution, which no order of sums and no solver's tolerance moves.
    model = CrowdClassifier(Ridge(), strategy=strategy, n_samples=3)
    straight = clone(model).fit(X, table)
    moved = clone(model).fit(X[rows], named[rows][:, annotators])
    np.testing.assert_allclose(moved.probas_, straight.probas_[rows], atol=1e-9)
    np.testing.assert_allclose(moved.predict_proba(X), straight.predict_proba(X), atol=1e-7)


def test_hard_labels_that_tie_share_the_row():
    X = np.array([[0.0], [1.0], [2.0]])
    soft = np.array([[0.4, 0.2, 0.4], [0.1, 0.8, 0.1], [0.2, 0.3, 0.5]])
    shared = np.array([[0.5, 0.0, 0.5], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    hard = CrowdClassifier(strategy="hard").fit_soft(X, soft)
    wanted = CrowdClassifier().fit_soft(X, shared)
    np.testing.assert_allclose(hard.predict_proba(X), wanted.predict_proba(X), rtol=1e-6)
