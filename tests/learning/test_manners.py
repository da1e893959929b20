"""What holds for every classifier of the room, whichever way it learns."""

from __future__ import annotations

import pickle
import warnings
from itertools import product

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from aggregate import (
    Annotations,
    CCEMClassifier,
    CollaborativeRefiner,
    CrowdClassifier,
    CrowdLabRefiner,
    RaykarClassifier,
)
from tests.learning.featured_crowd import featured_crowd

CLASSIFIERS = {
    "soft": CrowdClassifier(LogisticRegression(tol=1e-8)),
    "hard": CrowdClassifier(GaussianNB(), strategy="hard"),
    "draws": CrowdClassifier(KNeighborsClassifier(), n_samples=3),
    "raykar": RaykarClassifier(C=1.0, n_folds=3),
    "rounds": RaykarClassifier(GaussianNB(), n_folds=3),
    "ccem": CCEMClassifier(),
    "crowdlab": CrowdLabRefiner(GaussianNB(), n_folds=3),
    "collaborative": CollaborativeRefiner(GaussianNB(), n_folds=3, n_repeats=1),
}
KINDS = list(dict.fromkeys(type(model) for model in CLASSIFIERS.values()))
NAMES = np.array(["cat", "dog", "owl"])


@pytest.fixture(params=CLASSIFIERS)
def model(request):
    return clone(CLASSIFIERS[request.param])


@pytest.fixture(scope="module")
def crowd():
    X, votes, truth = featured_crowd(90)
    return X, votes.to_matrix(), truth


def check_answers(model, X, n_rows, n_annotators):
    """Check shapes, sums and bounds of all that a fit says."""
    n_classes = len(model.classes_)
    assert model.probas_.shape == (n_rows, n_classes)
    assert model.confusion_.shape == (n_annotators, n_classes, n_classes)
    assert model.annotator_skill_.shape == (n_annotators,)
    assert len(model.annotators_) == n_annotators
    assert len(model.items_) == n_rows
    assert model.class_prior_.shape == (n_classes,)
    for table in (model.probas_, model.confusion_, model.class_prior_, model.predict_proba(X)):
        assert_allclose(table.sum(axis=-1), 1.0, atol=1e-9)
        assert table.min() >= 0
    assert 0 <= model.annotator_skill_.min() <= model.annotator_skill_.max() <= 1 + 1e-12
    assert np.isin(model.labels_, model.classes_).all()
    assert np.isin(model.predict(X), model.classes_).all()
    assert model.n_features_in_ == X.shape[1]
    assert model.n_iter_ >= 1
    assert isinstance(model.converged_, bool)
    assert isinstance(model.n_unlabelled_, int)


def same_answers(model, other, X, atol=1e-6):
    assert_allclose(other.probas_, model.probas_, atol=atol)
    assert_allclose(other.predict_proba(X), model.predict_proba(X), atol=atol)
    assert_allclose(other.confusion_, model.confusion_, atol=10 * atol)


class TestAnswers:
    def test_every_attribute(self, model, crowd):
        X, table, truth = crowd
        model.fit(X, table)
        check_answers(model, X, *table.shape)
        assert model.score(X, truth) > 0.7

    def test_rows_without_votes_do_not_train(self, model, crowd):
        X, table, _ = crowd
        kept = table.copy()
        kept[:10] = -1
        model.fit(X, kept)
        check_answers(model, X, *table.shape)
        assert model.n_unlabelled_ == 10
        moved = X.copy()
        moved[:10] += 5
        other = clone(model).fit(moved, kept)
        assert_allclose(other.predict_proba(X), model.predict_proba(X), atol=1e-6)

    def test_pickled_and_cloned(self, model, crowd):
        X, table, _ = crowd
        model.fit(X, table)
        again = pickle.loads(pickle.dumps(model))
        assert_array_equal(again.predict_proba(X), model.predict_proba(X))
        assert not hasattr(clone(model), "classes_")
        assert_array_equal(model.fit(X, table).predict_proba(X), again.predict_proba(X))


