from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import coo_array, csr_array
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_validate
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted, validate_data

from aggregate import (
    Annotations,
    CCEMClassifier,
    CrowdClassifier,
    CrowdLabRefiner,
    RaykarClassifier,
)
from aggregate.learning import find_label_issues
from aggregate.learning._base import BaseCrowdClassifier
from aggregate.learning._votes import read_votes


class FirstVote(BaseCrowdClassifier):
    """Logistic regression on the first label of each row, the least that the base asks for."""

    def fit(self, X, y, *, gold=None, items=None):
        X = validate_data(self, X)
        votes = self._read_votes(X, y, items)
        self.estimator_ = LogisticRegression().fit(X, votes.label[votes.item_ptr[:-1]])
        return self

    def predict_proba(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, reset=False)
        probas = np.zeros((len(X), len(self.classes_)))
        probas[:, self.estimator_.classes_] = self.estimator_.predict_proba(X)
        return probas


@pytest.fixture
def crowd():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    truth = (X[:, 0] > 0).astype(int)
    votes = np.where(rng.random((60, 3)) < 0.9, truth[:, None], 1 - truth[:, None])
    return X, truth, votes


class TestReadVotes:
    def test_a_vector_is_one_annotator(self):
        votes = read_votes([1, -1, 1], 3)
        assert votes.classes.tolist() == [-1, 1]
        assert votes.annotators.tolist() == [0]
        assert votes.label.tolist() == [1, 0, 1]

    def test_minus_one_in_a_table_is_missing(self):
        assert read_votes([[0, -1], [1, 0]], 2) == Annotations.from_matrix([[0, -1], [1, 0]])

    def test_a_frame_names_the_annotators(self):
        frame = pd.DataFrame({"ann": ["a", "b"], "bob": [None, "a"]})
        assert read_votes(frame, 2).annotators.tolist() == ["ann", "bob"]

    @pytest.mark.parametrize("y", [[0, 1, np.nan], ["a", None, "b"]])
    def test_rows_without_a_label_in_a_vector(self, y):
        with pytest.raises(ValueError, match=r"contains (NaN|None)") as raised:
            read_votes(np.array(y, dtype=object), 3)
        assert "a table of one column, in which NaN, None" in raised.value.__notes__[0]

    def test_one_column_is_said(self):
        with pytest.warns(DataConversionWarning, match="votes of one annotator"):
            votes = read_votes([[0], [-1], [1]], 3)
        assert votes.labels_per_item.tolist() == [1, 0, 1]

    def test_items_are_found_by_name(self):
        given = Annotations.from_columns(
            ["p", "q", "r", "r"], ["ann", "ann", "bob", "ann"], [0, 1, 1, 0]
        )
        votes = read_votes(given, 4, items=["r", "x", "q", "p"])
        rows = [votes.classes[votes.label[a:b]].tolist() for a, b in _spans(votes)]
        assert [sorted(row) for row in rows] == [[0, 1], [], [1], [0]]
        assert votes.items.tolist() == ["r", "x", "q", "p"]
        who = [votes.annotators[votes.annotator[a:b]].tolist() for a, b in _spans(votes)]
        assert who[2:] == [["ann"], ["ann"]]

    def test_by_name_is_by_position_after_a_permutation(self):
        rng = np.random.default_rng(1)
        table = rng.integers(-1, 3, size=(40, 5))
        order = rng.permutation(40)
        container = Annotations.from_matrix(table)
        by_name = read_votes(container, 40, items=order)
        assert np.array_equal(by_name.to_matrix(), table[order])

    @pytest.mark.parametrize(
        ("y", "items", "message"),
        [
            (None, None, "requires y to be passed, but the target y is None"),
            ([0, 1], None, "inconsistent numbers of samples: X has 3 rows and y 2"),
            ([0.5, 1.5, 2.5], None, "Unknown label type"),
            ([0, 1, np.nan], None, "Input y contains NaN"),
            ([[-1, -1]] * 3, None, "the 3 rows have no label at all"),
            ([[1, -1], [1, 1], [-1, 1]], None, "holds only -1 and 1"),
            ([0, 1, 0], ["a", "b"], "must name the 3 rows of X; got 2 names"),
            ([0, 1, 0], ["a", "b", "b"], "name each row once; repeated: 'b'"),
            ([0, 1, 0], ["a", None, "b"], r"must not be missing \(row 1\)"),
        ],
    )
    def test_messages(self, y, items, message):
        with pytest.raises(ValueError, match=message):
            read_votes(y, 3, items)

    def test_a_sparse_table_is_not_made_dense(self):
        for kind in (csr_array, coo_array):
            with pytest.raises(TypeError, match=r"pass y=Annotations\.from_sparse\(y\)"):
                read_votes(kind([[1, 0], [0, 2]]), 2)

    def test_containers_that_do_not_fit(self):
        votes = Annotations.from_columns(["p", "q"], ["ann", "ann"], [0, 1])
        with pytest.raises(ValueError, match="X has 3 rows and the annotations 2 items"):
            read_votes(votes, 3)
        with pytest.raises(ValueError, match=r"1 items with labels are not among the rows.*'q'"):
            read_votes(votes, 3, items=["p", "x", "y"])


