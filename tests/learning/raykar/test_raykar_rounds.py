"""RaykarClassifier with any estimator inside, and model-bootstrapped EM."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from aggregate import RaykarClassifier
from tests.learning.raykar import naive

unsettled = pytest.mark.filterwarnings("ignore:.*changed their likeliest class")


class SaysTheSame(ClassifierMixin, BaseEstimator):
    """Probabilities that depend on the row alone, whatever it was trained on."""

    def __init__(self, n_classes=3):
        self.n_classes = n_classes

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.arange(self.n_classes)
        return self

    def predict_proba(self, X):
        return softmax(np.asarray(X)[:, : self.n_classes], axis=1)

    def predict(self, X):
        return self.predict_proba(X).argmax(axis=1)


def one_round(X, table, temperature, *, strength, bootstrapped):
    """Return confusions and posteriors of one round around `SaysTheSame`, in loops."""
    n_rows, n_annotators = table.shape
    shares = np.array([[(row == k).sum() for k in range(3)] for row in table], dtype=float)
    shares /= shares.sum(axis=1, keepdims=True)
    probas = np.array([softmax(x[:3] / temperature) for x in X])
    judged = np.eye(3)[probas.argmax(axis=1)] if bootstrapped else shares
    confusion = np.full((n_annotators, 3, 3), strength * 0.15) + strength * 0.55 * np.eye(3)
    for i, j, y in naive.triples(table):
        confusion[j, :, y] += judged[i]
    confusion /= confusion.sum(axis=2, keepdims=True)
    prior = (judged.sum(axis=0) + strength / 3) / (n_rows + strength)
    posterior = np.empty((n_rows, 3))
    for i in range(n_rows):
        doubted = 0.999 * probas[i] + 0.001 / 3
        posterior[i] = np.log(prior if bootstrapped else doubted)
        for j in range(n_annotators):
            if table[i, j] >= 0:
                posterior[i] += np.log(confusion[j, :, table[i, j]])
    return confusion, softmax(posterior, axis=1), np.log(0.999 * probas + 0.001 / 3)


@pytest.mark.parametrize("method", ["raykar", "mbem"])
@unsettled
def test_one_round_by_hand(method):
    X, table, _, _ = naive.planted(0, 80, 4, 3, per_row=2)
    model = RaykarClassifier(
        SaysTheSame(), method=method, n_rounds=1, prior_strength=2.0, annotator_correlation=0
    ).fit(X, table)
    confusion, posterior, log_probas = one_round(
        X, table, model.temperature_, strength=2.0, bootstrapped=method == "mbem"
    )
    np.testing.assert_allclose(model.confusion_, confusion, atol=1e-12)
    np.testing.assert_allclose(model.class_prior_, posterior.mean(axis=0), atol=1e-12)
    for i, j, y in naive.triples(table):
        log_probas[i] += np.log(confusion[j, :, y])
    np.testing.assert_allclose(model.probas_, softmax(log_probas, axis=1), atol=1e-12)
    assert model.temperature_ != 1


@unsettled
def test_the_final_estimator_is_trained_on_the_posteriors():
    X, table, _, _ = naive.planted(1, 100, 4, 2, per_row=2)
    model = RaykarClassifier(
        LogisticRegression(tol=1e-10), n_rounds=1, annotator_correlation=0, prior_strength=1.0
    ).fit(X, table)
    soft = model.probas_
    twice = np.repeat(X, 2, axis=0)
    wanted = LogisticRegression(tol=1e-10).fit(twice, np.tile([0, 1], 100), soft.ravel())
    np.testing.assert_allclose(model.predict_proba(X), wanted.predict_proba(X), atol=1e-3)


@unsettled
def test_a_classifier_that_remembers_everything_confirms_nothing():
    rng = np.random.default_rng(2)
    truth = np.arange(120) % 2
    X = truth[:, None] * 6.0 + rng.normal(size=(120, 2))
    given = truth.copy()
    given[:8] = 1 - truth[:8]
    table = np.where(np.arange(120)[:, None] % 3 == np.arange(3), given[:, None], -1)
    model = RaykarClassifier(KNeighborsClassifier(1), n_rounds=3).fit(X, table)
    said = model.probas_[np.arange(120), given]
    assert (said[:8] < 0.7).all()  # asked about rows that it knew, it would be sure
    assert np.median(said[8:]) > 0.9


@unsettled
def test_forests_beat_the_line_where_classes_are_rings():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(400, 2))
    truth = (np.hypot(*X.T) > 1.2).astype(int)
    table = np.where(rng.random((400, 3)) < 0.7, truth[:, None], 1 - truth[:, None])
    forest = RandomForestClassifier(15, min_samples_leaf=5)
    bent = RaykarClassifier(forest, n_rounds=2).fit(X, table)
    straight = RaykarClassifier(C=1.0).fit(X, table)
    assert bent.score(X, truth) > 0.9 > 0.8 > straight.score(X, truth)
    again = RaykarClassifier(forest, n_rounds=2).fit(X, table)
    np.testing.assert_array_equal(again.probas_, bent.probas_)


@unsettled
def test_sure_estimators_are_softened():
    X, table, truth, _ = naive.planted(4, 200, 6, 3, per_row=2, n_features=10)
    X = np.repeat(X, 6, axis=1)  # the naive estimator counts each column six times
    model = RaykarClassifier(GaussianNB(), n_rounds=5).fit(X, table)
    assert model.temperature_ > 2
    assert -np.log(model.probas_[np.arange(200), truth]).mean() < 1.0
    new = model.posterior(X[:4], table[:4])
    np.testing.assert_allclose(new.sum(axis=1), 1)


class TestBootstrapped:
    def test_one_label_per_row(self):
        X, table, truth, confusion = naive.planted(
            6, 1000, 4, 2, per_row=1, right=(0.6, 0.95), spread=8.0
        )
        model = RaykarClassifier(method="mbem", C=1.0).fit(X, table)
        given = table.max(axis=1)
        assert model.converged_
        assert model.C_ == 1.0
        assert model.score(X, truth) > 0.85
        np.testing.assert_allclose(model.confusion_, confusion, atol=0.15)
        assert np.mean(model.labels_ == truth) > np.mean(given == truth) + 0.05

    def test_chooses_its_penalty(self):
        X, table, _, _ = naive.planted(6, 60, 4, 2, per_row=2)
        model = RaykarClassifier(method="mbem", n_rounds=20).fit(X, table)
        assert model.C_scores_[model.C_scores_[:, 1].argmax(), 0] == model.C_
        assert len(model.objective_path_) == model.n_iter_

    @unsettled
    @pytest.mark.parametrize("standardize", [False, True])
    def test_sparse_features(self, standardize):
        X, table, _, _ = naive.planted(6, 60, 4, 2, per_row=2)
        sparse = csr_array(np.where(abs(X) < 0.5, 0, X))
        model = RaykarClassifier(method="mbem", C=1.0, standardize=standardize)
        model.fit(sparse, table)
        assert isinstance(model.estimator_, LogisticRegression) != standardize
        np.testing.assert_allclose(model.predict_proba(sparse).sum(axis=1), 1)


@unsettled
class TestInputs:
    def test_texts(self):
        rng = np.random.default_rng(7)
        truth = rng.integers(2, size=60)
        words = np.array([["bad", "dull", "poor"], ["good", "fine", "great"]])
        texts = [" ".join(rng.choice(words[k], size=4)) for k in truth]
        table = np.where(rng.random((60, 3)) < 0.7, truth[:, None], 1 - truth[:, None])
        model = RaykarClassifier(make_pipeline(CountVectorizer(), MultinomialNB()))
        model.fit(texts, np.array(["no", "yes"])[table])
        assert model.score(texts, np.array(["no", "yes"])[truth]) == 1
        assert model.estimator_.classes_.tolist() == ["no", "yes"]

    def test_frames_gold_and_rows_without_votes(self):
        X, table, truth, _ = naive.planted(8, 80, 4, 3, per_row=2)
        table[:6] = -1
        frame = pd.DataFrame(X, columns=list("abcde"))
        gold = {i: int(truth[i]) for i in range(3)}
        model = RaykarClassifier(LogisticRegression(), n_rounds=2)
        model.fit(frame, table, gold=gold)
        assert model.n_unlabelled_ == 3
        assert model.labels_[:3].tolist() == truth[:3].tolist()
        assert model.feature_names_in_.tolist() == list("abcde")
        assert model.n_features_in_ == 5
        assert model.predict_proba(frame).shape == (80, 3)
        assert not hasattr(model, "coef_")
        model.set_params(estimator=None, C=1.0).fit(frame, table)
        assert not hasattr(model, "estimator_")
        assert model.coef_.shape == (3, 5)

    def test_no_probabilities(self):
        from sklearn.svm import LinearSVC

        X, table, _, _ = naive.planted(9, 20, 3, 2, per_row=2)
        with pytest.raises(TypeError, match="LinearSVC has no predict_proba"):
            RaykarClassifier(LinearSVC()).fit(X, table)


def test_says_that_labels_still_change():
    X, table, _, _ = naive.planted(10, 100, 5, 4, per_row=2, right=(0.2, 0.4))
    with pytest.warns(ConvergenceWarning, match=r"of the rows still changed .* n_rounds=1 rounds"):
        RaykarClassifier(LogisticRegression(), n_rounds=1).fit(X, table)