class TestForms:
    def test_of_the_votes(self, model, crowd):
        X, table, _ = crowd
        model.fit(X, table)
        missing = np.where(table < 0, np.nan, table)
        for form in (missing, pd.DataFrame(missing), Annotations.from_matrix(table)):
            same_answers(model, clone(model).fit(X, form), X, atol=1e-9)

    def test_a_long_table_in_any_order(self, model, crowd):
        X, table, _ = crowd
        model.fit(X, table)
        item, who = np.nonzero(table >= 0)
        order = np.random.default_rng(0).permutation(len(item))
        item, who = item[order], who[order]
        votes = Annotations.from_columns(item, who, NAMES[table[item, who]])
        other = clone(model).fit(X, votes, items=np.arange(len(X)))
        place = np.argsort(other.annotators_)
        same_names = np.argsort(other.classes_)
        assert_allclose(other.probas_[:, same_names], model.probas_, atol=1e-6)
        found = other.confusion_[place][:, same_names][:, :, same_names]
        assert_allclose(found, model.confusion_, atol=1e-5)
        assert_array_equal(other.labels_, NAMES[model.labels_])

    def test_order_of_rows_and_annotators(self, model, crowd):
        X, table, _ = crowd
        model.fit(X, table)
        random = np.random.default_rng(1)
        rows, columns = random.permutation(len(X)), random.permutation(table.shape[1])
        other = clone(model).fit(X[rows], table[rows][:, columns])
        assert_allclose(other.probas_, model.probas_[rows], atol=1e-5)
        assert_allclose(other.predict_proba(X), model.predict_proba(X), atol=1e-5)
        assert_allclose(other.annotator_skill_, model.annotator_skill_[columns], atol=1e-4)

    def test_names_of_classes(self, model, crowd):
        X, table, _ = crowd
        model.fit(X, table)
        turned = np.where(table < 0, -1, 2 - table)
        other = clone(model).fit(X, turned)
        assert_allclose(other.probas_[:, ::-1], model.probas_, atol=1e-5)
        assert_allclose(other.predict_proba(X)[:, ::-1], model.predict_proba(X), atol=1e-5)


class TestGold:
    def test_is_held_in_every_form(self, model, crowd):
        X, table, truth = crowd
        known = np.full(len(X), -1)
        known[:20] = (truth[:20] + 1) % 3  # wrong on purpose: gold is never argued with
        first = model.fit(X, table, gold=known)
        assert_array_equal(first.labels_[:20], known[:20])
        assert_allclose(first.probas_[np.arange(20), known[:20]], 1.0)
        others = (
            np.where(known < 0, np.nan, known),
            dict(enumerate(known[:20].tolist())),
        )
        for gold in others:
            same_answers(first, clone(model).fit(X, table, gold=gold), X, atol=1e-9)

    def test_counts_as_a_label(self, model, crowd):
        X, table, truth = crowd
        table, gold = table.copy(), np.full(len(X), -1)
        table[:10] = -1
        gold[:5] = truth[:5]
        assert model.fit(X, table, gold=gold).n_unlabelled_ == 5

    def test_a_class_that_nobody_used_is_refused(self, model, crowd):
        X, table, _ = crowd
        with pytest.raises(ValueError, match="gold holds classes that no annotator used"):
            model.fit(X, table, gold={0: 9})


class TestFeatures:
    @pytest.mark.parametrize("kind", KINDS)
    def test_sparse_tables(self, kind, crowd):
        X, table, _ = crowd
        X = np.where(X > 0.5, X, 0.0)
        probas = kind().fit(csr_array(X), table).predict_proba(csr_array(X))
        assert_allclose(probas.sum(axis=1), 1.0)
        dense = kind().fit(X, table).predict_proba(X)
        assert np.abs(probas - dense).mean() < 0.05  # sparse columns are not centred

    def test_columns_by_name(self, model, crowd):
        X, table, _ = crowd
        frame = pd.DataFrame(X, columns=list("abcd"))
        model.fit(frame, table)
        assert_array_equal(model.feature_names_in_, list("abcd"))
        with pytest.raises(ValueError, match="feature names should match"):
            model.predict(frame.rename(columns={"a": "e"}))

    @pytest.mark.parametrize("wrong", ["LogisticRegression", LogisticRegression])
    def test_what_is_no_estimator(self, model, crowd, wrong):
        if "estimator" not in model.get_params(deep=False):
            pytest.skip("has its own classifier")
        with pytest.raises(TypeError, match="estimator must be a classifier or regressor"):
            model.set_params(estimator=wrong).fit(*crowd[:2])


BROKEN = {
    "too few votes": lambda X, table: (X, table[1:], None),
    "no votes": lambda X, table: (X, np.full_like(table, -1), None),
    "wrong gold": lambda X, table: (X, table, np.zeros(3)),
    "no numbers": lambda X, table: (np.where(X > 1, np.nan, X), table[:, :2], None),
}