class TestScore:
    def test_against_truth_and_against_votes(self, crowd):
        X, truth, votes = crowd
        model = FirstVote().fit(X, votes)
        predicted = model.predict(X)
        assert model.score(X, truth) == np.mean(predicted == truth)
        wanted = np.mean(predicted[:, None] == votes)
        assert model.score(X, votes) == pytest.approx(wanted)
        assert model.score(X, Annotations.from_matrix(votes)) == pytest.approx(wanted)

    def test_weights_of_rows(self, crowd):
        X, _, votes = crowd
        model = FirstVote().fit(X, votes)
        weight = np.arange(60.0)
        agrees = model.predict(X)[:, None] == votes
        wanted = (weight @ agrees).sum() / (3 * weight.sum())
        assert model.score(X, votes, sample_weight=weight) == pytest.approx(wanted)

    def test_truth_beside_votes(self, crowd):
        X, truth, votes = crowd
        model = FirstVote().fit(X, votes)
        known = np.where(np.arange(60) < 40, truth, -1)
        wanted = np.mean(model.predict(X[:40]) == truth[:40])
        assert model.score(X, votes, gold=known) == pytest.approx(wanted)
        weight = np.arange(60.0)
        right = model.predict(X)[:40] == truth[:40]
        wanted = np.average(right, weights=weight[:40])
        assert model.score(X, votes, weight, gold=known) == pytest.approx(wanted)

    def test_truth_goes_by_name_as_in_a_fit(self, crowd):
        X, truth, votes = crowd
        names = [f"item {i:02}" for i in range(60)]
        model = FirstVote().fit(X, votes)
        wanted = np.mean(model.predict(X[:40]) == truth[:40])
        by_name = dict(zip(names[:40], truth[:40].tolist(), strict=True))
        series = pd.Series(by_name)[::-1]
        frame = pd.DataFrame(X, index=names)
        plain = FirstVote().fit(frame, votes)
        for gold in (by_name, series):
            assert model.score(X, votes, gold=gold, items=names) == pytest.approx(wanted)
            assert plain.score(frame, votes, gold=gold) == pytest.approx(wanted)
        by_place = pd.Series(truth, index=np.arange(60, 120))
        assert model.score(X, votes, gold=by_place) == model.score(X, truth)
        first = {i: int(truth[i]) for i in range(40)}
        assert model.score(X, votes, gold=first) == pytest.approx(wanted)
        with pytest.raises(ValueError, match=r"none of the 40 gold items .* the rows 0, 1"):
            model.score(X, votes, gold=by_name)
        with pytest.raises(ValueError, match=r"one entry per row of X, 60, .*; got 3"):
            model.score(X, votes, gold=truth[:3])

    def test_items_are_found_by_name(self, crowd):
        X, _, votes = crowd
        names = np.array([f"item {i:02}" for i in range(60)])
        model = FirstVote().fit(X, votes)
        backwards = Annotations.from_matrix(votes[:50][::-1], items=names[:50][::-1])
        wanted = np.mean(model.predict(X[:50])[:, None] == votes[:50])
        assert model.score(X, backwards, items=names) == pytest.approx(wanted)
        with pytest.raises(ValueError, match=r"60 rows and the annotations 50 items.*items="):
            model.score(X, backwards)

    @pytest.mark.parametrize("gold", [None, "truth"])
    def test_weights_that_are_none(self, crowd, gold):
        X, truth, votes = crowd
        model = FirstVote().fit(X, votes)
        gold = None if gold is None else truth
        for y in (truth, votes):
            with pytest.raises(ValueError, match="one weight per row"):
                model.score(X, y, sample_weight=np.ones(3), gold=gold)
            with pytest.raises(ValueError, match="zero everywhere"):
                model.score(X, y, sample_weight=np.zeros(60), gold=gold)
        with pytest.raises(ValueError, match="no row that can be judged"):
            model.score(X, votes, np.arange(60) > 0, gold=np.where(np.arange(60) < 1, truth, -1))

    def test_a_class_never_seen_is_wrong(self, crowd):
        X, _, votes = crowd
        assert FirstVote().fit(X, votes).score(X[:2], [[7, 7], [7, 7]]) == 0

    def test_cross_validation_over_a_table(self, crowd):
        X, _, votes = crowd
        found = cross_validate(FirstVote(), X, votes, cv=3)
        assert np.isfinite(found["test_score"]).all()


