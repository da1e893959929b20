"""Out-of-fold probabilities: folds by what rows hold, and fits to soft labels."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from aggregate.learning import out_of_fold_probas
from aggregate.learning._folds import deal, row_keys
from aggregate.learning.soft_labels._fold_fit import fit_soft
from aggregate.learning.soft_labels.out_of_fold import OutOfFold


def problem(n_rows=60, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(n_classes, size=n_rows)
    X = rng.normal(size=(n_rows, 4)) + 2 * np.eye(4)[truth]
    soft = 0.7 * np.eye(n_classes)[truth] + 0.3 * rng.dirichlet(np.ones(n_classes), size=n_rows)
    return X, soft, truth


class Recorder(ClassifierMixin, BaseEstimator):
    """Remembers what it was trained on; says class 1 of rows it has seen, class 0 of others."""

    fits: ClassVar[list] = []

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        self.seen_ = {tuple(row) for row in X.tolist()}
        type(self).fits.append((X, y, sample_weight))
        return self

    def predict_proba(self, X):
        seen = np.array([tuple(row) in self.seen_ for row in X.tolist()], dtype=float)
        return np.column_stack([1 - seen, seen])


@pytest.fixture
def recorder():
    Recorder.fits = []
    return Recorder()


def test_no_row_is_judged_by_a_classifier_that_saw_it(recorder):
    X, _, _ = problem()
    X = np.concatenate([X, X[:20]])  # rows that stand there twice
    soft = np.tile([0.4, 0.6], (80, 1))
    probas = out_of_fold_probas(recorder, X, soft, n_folds=4)
    np.testing.assert_array_equal(probas, np.tile([1.0, 0.0], (80, 1)))
    assert len(recorder.fits) == 4


def test_copies_and_weights_are_the_soft_labels(recorder):
    X, soft, _ = problem(n_rows=12, n_classes=2)
    weight = np.linspace(0.5, 2, 12)
    out_of_fold_probas(recorder, X, soft, n_folds=3, sample_weight=weight)
    received = np.zeros((12, 2))
    for rows, codes, weights in recorder.fits:
        for row, code, w in zip(rows.tolist(), codes, weights, strict=True):
            received[X.tolist().index(row), code] += w
    np.testing.assert_allclose(received, 2 * soft * weight[:, None])  # in two of three folds


def test_against_folds_written_out():
    X, soft, _ = problem()
    ours = out_of_fold_probas(LogisticRegression(), X, soft, n_folds=4, random_state=3)
    folds = OutOfFold(X, soft, n_folds=4, random_state=3).folds
    keys = row_keys(X, np.random.default_rng(3))
    np.testing.assert_array_equal(folds, deal(np.arange(60), soft, np.argsort(keys), 4))
    for fold in range(4):
        inside, outside = folds != fold, folds == fold
        model = LogisticRegression().fit(
            np.repeat(X[inside], 3, axis=0), np.tile([0, 1, 2], inside.sum()), soft[inside].ravel()
        )
        np.testing.assert_allclose(ours[outside], model.predict_proba(X[outside]), atol=1e-4)


@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestClassifier(n_estimators=5),
        SGDClassifier(loss="log_loss"),
        KNeighborsClassifier(3),
        make_pipeline(StandardScaler(), GaussianNB()),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_order_of_rows_means_nothing(estimator):
    X, soft, _ = problem()
    soft[7] = 0
    order = np.random.default_rng(5).permutation(60)
    first = out_of_fold_probas(estimator, X, soft, random_state=1)
    second = out_of_fold_probas(estimator, X[order], soft[order], random_state=1)
    np.testing.assert_array_equal(first[order], second)
    assert np.isfinite(first).all()
    np.testing.assert_allclose(first.sum(axis=1), 1)


def test_equal_rows_get_equal_answers():
    X, soft, _ = problem()
    X[30:] = X[:30]
    probas = out_of_fold_probas(LogisticRegression(), X, soft)
    np.testing.assert_array_equal(probas[30:], probas[:30])


def test_folds_stay_while_soft_labels_change():
    X, soft, _ = problem()
    left_out = OutOfFold(X, soft)
    forest = RandomForestClassifier(n_estimators=5)
    first = left_out.probas(forest, soft)
    assert abs(left_out.probas(forest, soft[:, ::-1]) - first).max() > 0.1
    np.testing.assert_array_equal(left_out.probas(forest, soft), first)
    with pytest.raises(ValueError, match="make the folds anew"):
        left_out.probas(forest, soft * (left_out.folds == 0)[:, None])


def test_seed_changes_the_folds():
    X, soft, _ = problem()
    one, two = (out_of_fold_probas(GaussianNB(), X, soft, random_state=s) for s in (0, 1))
    assert abs(one - two).max() > 1e-6


def test_order_of_classes_means_nothing():
    X, soft, _ = problem()
    fit = LogisticRegression(tol=1e-10, max_iter=1000)
    first = out_of_fold_probas(fit, X, soft)
    np.testing.assert_allclose(
        out_of_fold_probas(fit, X, soft[:, [2, 0, 1]]), first[:, [2, 0, 1]], atol=1e-5
    )


def test_a_class_that_a_fold_lacks():
    X, soft, _ = problem(n_classes=3)
    soft = np.column_stack([soft[:, 0] + soft[:, 2], soft[:, 1], np.zeros(60), np.zeros(60)])
    soft[4] = [0, 0, 1, 0]  # the only row of class 2; nobody is of class 3
    probas = out_of_fold_probas(LogisticRegression(), X, soft)
    assert probas.shape == (60, 4)
    assert probas[4, 2] == 0
    assert (probas[:, 3] == 0).all()
    assert (probas[:, 2] > 0).any()
    np.testing.assert_allclose(probas.sum(axis=1), 1)


def test_one_class_is_certain():
    X, _, _ = problem()
    probas = out_of_fold_probas(LogisticRegression(), X, np.tile([0.0, 1.0], (60, 1)))
    np.testing.assert_array_equal(probas, np.tile([0.0, 1.0], (60, 1)))


def test_rows_without_label_are_asked_and_do_not_train():
    X, soft, truth = problem()
    blank = soft.copy()
    blank[:20] = 0
    probas = out_of_fold_probas(LogisticRegression(), X, blank)
    assert (probas[:20].argmax(axis=1) == truth[:20]).mean() > 0.7
    weights = np.r_[np.zeros(20), np.ones(40)]
    same = out_of_fold_probas(LogisticRegression(), X, soft, sample_weight=weights)
    np.testing.assert_allclose(same[:20].sum(axis=1), 1)


def test_groups_stay_together(recorder):
    X, _, _ = problem()
    groups = np.repeat(["a", "b", "c", "d", "e", "f"], 10)
    out_of_fold_probas(recorder, X, np.tile([0.4, 0.6], (60, 1)), n_folds=3, groups=groups)
    for rows, _, _ in recorder.fits:
        inside = np.array([row.tolist() in rows.tolist() for row in X])
        assert set(groups[inside]).isdisjoint(groups[~inside])


def test_estimators_without_weights_and_regressors():
    X, soft, truth = problem()
    for estimator in (KNeighborsClassifier(3), KNeighborsRegressor(3)):
        probas = out_of_fold_probas(estimator, X, soft)
        assert (probas.argmax(axis=1) == truth).mean() > 0.7
        assert len(np.unique(probas.round(6))) > 4  # softer than three neighbours' hard labels


def test_frames_lists_and_sparse_tables():
    X, soft, _ = problem()
    X[X < 0] = 0
    expected = out_of_fold_probas(LogisticRegression(), X, soft)
    for form in (pd.DataFrame(X, columns=list("abcd")), X.tolist(), csr_array(X)):
        found = out_of_fold_probas(LogisticRegression(), form, soft)
        np.testing.assert_allclose(found, expected, atol=1e-3)


def test_text_rows():
    from sklearn.feature_extraction.text import CountVectorizer

    words = np.array([f"good {i}" if i % 2 else f"bad {i}" for i in range(40)])
    soft = np.eye(2)[np.arange(40) % 2]
    model = make_pipeline(CountVectorizer(), LogisticRegression())
    probas = out_of_fold_probas(model, words, soft)
    assert (probas.argmax(axis=1) == np.arange(40) % 2).all()


@given(st.lists(st.integers(0, 3), min_size=2, max_size=60), st.integers(2, 7), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_dealing_is_even(classes, n_folds, seed):
    classes = np.array(classes)
    order = np.random.default_rng(seed).permutation(len(classes))
    folds = deal(np.arange(len(classes)), np.eye(4)[classes], order, n_folds)
    for part in [folds, *(folds[classes == k] for k in range(4))]:
        size = np.bincount(part, minlength=n_folds)
        assert size.max() - size.min() <= 1


def test_keys_tell_rows_apart_and_see_values_only():
    rng = np.random.default_rng(0)
    X = rng.integers(-3, 4, size=(500, 3)).astype(float)
    X[rng.random(X.shape) < 0.1] = np.nan
    keys = row_keys(X, np.random.default_rng(0))
    names = [tuple(str(abs(v) if v == 0 else v) for v in row) for row in X.tolist()]
    assert len(set(names)) == len(set(keys.tolist())) == len(set(zip(names, keys, strict=True)))
    np.testing.assert_array_equal(
        keys, row_keys(np.where(X == 0, -0.0, X), np.random.default_rng(0))
    )
    whole = np.nan_to_num(X)
    sparse = row_keys(csr_array(whole), np.random.default_rng(0))
    np.testing.assert_array_equal(sparse, row_keys(whole, np.random.default_rng(0)))
    assert len(set(row_keys(X.astype(str), np.random.default_rng(0)).tolist())) == len(set(names))


def test_negligible_classes_are_dropped():
    X, soft, _ = problem(n_rows=6)
    soft[:] = [0.9995, 0.0005, 0]
    soft[:2] = [0, 1, 0]
    Recorder.fits = []
    fit_soft(Recorder(), X, soft)
    _, codes, weights = Recorder.fits[0]
    assert codes.tolist() == [1, 1, 0, 0, 0, 0]
    assert weights is None


def test_refusals():
    X, soft, _ = problem(n_rows=6)
    fit = LogisticRegression()
    with pytest.raises(ValueError, match="rows 2"):
        out_of_fold_probas(fit, X, np.where(np.arange(6)[:, None] == 2, 0.5, soft))
    with pytest.raises(ValueError, match="column per class"):
        out_of_fold_probas(fit, X, soft[:, 0])
    with pytest.raises(ValueError, match="n_samples = 1"):
        out_of_fold_probas(fit, X[:1], soft[:1])
    with pytest.raises(ValueError, match="of one group"):
        out_of_fold_probas(fit, X, soft, groups=["a"] * 6)
    with pytest.raises(ValueError, match="groups must not be missing"):
        out_of_fold_probas(fit, X, soft, groups=["a", None, "b", "b", "c", "c"])
    with pytest.raises(ValueError, match="not negative"):
        out_of_fold_probas(fit, X, soft, sample_weight=[-1, 1, 1, 1, 1, 1])
    with pytest.raises(ValueError, match="n_folds"):
        out_of_fold_probas(fit, X, soft, n_folds=1)
    with pytest.raises(TypeError, match="CalibratedClassifierCV"):
        out_of_fold_probas(LinearSVC(), X, soft)
    with pytest.raises(ValueError, match="inconsistent"):
        out_of_fold_probas(fit, X[:5], soft)
