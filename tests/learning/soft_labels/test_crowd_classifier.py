"""A classifier trained on votes: what it takes, what it keeps, what it refuses."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from aggregate import Annotations, CrowdClassifier, DawidSkene, MajorityVote
from tests.learning.featured_crowd import featured_crowd

_NEEDS_WEIGHTS = (
    "check_class_weight_classifiers",
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
    "check_sample_weights_list",
    "check_sample_weights_not_overwritten",
)


def expected_failures(model):
    if not isinstance(model.estimator, KNeighborsClassifier):
        return {}
    return dict.fromkeys(_NEEDS_WEIGHTS, "nearest neighbours take no weights")


@parametrize_with_checks(
    [
        CrowdClassifier(),
        CrowdClassifier(label_smoothing=0.1),
        CrowdClassifier(strategy="sample", n_samples=2),
        CrowdClassifier(Ridge()),
        CrowdClassifier(KNeighborsClassifier()),
    ],
    expected_failed_checks=expected_failures,
)
def test_scikit_learn(estimator, check):
    with warnings.catch_warnings():
        # "not checking array_api input": only with an environment variable of SciPy's.
        warnings.simplefilter("default")
        check(estimator)


@pytest.fixture
def crowd():
    return featured_crowd()


def logistic(**given):
    return CrowdClassifier(LogisticRegression(max_iter=500), **given)


class TestFit:
    def test_attributes(self, crowd):
        X, votes, truth = crowd
        model = logistic().fit(X, votes)
        alone = DawidSkene().fit(votes)
        np.testing.assert_array_equal(model.probas_, alone.probas_)
        np.testing.assert_array_equal(model.labels_, alone.labels_)
        np.testing.assert_array_equal(model.confusion_, alone.confusion_)
        np.testing.assert_array_equal(model.class_prior_, alone.class_prior_)
        assert model.annotator_skill_.shape == (8,)
        assert model.classes_.tolist() == [0, 1, 2]
        assert model.annotators_.tolist() == list(range(8))
        assert model.n_features_in_ == 4
        assert model.n_unlabelled_ == 0
        assert model.way_ == "weights"
        assert model.n_iter_ == alone.n_iter_
        assert model.score(X, truth) > 0.8
        assert model.score(X, votes) == pytest.approx(
            np.mean(model.predict(X)[votes.item] == votes.label)
        )

    def test_the_aggregator_is_the_users(self, crowd):
        X, votes, _ = crowd
        given = MajorityVote()
        model = logistic(aggregator=given).fit(X, votes)
        np.testing.assert_array_equal(model.probas_, MajorityVote().fit(votes).probas_)
        assert not hasattr(given, "probas_")
        assert not hasattr(model, "confusion_")

    def test_a_table_is_annotations(self, crowd):
        X, votes, _ = crowd
        by_votes, by_table = logistic().fit(X, votes), logistic().fit(X, votes.to_matrix())
        np.testing.assert_array_equal(by_votes.predict_proba(X), by_table.predict_proba(X))

    def test_items_by_name(self, crowd):
        X, votes, _ = crowd
        order = np.random.default_rng(0).permutation(len(X))
        straight = logistic().fit(X, votes)
        named = logistic().fit(X[order], votes, items=votes.items[order])
        np.testing.assert_allclose(named.probas_, straight.probas_[order], atol=1e-12)
        np.testing.assert_allclose(named.predict_proba(X), straight.predict_proba(X), atol=1e-4)

    def test_rows_without_a_vote_do_not_train(self, crowd):
        X, votes, _ = crowd
        table = votes.to_matrix()
        table[:30] = -1
        model = logistic().fit(X, table)
        assert model.n_unlabelled_ == 30
        part = logistic().fit(X[30:], table[30:])
        np.testing.assert_allclose(model.predict_proba(X), part.predict_proba(X), atol=1e-6)

    def test_gold_is_clamped_and_labels_rows_without_votes(self, crowd):
        X, votes, truth = crowd
        table = votes.to_matrix()
        table[:30] = -1
        gold = np.where(np.arange(120) < 20, truth, -1)
        model = logistic().fit(X, table, gold=gold)
        assert model.n_unlabelled_ == 10
        np.testing.assert_array_equal(model.probas_[:20], np.eye(3)[truth[:20]])
        by_name = logistic().fit(X, table, gold=dict(enumerate(truth[:20].tolist())))
        np.testing.assert_array_equal(model.predict_proba(X), by_name.predict_proba(X))

    def test_one_annotator_is_taken_at_their_word(self, crowd):
        X, _, truth = crowd
        plain = LogisticRegression(max_iter=500).fit(X, truth)
        for y in (truth, Annotations.from_matrix(truth[:, np.newaxis])):
            model = logistic().fit(X, y)
            assert (model.aggregator_, model.way_) == (None, "labels")
            np.testing.assert_array_equal(model.predict_proba(X), plain.predict_proba(X))

    def test_one_annotator_who_left_rows_out_and_gold(self, crowd):
        X, _, truth = crowd
        table = truth[:, np.newaxis].copy()
        table[:40] = -1
        gold = np.where(np.arange(120) < 10, 2, -1)
        model = logistic().fit(X, Annotations.from_matrix(table), gold=gold)
        assert model.n_unlabelled_ == 30
        assert (model.labels_[:10] == 2).all()
        assert np.isfinite(model.probas_).all()

    def test_a_class_without_mass_keeps_its_column(self, crowd):
        X, votes, _ = crowd
        wide = Annotations(
            votes.item_ptr, votes.annotator, votes.label, votes.items, votes.annotators,
            np.array(["b", "a", "c", "never"], dtype=object),
        )  # fmt: skip
        for estimator in (LogisticRegression(max_iter=500), KNeighborsClassifier()):
            model = CrowdClassifier(estimator, MajorityVote()).fit(X, wide)
            probas = model.predict_proba(X)
            assert probas.shape == (120, 4)
            assert (probas[:, 3] == 0).all()
            np.testing.assert_allclose(probas.sum(axis=1), 1)
            np.testing.assert_array_equal(model.predict(X), model.classes_[probas.argmax(axis=1)])

    @pytest.mark.parametrize(
        "names", [[0.5, 1.5, 2.5], [1.0, 2.0, 4.0], [True, "no", 3], ["z", "y", "x"]]
    )
    def test_classes_of_any_kind(self, crowd, names):
        X, votes, truth = crowd
        classes = np.empty(3, dtype=object)
        classes[:] = names
        soft = DawidSkene().fit(votes).probas_
        model = logistic().fit_soft(X, soft, classes=classes)
        plain = logistic().fit_soft(X, soft)
        np.testing.assert_allclose(model.predict_proba(X), plain.predict_proba(X), atol=1e-4)
        assert model.predict(X).tolist() == classes[plain.predict(X)].tolist()
        assert model.score(X, truth, gold=classes[truth]) == plain.score(X, truth)

    def test_columns_of_a_frame_are_classes(self, crowd):
        X, votes, truth = crowd
        soft = pd.DataFrame(DawidSkene().fit(votes).probas_, columns=["z", "x", "y"])
        model = logistic().fit_soft(X, soft)
        assert model.classes_.tolist() == ["z", "x", "y"]
        assert np.mean(model.predict(X) == np.array(["z", "x", "y"])[truth]) > 0.8

    def test_given_soft_labels(self, crowd):
        X, votes, _ = crowd
        model = logistic().fit(X, votes)
        soft = model.probas_.copy()
        again = model.fit_soft(X, soft)
        assert again is model
        assert not hasattr(model, "aggregator_")
        assert not hasattr(model, "confusion_")
        expected = logistic().fit(X, votes).predict_proba(X)
        np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-9)

    def test_a_failed_fit_changes_nothing(self, crowd):
        X, votes, _ = crowd
        model = logistic().fit(X, votes)
        before = model.predict_proba(X)
        with pytest.raises(ValueError, match="NaN"):
            model.fit(np.full(X.shape, np.nan), votes.to_matrix()[:, :2])
        np.testing.assert_array_equal(model.predict_proba(X), before)
        assert len(model.annotators_) == 8


class TestFeatures:
    def test_frames_and_sparse_tables(self, crowd):
        X, votes, _ = crowd
        expected = logistic().fit(X, votes).predict_proba(X)
        names = ["a", "b", "c", "d"]
        for table in (pd.DataFrame(X, columns=names), pl.DataFrame(X, schema=names)):
            model = logistic().fit(table, votes)
            assert model.feature_names_in_.tolist() == names
            np.testing.assert_array_equal(model.predict_proba(table), expected)
        sparse = logistic().fit(csr_array(X), votes)
        np.testing.assert_allclose(sparse.predict_proba(csr_array(X)), expected, atol=1e-4)

    def test_an_index_with_repeats_does_no_harm(self, crowd):
        X, votes, _ = crowd
        frame = pd.DataFrame(X, index=np.zeros(120, dtype=int), columns=list("abcd"))
        expected = logistic().fit(X, votes).predict_proba(X)
        np.testing.assert_array_equal(logistic().fit(frame, votes).predict_proba(frame), expected)

    def test_an_index_that_names_other_items_is_refused(self, crowd):
        X, votes, _ = crowd
        names = np.array([f"item {i:03}" for i in range(120)], dtype=object)
        named = Annotations(
            votes.item_ptr, votes.annotator, votes.label, names, votes.annotators, votes.classes
        )
        frame = pd.DataFrame(X, index=names, columns=list("abcd"))
        straight = logistic().fit(frame, named).predict_proba(frame)
        turned = frame.iloc[::-1]
        with pytest.raises(ValueError, match=r"row 0 is 'item 119'.*items=X\.index"):
            logistic().fit(turned, named)
        found = logistic().fit(turned, named, items=turned.index).predict_proba(frame)
        np.testing.assert_allclose(found, straight, atol=1e-4)
        other = frame.set_axis([f"row {i}" for i in range(120)])
        np.testing.assert_array_equal(logistic().fit(other, named).predict_proba(frame), straight)
        numbers = frame.set_axis(np.arange(120)[::-1])  # positions of another table
        np.testing.assert_array_equal(logistic().fit(numbers, votes).predict_proba(frame), straight)
