"""The objective of the joint fit, its gradient, and the climb, against slow formulas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime
from scipy.sparse import csr_array

from aggregate import Annotations, DawidSkene
from aggregate._tables import to_table
from aggregate.learning._votes import take_items
from aggregate.learning.raykar._climb import Coordinates, climb
from aggregate.learning.raykar._crowd_rows import CrowdRows
from aggregate.learning.raykar._joint_likelihood import JointLikelihood, Point, held_out, table_of
from aggregate.learning.raykar._left_out_rows import PENALTIES, choose_penalty, folds_of
from aggregate.learning.raykar._scaled_features import scale_features
from aggregate.models._confusions import prior_confusion
from tests.learning.raykar import naive


def make(seed=0, n_classes=3, sparse=False, with_gold=True, strength=4.0, C=0.5, n_rows=25):
    X, table, truth, _ = naive.planted(seed, n_rows, 4, n_classes, per_row=2, n_features=3)
    if sparse:
        X = np.where(abs(X) < 0.5, 0, X)
    gold = np.where(np.arange(n_rows) % 6 == 0, truth, -1).astype(np.int32) if with_gold else None
    votes = Annotations.from_matrix(table, missing=-1)
    features = scale_features(csr_array(X) if sparse else X, not sparse)
    rows = CrowdRows(features, votes, gold)
    problem = JointLikelihood(rows, prior_confusion(n_classes, 0.7), strength, C)
    dense = X if sparse else (X - X.mean(axis=0)) / X.std(axis=0)
    return problem, dense, naive.triples(table), gold


def anywhere(problem, seed=0, size=2.0):
    rng = np.random.default_rng(seed)
    start = problem.start()
    shape = (problem.n_annotators, problem.n_classes, problem.n_classes)
    return Point(
        rng.normal(size=start.weights.shape) * size,
        rng.normal(size=start.intercept.shape) * size,
        table_of(rng.normal(size=shape) * size),
    )


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("with_gold", [False, True])
class TestObjective:
    def test_value(self, n_classes, sparse, with_gold):
        problem, X, votes, gold = make(1, n_classes, sparse, with_gold)
        point = anywhere(problem)
        wanted = naive.objective(
            X, votes, point.weights, point.intercept, problem.confusion(point),
            strength=4.0, accuracy=0.7, C=0.5, gold=gold,
        )  # fmt: skip
        assert problem.view(point).objective == pytest.approx(wanted, rel=1e-12)

    def test_gradient(self, n_classes, sparse, with_gold):
        problem, *_ = make(2, n_classes, sparse, with_gold)
        start = anywhere(problem)
        coordinates = Coordinates(problem, start, problem.view(start))
        place = np.random.default_rng(3).normal(size=coordinates.zero().size)
        point = coordinates.point(place)
        exact = coordinates.pull_back(problem.gradient(point, problem.view(point)))
        found = approx_fprime(
            place, lambda where: problem.view(coordinates.point(where)).objective, 1e-6
        )
        np.testing.assert_allclose(exact, found, atol=1e-4 * abs(exact).max())


class TestObjectiveAtItsLimits:
    def test_many_labels_and_scores_beyond_doubles(self):
        rng = np.random.default_rng(0)
        table = np.vstack([rng.integers(2, size=600), np.full((3, 600), -1)])
        table[1:, :3] = rng.integers(2, size=(3, 3))
        X = np.array([[3000.0], [-2.0], [0.5], [1.0]])
        rows = CrowdRows(scale_features(X, False), Annotations.from_matrix(table), None)
        problem = JointLikelihood(rows, prior_confusion(2, 0.7), 4.0, 1.0)
        point = anywhere(problem)
        value = naive.objective(
            X[1:], [(i - 1, j, y) for i, j, y in naive.triples(table) if i], point.weights,
            point.intercept, problem.confusion(point), strength=4.0, accuracy=0.7, C=1.0,
        )  # fmt: skip
        likely = np.array([0.0, 0.0]) + point.weights[0] * 3000.0 + point.intercept
        likely -= np.logaddexp.reduce(likely)
        for j, y in enumerate(table[0]):
            likely += np.log(problem.confusion(point)[j, :, y])
        value += np.logaddexp.reduce(likely)
        assert problem.view(point).objective == pytest.approx(value, rel=1e-12)

    def test_dawid_skene_is_where_it_is_flat_without_features(self):
        problem, *_ = make(4, with_gold=False, n_rows=60)
        rows = problem.rows._replace(features=scale_features(np.full((60, 1), 2.0), True))
        problem = JointLikelihood(rows, prior_confusion(3, 0.7), 4.0, 1.0)
        model = DawidSkene(tol=0, max_iter=3000, accelerate=False).fit(rows.votes)
        point = Point(np.zeros((1, 3)), np.log(model.class_prior_), to_table(model.confusion_))
        view = problem.view(point)
        assert view.objective == pytest.approx(model.objective_path_[-1], rel=1e-13)
        gradient = problem.gradient(point, view)
        assert max(abs(part).max() for part in gradient) / 60 < 1e-8


class TestClimb:
    @settings(max_examples=15, deadline=None)
    @given(
        seed=st.integers(0, 10**6),
        n_classes=st.integers(1, 4),
        C=st.sampled_from([1e-3, 0.1, 10.0, np.inf]),
        strength=st.sampled_from([0.0, 0.5, 4.0]),
        sparse=st.booleans(),
    )
    def test_never_falls(self, seed, n_classes, C, strength, sparse):
        problem, *_ = make(seed, n_classes, sparse, strength=strength, C=C)
        climbed = climb(problem, problem.start(), max_iter=300, tol=1e-10)
        assert np.diff(climbed.objective_path).min(initial=0) >= 0
        assert problem.view(climbed.point).objective == climbed.objective_path[-1]
        assert all(np.isfinite(part).all() for part in climbed.point)

    def test_ends_where_the_gradient_vanishes(self):
        problem, *_ = make(5)
        start = problem.view(problem.start())
        climbed = climb(problem, problem.start(), max_iter=1000, tol=1e-15)
        assert climbed.converged
        first = problem.gradient(problem.start(), start)
        last = problem.gradient(climbed.point, climbed.view)
        for before, after in zip(first, last, strict=True):
            assert abs(after).max() < 1e-5 * max(abs(before).max(), 1)

    def test_a_wide_table_takes_the_diagonal(self, monkeypatch):
        narrow, *_ = make(6)
        climbed = climb(narrow, narrow.start(), max_iter=1000, tol=1e-14)
        monkeypatch.setattr("aggregate.learning.raykar._scaled_features._WIDEST", 2)
        for sparse in (False, True):
            wide, *_ = make(6, sparse=sparse)
            assert wide.rows.features.whitener(np.ones(25), 1.0).shape == (3,)
            again = climb(wide, wide.start(), max_iter=1000, tol=1e-14)
            if not sparse:
                assert again.view.objective == pytest.approx(climbed.view.objective, rel=1e-9)

    def test_the_whitener_makes_unit_curvature(self):
        for sparse in (False, True):
            problem, X, *_ = make(7, sparse=sparse)
            weight = np.random.default_rng(0).random(25)
            root = problem.rows.features.whitener(weight, 0.3)
            gram = (X * weight[:, None]).T @ X + 0.3 * np.eye(3)
            np.testing.assert_allclose(root.T @ gram @ root, np.eye(3), atol=1e-6)

    def test_stops_where_told(self):
        problem, *_ = make(8)
        climbed = climb(problem, problem.start(), max_iter=7, tol=0)
        assert (climbed.n_iter, len(climbed.objective_path)) == (7, 8)
        assert not climbed.converged

    def test_moves_the_classifier_before_the_annotators(self):
        problem, *_ = make(8)
        start = problem.start()
        few = climb(problem, start, max_iter=5, tol=0).point
        np.testing.assert_array_equal(few.table, start.table)
        assert abs(few.weights - start.weights).max() > 0.01
        more = climb(problem, start, max_iter=40, tol=0).point
        assert abs(more.table - start.table).max() > 0.01


class TestScaledFeatures:
    def test_back_to_the_user(self):
        X = np.random.default_rng(0).normal(size=(30, 3)) * [1, 50, 1e-4] + [0, 1e3, 0.5]
        weights, intercept = np.random.default_rng(1).normal(size=(3, 2)), np.array([0.3, -0.2])
        for table, centred in ((X, True), (csr_array(X), False)):
            features = scale_features(table, True)
            plain = features.table.toarray() if not centred else features.table
            np.testing.assert_allclose(plain.std(axis=0), 1)
            assert (abs(plain.mean(axis=0)).max() < 1e-9) == centred
            coefficients, shift = features.on_user_scale(weights, intercept)
            np.testing.assert_allclose(
                X @ coefficients.T + shift, features.scores(weights, intercept), rtol=1e-9
            )

    def test_columns_that_do_not_vary_become_zeros(self):
        X = np.column_stack([np.full(5, 0.1), np.zeros(5), np.arange(5.0)])
        for table in (X, csr_array(X)):
            features = scale_features(table, True)
            plain = features.table
            dense = plain if isinstance(plain, np.ndarray) else plain.toarray()
            np.testing.assert_array_equal(dense[:, :2], 0)
            coefficients, _ = features.on_user_scale(np.ones((3, 2)), np.zeros(2))
            np.testing.assert_array_equal(coefficients[:, :2], 0)


class TestPenalty:
    def test_is_the_best_of_those_tried(self):
        problem, *_ = make(9, n_rows=60)
        rows = problem.rows

        def made(part, C):
            return JointLikelihood(part, prior_confusion(3, 0.7), 4.0, C)

        folds = folds_of(rows, np.arange(60, dtype=np.uint64), 4)
        C, scores = choose_penalty(rows, folds, made, max_iter=500, tol=1e-12)
        assert scores[scores[:, 1].argmax(), 0] == C
        tried = np.log10(scores[:, 0])
        np.testing.assert_allclose(tried * 2, np.round(tried * 2), atol=1e-9)
        assert set(np.round(tried[tried % 1 < 0.1])) <= set(np.log10(PENALTIES).round())
        assert abs(tried - np.log10(C)).min() == 0
        assert np.isclose(abs(tried - np.log10(C)), 0.5).any()
        total = 0.0
        for fold in range(4):
            training = made(rows.take(np.flatnonzero(folds != fold)), C)
            fit = climb(training, training.start(), max_iter=1000, tol=1e-12).point
            total += held_out(rows.take(np.flatnonzero(folds == fold)), fit)
        best = scores[scores[:, 1].argmax(), 1]
        assert best == pytest.approx(total / 60, abs=1e-3)

    def test_the_weakest_may_be_the_best(self, monkeypatch):
        monkeypatch.setattr(
            "aggregate.learning.raykar._left_out_rows.PENALTIES", np.array([1e-4, 1e-3])
        )
        problem, *_ = make(9, n_rows=60)
        C, scores = choose_penalty(
            problem.rows, np.arange(60) % 3, lambda part, C: JointLikelihood(
                part, prior_confusion(3, 0.7), 4.0, C
            ), max_iter=500, tol=1e-8,
        )  # fmt: skip
        np.testing.assert_allclose(np.log10(scores[:, 0]), [-4, -3.5, -3, -2.5])
        assert scores[-1, 0] == C

    def test_held_out_votes_by_hand(self):
        problem, X, votes, gold = make(10)
        point = anywhere(problem)
        scores = naive.joint(X, votes, point.weights, point.intercept, problem.confusion(point))
        wanted = sum(
            scores[i, gold[i]] if gold[i] >= 0 else np.logaddexp.reduce(scores[i])
            for i in range(25)
        )
        assert held_out(problem.rows, point) == pytest.approx(wanted, rel=1e-12)

    def test_equal_rows_share_a_fold(self):
        problem, *_ = make(11, n_rows=20)
        keys = np.arange(20, dtype=np.uint64) // 3
        folds = folds_of(problem.rows, keys, 3)
        assert set(folds.tolist()) == {0, 1, 2}
        assert all(len(set(folds[keys == key].tolist())) == 1 for key in keys)
        assert folds_of(problem.rows, keys, 8) is None


def test_taking_rows():
    table = np.array([[0, -1, 2], [-1, -1, -1], [1, 1, -1]])
    votes = Annotations.from_matrix(table)
    taken = take_items(votes, np.array([2, 0, 1]))
    np.testing.assert_array_equal(np.nan_to_num(taken.to_matrix(), nan=-1), table[[2, 0, 1]])
    assert taken.items.tolist() == [2, 0, 1]