@parametrize_with_checks([FirstVote()])
def test_the_base_keeps_the_rules(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "model", [CCEMClassifier(), CrowdClassifier(), CrowdLabRefiner(), RaykarClassifier()]
)
def test_a_frame_that_names_items_in_another_order_is_refused(model):
    names = [f"item {i}" for i in range(6)]
    X = pd.DataFrame({"a": np.arange(6.0)}, index=names[::-1])
    votes = Annotations.from_columns(names, ["ann"] * 6, [0, 0, 0, 1, 1, 1])
    with pytest.raises(ValueError, match=r"another order.*pass items=X\.index"):
        model.fit(X, votes)


@pytest.mark.parametrize("names", [["p", "q", "r", "s"], [11, 12, 13, 14]])
def test_tables_in_different_orders_are_refused(names):
    X = pd.DataFrame({"a": np.arange(4.0)}, index=names[::-1])
    votes = pd.DataFrame({"ann": [0, 0, 1, 1], "bob": [0, 1, 1, 1]}, index=names)
    for call in (
        lambda: CrowdClassifier().fit(X, votes),
        lambda: CrowdClassifier().fit(X.to_numpy(), votes, items=X.index),
        lambda: CrowdClassifier().fit(X, votes.reindex(X.index)).score(X, votes),
        lambda: find_label_issues(LogisticRegression(), votes, X=X),
    ):
        with pytest.raises(ValueError, match=r"another order.*votes\.reindex\(X\.index\)"):
            call()


def test_positions_are_no_names():
    """A table that was shuffled, beside votes with a fresh index, says nothing of the order."""
    X = pd.DataFrame({"a": [0.0, 1.0, 2.0]}, index=[2, 0, 1])
    votes = pd.DataFrame({"ann": [0, 0, 1], "bob": [0, 1, 1]})
    assert CrowdClassifier().fit(X, votes).items_.tolist() == [0, 1, 2]


def test_equal_names_are_no_names():
    """Rows drawn with replacement are paired by their order."""
    X = pd.DataFrame({"a": [0.0, 1.0, 2.0]}, index=["p", "q", "q"])
    votes = pd.DataFrame({"ann": [0, 0, 1], "bob": [0, 1, 1]}, index=["q", "q", "p"])
    assert CrowdClassifier().fit(X, votes).items_.tolist() == [0, 1, 2]


def test_the_index_of_a_table_names_the_items():
    X = pd.DataFrame({"a": np.arange(4.0)}, index=["s", "r", "q", "p"])
    votes = pd.DataFrame({"ann": [0, 1, 0, 1], "bob": [1, 0, 1, 0]}, index=X.index)
    model = CrowdClassifier().fit(X, votes, gold={"q": 1, "s": 0})
    assert model.items_.tolist() == ["s", "r", "q", "p"]
    assert model.labels_[[0, 2]].tolist() == [0, 1]


def test_a_table_with_a_row_per_vote_is_no_table_of_votes():
    """Three columns of names, as many rows as X: they are not the votes of three people."""
    X = np.zeros((2, 1))
    long = pd.DataFrame({"item": ["p", "q"], "worker": ["ann", "bob"], "label": ["a", "b"]})
    with pytest.raises(ValueError, match=r"one row per vote.*Annotations\.from_frame\(y\)"):
        CrowdClassifier().fit(X, long)


def _spans(votes):
    return list(zip(votes.item_ptr[:-1], votes.item_ptr[1:], strict=True))
