"""No copy of a row is learned and judged at once, and preprocessing sees every row once."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    RidgeClassifierCV,
    SGDClassifier,
)
from sklearn.model_selection import GridSearchCV, GroupKFold, HalvingGridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from aggregate import CrowdClassifier
from aggregate.learning.soft_labels._estimator_kinds import splits_rows, takes_weights


class Spy(ClassifierMixin, BaseEstimator):
    """Remembers the rows it learned, by their first feature, and is asked about no other."""

    met: list = []  # noqa: RUF012 (clones share it)

    def __init__(self, level=0.0):
        self.level = level

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        self.learned_ = set(np.asarray(X)[:, 0].tolist())
        self.met.append((len(X), len(self.learned_)))
        return self

    def predict_proba(self, X):
        asked = set(np.asarray(X)[:, 0].tolist())
        share = len(asked & self.learned_) / len(asked)
        assert share in (0, 1), "asked about rows of both kinds"
        self.met.append(("asked", share))
        score = 1 / (1 + np.exp(-np.asarray(X)[:, 1] - self.level))
        return np.stack([1 - score, score], axis=1)

    def decision_function(self, X):
        return self.predict_proba(X)[:, 1] - 0.5

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


@pytest.fixture
def soft():
    random = np.random.default_rng(0)
    X = np.column_stack([np.arange(40.0), random.normal(size=40)])
    return X, random.dirichlet([0.8, 0.8], size=40)


@pytest.fixture
def met():
    Spy.met.clear()
    return Spy.met


def test_a_search_judges_rows_that_it_has_not_learned(soft, met):
    search = GridSearchCV(Spy(), {"level": [0.0, 1.0]}, cv=4, scoring="neg_log_loss")
    CrowdClassifier(search, min_mass=0).fit_soft(*soft)
    fits = [entry for entry in met if entry[0] != "asked"]
    assert fits == [(60, 30)] * 8 + [(80, 40)]
    assert [share for word, share in met if word == "asked"] == [0] * 8


@pytest.mark.parametrize("wrapper", [
    CalibratedClassifierCV(Spy(), cv=4),
    CalibratedClassifierCV(Spy()),
    StackingClassifier([("spy", Spy())], LogisticRegression(), cv=4),
], ids=["calibrated", "calibrated, default", "stacking"])  # fmt: skip
def test_internal_folds_keep_the_copies_of_a_row(soft, met, wrapper):
    model = CrowdClassifier(wrapper, min_mass=0).fit_soft(*soft)
    assert model.way_ == "weights"
    assert model.estimator_.cv == wrapper.cv
    asked = [entry[1] for entry in met if entry[0] == "asked"]
    fits = [entry for entry in met if entry[0] != "asked"]
    assert len(asked) >= 4
    assert all(n_copies == 2 * n_rows for n_copies, n_rows in fits)
    assert set(asked) == {0}


def test_groups_stay_together(soft, met):
    X, labels = soft
    groups = np.repeat(np.arange(8), 5)
    seen = []

    class Folds(GroupKFold):
        def split(self, X, y=None, groups=None):
            for learned, judged in super().split(X, y, groups):
                seen.append(set(groups[learned]) & set(groups[judged]))
                yield learned, judged

    for estimator in (
        GridSearchCV(Spy(), {"level": [0.0]}, cv=Folds(4)),
        CalibratedClassifierCV(Spy(), cv=Folds(4)),
        StackingClassifier([("nb", GaussianNB())], GaussianNB(), cv=Folds(4)),
    ):
        seen.clear()
        CrowdClassifier(estimator).fit_soft(X, labels, groups=groups)
        assert seen == [set()] * 4


class BoostingSpy(HistGradientBoostingClassifier):
    """Remembers what it was given."""

    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        self.stops_ = self.early_stopping
        self.learned_, self.judged_ = X, X_val
        self.weights_ = sample_weight, sample_weight_val
        return self


def test_boosting_stops_early_by_whole_rows(soft):
    spy = BoostingSpy(early_stopping=True)
    model = CrowdClassifier(spy, min_mass=0).fit_soft(*soft)
    assert model.way_ == "weights"
    spy = model.estimator_
    learned, judged = set(spy.learned_[:, 0]), set(spy.judged_[:, 0])
    assert not learned & judged
    assert (len(learned), len(judged)) == (36, 4)
    assert [weights.sum() for weights in spy.weights_] == pytest.approx([36, 4])


def test_boosting_that_stops_early_fits(soft):
    boosting = HistGradientBoostingClassifier(max_iter=3, early_stopping=True, max_bins=8)
    model = CrowdClassifier(boosting).fit_soft(*soft)
    assert model.estimator_.validation_score_.shape == (model.estimator_.n_iter_ + 1,)
    many = np.random.default_rng(0).dirichlet(np.ones(9), size=40)  # more classes than it judges
    assert CrowdClassifier(boosting).fit_soft(soft[0], many).way_ == "weights"


def test_a_class_that_boosting_only_judges_is_left_out():
    X = np.random.default_rng(0).normal(size=(40, 2))
    first = np.where(X[:, 0] > 0, 0.8, 0.2)
    soft = np.stack([first, 1 - first, np.zeros(40)], axis=1)
    soft[0] = [0.2, 0.2, 0.6]
    boosting = HistGradientBoostingClassifier(
        max_iter=2, early_stopping=True, validation_fraction=0.3, min_samples_leaf=3
    )
    unknown = []
    for seed in range(8):
        model = CrowdClassifier(boosting, random_state=seed).fit_soft(X, soft)
        probas = model.predict_proba(X)
        np.testing.assert_allclose(probas.sum(axis=1), 1)
        unknown.append(bool((probas[:, 2] == 0).all()))
    assert any(unknown)  # its one row was set aside
    assert not all(unknown)


def test_boosting_counts_rows_to_decide_whether_to_stop():
    for n_rows, stops, n_copies in ((9_000, False, 18_000), (11_000, "auto", 19_800)):
        soft = np.tile([[0.5, 0.5]], (n_rows, 1))
        spy = CrowdClassifier(BoostingSpy()).fit_soft(np.zeros((n_rows, 1)), soft).estimator_
        assert (spy.stops_, len(spy.learned_)) == (stops, n_copies)
        assert (spy.judged_ is None) is (stops is False)
        assert spy.early_stopping == "auto"


@pytest.mark.parametrize(
    "estimator",
    [
        SGDClassifier(early_stopping=True),
        MLPClassifier((2,), early_stopping=True, max_iter=3, n_iter_no_change=9),
        GradientBoostingClassifier(n_estimators=3, n_iter_no_change=2),
        RidgeClassifierCV(),
        KNeighborsClassifier(),
        OneVsRestClassifier(LogisticRegression()),
        CalibratedClassifierCV(KNeighborsClassifier(2), cv=3),
        HalvingGridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1e-3]}, cv=2),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_others_are_trained_on_draws(soft, estimator):
    X, labels = soft
    model = CrowdClassifier(estimator, n_samples=3).fit_soft(X, labels)
    assert model.way_ == "draws"
    assert model.predict(X).shape == (40,)


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (LogisticRegressionCV(), "cv"),
        (SVC(probability=True), "probability"),
        (RandomForestClassifier(oob_score=True), "oob_score"),
        (BaggingClassifier(MLPClassifier(early_stopping=True)), "estimator__early_stopping"),
        (VotingClassifier([("sgd", SGDClassifier(early_stopping=True))]), "sgd__early_stopping"),
        (StackingClassifier([("nb", GaussianNB())], cv="prefit"), None),
        (MLPClassifier(n_iter_no_change=5), None),
        (SGDClassifier(n_iter_no_change=5), None),
        (LogisticRegression(), None),
    ],
)
def test_what_sets_rows_aside(estimator, name):
    assert splits_rows(estimator, 100) == name


def test_who_takes_weights():
    assert takes_weights(VotingClassifier([("a", GaussianNB()), ("b", LogisticRegression())]))
    assert not takes_weights(VotingClassifier([("a", GaussianNB()), ("b", KNeighborsClassifier())]))
    assert not takes_weights(CalibratedClassifierCV(KNeighborsClassifier()))
    assert not takes_weights(OneVsRestClassifier(LogisticRegression()))


def test_routed_weights_reach_the_inner_estimator(soft):
    from sklearn import config_context

    with config_context(enable_metadata_routing=True):
        inner = LogisticRegression().set_fit_request(sample_weight=True)
        model = CrowdClassifier(OneVsRestClassifier(inner)).fit_soft(*soft)
        assert model.way_ == "weights"
        assert not takes_weights(OneVsRestClassifier(LogisticRegression()))
    plain = CrowdClassifier(LogisticRegression()).fit_soft(*soft)
    np.testing.assert_allclose(model.predict_proba(soft[0]), plain.predict_proba(soft[0]), 1e-3)


def test_preprocessing_sees_every_row_once(soft):
    X, labels = soft
    labels[:20, 0], labels[:20, 1] = 1, 0  # rows with one copy and rows with two
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    model = CrowdClassifier(pipeline).fit_soft(X, labels)
    np.testing.assert_allclose(model.estimator_[0].mean_, X.mean(axis=0))
    inner = CrowdClassifier(LogisticRegression()).fit_soft(
        StandardScaler().fit_transform(X), labels
    )
    np.testing.assert_allclose(model.estimator_[-1].coef_, inner.estimator_.coef_)
    assert not hasattr(pipeline[0], "mean_")


def test_text_goes_through_a_pipeline():
    texts = ["good film", "bad film", "very good", "very bad", "good good", "bad bad"]
    votes = [[1, 1, -1], [0, 1, 0], [1, 1, 1], [0, 0, -1], [1, 0, 1], [0, 0, 0]]
    model = CrowdClassifier(make_pipeline(TfidfVectorizer(), LogisticRegression()))
    assert model.fit(texts, votes).predict(["good", "bad"]).tolist() == [1, 0]
    assert model.way_ == "weights"


def test_a_kernel_machine_with_many_copies_is_trained_on_draws():
    random = np.random.default_rng(0)
    X = random.normal(size=(60, 2))
    for n_classes, way in ((2, "weights"), (4, "draws")):
        soft = random.dirichlet(np.full(n_classes, 5.0), size=60)
        model = CrowdClassifier(SVC(), n_samples=5).fit_soft(X, soft)
        assert model.way_ == way
        shape = (60,) if n_classes == 2 else (60, 4)
        assert model.decision_function(X).shape == shape
    scores = np.mean([m.decision_function(X) for m in model.estimator_.estimators_], axis=0)
    np.testing.assert_allclose(model.decision_function(X), scores)