class TestFailedFits:
    @pytest.mark.parametrize("broken", BROKEN)
    def test_change_nothing(self, model, crowd, broken):
        X, table, _ = crowd
        wrong, votes, gold = BROKEN[broken](X, table)
        with pytest.raises(ValueError, match=r"."):
            model.fit(wrong, votes, gold=gold)
        assert not [name for name in vars(model) if name.endswith("_")]
        model.fit(X, table)
        before = {name: id(value) for name, value in vars(model).items()}
        with pytest.raises(ValueError, match=r"."):
            model.fit(wrong, votes, gold=gold)
        assert {name: id(value) for name, value in vars(model).items()} == before


def many_labels(random):
    X = random.normal(size=(30, 2))
    truth = (X[:, 0] > 0).astype(int)
    noise = random.random((30, 600)) < 0.3
    return X, truth[:, np.newaxis] ^ noise


def unused_class(random):
    X = random.normal(size=(40, 2))
    table = np.repeat((X[:, :1] > 0).astype(int), 3, axis=1)
    return X, Annotations.from_matrix(table, classes=[0, 1, 2])


def one_class(random):
    return random.normal(size=(12, 2)), np.zeros((12, 3), dtype=int)


def one_row(random):
    return random.normal(size=(1, 2)), np.array([[0, 1, 0]])


def one_label(random):
    table = np.full((8, 3), -1)
    table[2, 1] = 1
    return random.normal(size=(8, 2)), Annotations.from_matrix(table, classes=[0, 1])


def spammers(random):
    X = random.normal(size=(60, 2))
    table = random.integers(0, 3, size=(60, 4))
    table[:, 0], table[:, 1] = 0, 2
    return X, table


def adversaries(random):
    X = random.normal(size=(60, 2))
    truth = (X[:, 0] > 0).astype(int)
    return X, np.stack([truth, truth, truth, 1 - truth, 1 - truth], axis=1)


def constant_features(random):
    return np.ones((40, 2)), random.integers(0, 2, size=(40, 3))


def idle_annotator(random):
    X = random.normal(size=(40, 2))
    table = np.repeat((X[:, :1] > 0).astype(int), 3, axis=1)
    table[:, 2] = -1
    return X, table


def one_label_each(random):
    X = random.normal(size=(60, 2))
    table = np.full((60, 4), -1)
    table[np.arange(60), random.integers(0, 4, 60)] = X[:, 0] > 0
    return X, table


def huge_features(random):
    X = random.normal(size=(40, 2)) * [1e8, 1e-8]
    return X, np.repeat((X[:, :1] > 0).astype(int), 3, axis=1)


DEGENERATE = (
    many_labels, unused_class, one_class, one_row, one_label, spammers, adversaries,
    constant_features, idle_annotator, one_label_each, huge_features,
)  # fmt: skip


REFUSED = {
    ("one_row", "draws"): "n_neighbors = 5, n_samples_fit = 1",
    ("one_label", "draws"): "n_neighbors = 5, n_samples_fit = 1",
    **dict.fromkeys(
        product(("one_row", "one_label"), ("rounds", "crowdlab", "collaborative")),
        "need at least two labelled rows",
    ),
    **dict.fromkeys(
        product(("constant_features",), ("hard", "rounds", "crowdlab", "collaborative")),
        "GaussianNB gave probabilities that are not finite",
    ),
}


@pytest.mark.parametrize("make", DEGENERATE, ids=lambda make: make.__name__)
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_degenerate_crowds_are_answered_or_refused(name, make):
    X, votes = make(np.random.default_rng(0))
    model = clone(CLASSIFIERS[name])
    n_annotators = votes.n_annotators if isinstance(votes, Annotations) else votes.shape[1]
    reason = REFUSED.get((make.__name__, name))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some tell that the data are what they are
        if reason is None:
            check_answers(model.fit(X, votes), X, len(X), n_annotators)
            return
        with pytest.raises(ValueError, match=reason):
            model.fit(X, votes).predict_proba(X)


def test_parameters_that_several_have_mean_the_same():
    defaults = {}
    for kind in KINDS:
        for name, value in kind().get_params(deep=False).items():
            defaults.setdefault(name, []).append(value)
    for name in (
        "annotator_correlation",
        "n_folds",
        "prior_accuracy",
        "random_state",
        "standardize",
    ):
        assert len(set(defaults[name])) == 1, name
        assert len(defaults[name]) > 1, name
    left_to_the_data = ("C", "regularization", "temperature", "noise_rate")
    assert all("auto" in defaults[name] for name in left_to_the_data)
    words = {value for values in defaults.values() for value in values if isinstance(value, str)}
    assert not words & {"cv", "fit", "estimate"}
