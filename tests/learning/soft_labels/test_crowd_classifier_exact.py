"""Training on soft labels by copies or targets is the direct minimisation, penalty included."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import logsumexp
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from aggregate import CrowdClassifier
from aggregate.learning.soft_labels import _copies


def problem(seed=0, n_items=150, n_features=3, n_classes=3):
    random = np.random.default_rng(seed)
    X = random.normal(size=(n_items, n_features))
    return X, random.dirichlet(np.full(n_classes, 0.7), size=n_items), random


def direct_logistic(X, weights, C):
    """Minimise C sum_ik weights[i, k] (-log softmax(W x_i + b)[k]) + |W|^2 / 2, by its gradient."""
    n_features, n_classes = X.shape[1], weights.shape[1]
    row = weights.sum(axis=1, keepdims=True)

    def value_and_gradient(parameters):
        table = parameters.reshape(n_classes, n_features + 1)
        scores = X @ table[:, :-1].T + table[:, -1]
        log_probas = scores - logsumexp(scores, axis=1, keepdims=True)
        error = C * (row * np.exp(log_probas) - weights)
        gradient = np.hstack([error.T @ X + table[:, :-1], error.sum(axis=0)[:, np.newaxis]])
        value = -C * (weights * log_probas).sum() + (table[:, :-1] ** 2).sum() / 2
        return value, gradient.ravel()

    start = np.zeros(n_classes * (n_features + 1))
    options = {"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-9}
    found = minimize(value_and_gradient, start, jac=True, method="L-BFGS-B", options=options)
    return found.x.reshape(n_classes, n_features + 1)[:, :-1]


def logistic(C=0.3):
    return LogisticRegression(C=C, tol=1e-9, max_iter=2000)


def test_logistic_regression():
    X, soft, _ = problem()
    model = CrowdClassifier(logistic(), min_mass=0).fit_soft(X, soft)
    assert model.way_ == "weights"
    np.testing.assert_allclose(model.estimator_.coef_, direct_logistic(X, soft, 0.3), atol=1e-6)


def test_logistic_regression_with_weights_of_rows_and_classes():
    X, soft, random = problem(1)
    weight = random.uniform(0, 2, len(X))
    weight[:10] = 0
    model = CrowdClassifier(logistic(), class_weight={1: 4.0}, min_mass=0)
    model.fit_soft(X, soft, sample_weight=weight)
    weights = soft * weight[:, np.newaxis] * [1.0, 4.0, 1.0]
    np.testing.assert_allclose(model.estimator_.coef_, direct_logistic(X, weights, 0.3), atol=1e-6)


@pytest.mark.parametrize("strategy", ["soft", "hard"])
def test_rows_weighed_by_confidence(strategy):
    X, soft, random = problem(16)
    weight = random.uniform(0.5, 2, len(X))
    soft[:20] = 0  # no label, no weight
    model = CrowdClassifier(logistic(), strategy=strategy, weight_by_confidence=True, min_mass=0)
    model.fit_soft(X, soft, sample_weight=weight)
    sure = weight * soft.max(axis=1)
    sure *= weight[20:].sum() / sure.sum()
    targets = soft if strategy == "soft" else np.eye(3)[soft.argmax(axis=1)]
    expected = direct_logistic(X, targets * sure[:, np.newaxis], 0.3)
    np.testing.assert_allclose(model.estimator_.coef_, expected, atol=1e-6)


def test_balanced_classes():
    X, soft, _ = problem(2)
    soft = soft * [1.0, 0.3, 0.1]
    soft /= soft.sum(axis=1, keepdims=True)
    model = CrowdClassifier(logistic(), class_weight="balanced", min_mass=0).fit_soft(X, soft)
    weights = soft / soft.sum(axis=0) * len(X) / 3
    np.testing.assert_allclose(model.estimator_.coef_, direct_logistic(X, weights, 0.3), atol=1e-6)


def test_temperature_then_smoothing():
    X, soft, _ = problem(3)
    model = CrowdClassifier(logistic(), temperature=2, label_smoothing=0.2, min_mass=0)
    model.fit_soft(X, soft)
    softer = np.sqrt(soft) / np.sqrt(soft).sum(axis=1, keepdims=True)
    targets = 0.8 * softer + 0.2 / 3
    np.testing.assert_allclose(model.estimator_.coef_, direct_logistic(X, targets, 0.3), atol=1e-6)
    np.testing.assert_allclose(model.probas_, soft)


def test_negligible_classes_are_left_out():
    X, soft, _ = problem(4)
    model = CrowdClassifier(logistic(), min_mass=0.2).fit_soft(X, soft)
    kept = np.where(soft < 0.2, 0, soft)
    kept /= kept.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.estimator_.coef_, direct_logistic(X, kept, 0.3), atol=1e-6)


def test_hard_labels_are_an_ordinary_fit():
    X, soft, _ = problem(5)
    model = CrowdClassifier(logistic(), strategy="hard").fit_soft(X, soft)
    expected = logistic().fit(X, soft.argmax(axis=1))
    assert model.way_ == "labels"
    np.testing.assert_array_equal(model.estimator_.coef_, expected.coef_)


def test_sgd_keeps_the_meaning_of_alpha():
    # SGD's loss is a mean over the rows it is given; copies must not strengthen the penalty.
    X, soft, _ = problem(6)
    soft = soft[:, :2] / soft[:, :2].sum(axis=1, keepdims=True)
    sgd = SGDClassifier(
        loss="log_loss", alpha=0.05, max_iter=1500, tol=None, average=True, random_state=0
    )
    model = CrowdClassifier(sgd, min_mass=0).fit_soft(X, soft)

    def mean_loss(w):
        score = X @ w[:-1] + w[-1]
        loss = np.logaddexp(0, score) - soft[:, 1] * score
        return loss.mean() + 0.05 * (w[:-1] ** 2).sum() / 2

    expected = minimize(mean_loss, np.zeros(X.shape[1] + 1)).x[:-1]
    np.testing.assert_allclose(model.estimator_.coef_[0], expected, atol=2e-4)


def test_sgd_on_copies_that_leave_the_cache(monkeypatch):
    # The rows come once shuffled, copies side by side; the solution is that of ever new orders.
    X, soft, _ = problem(6)
    sgd = SGDClassifier(loss="log_loss", alpha=0.05, max_iter=800, tol=None, average=True)
    seen = []
    monkeypatch.setattr(_copies, "take_rows", lambda X, rows: seen.append(rows) or X[rows])
    fits = []
    for cached in (2**17, 1):
        monkeypatch.setattr(_copies, "_CACHED", cached)
        model = CrowdClassifier(sgd, min_mass=0).fit_soft(X, soft)
        assert model.estimator_.shuffle
        fits.append(model.estimator_.coef_)
    every = np.repeat(np.arange(len(X)), soft.shape[1])
    np.testing.assert_array_equal(seen[0], every)
    np.testing.assert_array_equal(np.sort(seen[1]), every)
    order = seen[1][:: soft.shape[1]]
    np.testing.assert_array_equal(seen[1], np.repeat(order, soft.shape[1]))
    assert (np.diff(order) < 0).any()
    np.testing.assert_allclose(fits[1], fits[0], atol=2e-3)


def test_a_network_keeps_the_meaning_of_alpha():
    # Without a hidden layer it is softmax regression with C = 1 / alpha.
    X, soft, _ = problem(7)
    network = MLPClassifier((), alpha=4.0, solver="lbfgs", max_iter=3000, tol=1e-10)
    model = CrowdClassifier(network, min_mass=0).fit_soft(X, soft)
    expected = direct_logistic(X, soft, 1 / 4)
    np.testing.assert_allclose(model.estimator_.coefs_[0].T, expected, atol=1e-4)


def test_batches_of_a_network_grow_with_the_copies():
    X, soft, _ = problem(8)
    seen = []

    class Spy(MLPClassifier):
        def fit(self, X, y, sample_weight=None):
            seen.append((len(X), self.batch_size))
            return self

    CrowdClassifier(Spy(batch_size=30), min_mass=0).fit_soft(X, soft)
    spy = CrowdClassifier(Spy(), min_mass=0).fit_soft(X, soft).estimator_
    assert seen == [(450, 90), (450, 450)]
    assert spy.batch_size == "auto"


def test_ridge_on_targets_is_ridge_on_copies():
    X, soft, random = problem(9)
    weight = random.uniform(0.5, 2, len(X))
    model = CrowdClassifier(Ridge(alpha=2.0), min_mass=0).fit_soft(X, soft, sample_weight=weight)
    assert model.way_ == "targets"
    copies = Ridge(alpha=2.0).fit(
        np.repeat(X, 3, axis=0),
        np.tile(np.eye(3), (len(X), 1)),
        sample_weight=(soft * weight[:, np.newaxis]).ravel(),
    )
    np.testing.assert_allclose(model.estimator_.regressor_.coef_, copies.coef_, atol=1e-10)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    assert model.predict_proba(100 * X).min() == 0


def test_a_tree_of_targets_is_a_tree_of_copies():
    X, soft, _ = problem(10)
    regressor = CrowdClassifier(DecisionTreeRegressor(max_depth=3), min_mass=0).fit_soft(X, soft)
    classifier = CrowdClassifier(DecisionTreeClassifier(max_depth=3), min_mass=0).fit_soft(X, soft)
    assert (regressor.way_, classifier.way_) == ("targets", "weights")
    np.testing.assert_allclose(regressor.predict_proba(X), classifier.predict_proba(X), atol=1e-9)


def test_naive_bayes_has_soft_means():
    X, soft, _ = problem(11)
    model = CrowdClassifier(GaussianNB(), min_mass=0).fit_soft(X, soft)
    expected = soft.T @ X / soft.sum(axis=0)[:, np.newaxis]
    np.testing.assert_allclose(model.estimator_.theta_, expected)


def test_a_support_vector_machine_gets_weights_as_they_are():
    X, soft, _ = problem(12)
    soft = soft[:, :2] / soft[:, :2].sum(axis=1, keepdims=True)
    model = CrowdClassifier(SVC(kernel="linear"), min_mass=0).fit_soft(X, soft)
    twice, labels = np.repeat(X, 2, axis=0), np.tile([0, 1], len(X))
    expected = SVC(kernel="linear").fit(twice, labels, sample_weight=soft.ravel())
    np.testing.assert_allclose(model.estimator_.dual_coef_, expected.dual_coef_, atol=1e-9)


def test_neighbours_of_draws_come_near_neighbours_of_targets():
    X, soft, _ = problem(13)
    soft = np.random.default_rng(0).multinomial(20, soft) / 20  # which 20 even draws repeat
    regressor = CrowdClassifier(KNeighborsRegressor(7), min_mass=0).fit_soft(X, soft)
    drawn = CrowdClassifier(KNeighborsClassifier(7), n_samples=20, min_mass=0).fit_soft(X, soft)
    assert drawn.way_ == "draws"
    assert len(drawn.estimator_.estimators_) == 20
    np.testing.assert_allclose(drawn.predict_proba(X), regressor.predict_proba(X), atol=1e-9)


def test_a_forest_of_targets_sees_rows_and_not_copies():
    X, soft, _ = problem(14)
    forest = RandomForestRegressor(5, oob_score=True, min_samples_leaf=4, random_state=0)
    with pytest.warns(UserWarning, match="OOB"):
        model = CrowdClassifier(forest).fit_soft(X, soft)
    assert model.estimator_.regressor_.oob_prediction_.shape == soft.shape


def test_boosting_on_copies():
    X, soft, _ = problem(15)
    boosting = HistGradientBoostingClassifier(max_iter=5, early_stopping="auto", random_state=0)
    model = CrowdClassifier(boosting, min_mass=0).fit_soft(X, soft)
    expected = boosting.fit(
        np.repeat(X, 3, axis=0), np.tile(np.arange(3), len(X)), sample_weight=soft.ravel()
    )
    np.testing.assert_allclose(model.predict_proba(X), expected.predict_proba(X))
    assert model.estimator_.early_stopping == "auto"
