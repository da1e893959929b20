"""Results depend on who said what about which item, and on nothing else."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from aggregate import Annotations, DawidSkene, IterativeWeightedVote, MajorityVote, Wawa
from tests import problems
from tests.strategies import calm, votes

MODELS = [
    MajorityVote(),
    Wawa(),
    IterativeWeightedVote(max_iter=5),
    DawidSkene(max_iter=15, tol=0, accelerate=False),
]
every = pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)


def fit(model, annotations):
    with warnings.catch_warnings():  # tiny votes may go round in circles
        warnings.simplefilter("ignore", ConvergenceWarning)
        return clone(model).fit(annotations)


def from_rows(drawn, rows=None, items=None, annotators=None, classes=None):
    """Build annotations, perhaps from other rows, with the axes in a given order."""
    item, annotator, label = np.array(drawn.rows if rows is None else rows).reshape(-1, 3).T
    return Annotations.from_columns(
        item, annotator, label,
        known_items=range(drawn.n_items) if items is None else items,
        known_annotators=range(drawn.n_annotators) if annotators is None else annotators,
        classes=range(drawn.n_classes) if classes is None else classes,
    )  # fmt: skip


@every
@calm
@given(drawn=votes(min_rows=1), data=st.data())
def test_order_of_the_rows(model, drawn, data):
    shuffled = data.draw(st.permutations(drawn.rows))
    one, other = fit(model, from_rows(drawn)), fit(model, from_rows(drawn, shuffled))
    np.testing.assert_array_equal(one.probas_, other.probas_)
    np.testing.assert_array_equal(one.labels_, other.labels_)


@every
@calm
@given(drawn=votes(min_rows=1), data=st.data())
def test_order_of_the_items(model, drawn, data):
    order = data.draw(st.permutations(range(drawn.n_items)))
    one, other = fit(model, from_rows(drawn)), fit(model, from_rows(drawn, items=order))
    np.testing.assert_allclose(other.probas_, one.probas_[list(order)], atol=1e-7)


@every
@calm
@given(drawn=votes(min_rows=1), data=st.data())
def test_order_of_the_annotators(model, drawn, data):
    order = list(data.draw(st.permutations(range(drawn.n_annotators))))
    one, other = fit(model, from_rows(drawn)), fit(model, from_rows(drawn, annotators=order))
    np.testing.assert_allclose(other.probas_, one.probas_, atol=1e-7)
    np.testing.assert_allclose(other.annotator_skill_, one.annotator_skill_[order], atol=1e-7)


@every
@calm
@given(drawn=votes(min_rows=1), data=st.data())
def test_order_of_the_classes(model, drawn, data):
    order = list(data.draw(st.permutations(range(drawn.n_classes))))
    one, other = fit(model, from_rows(drawn)), fit(model, from_rows(drawn, classes=order))
    np.testing.assert_allclose(other.probas_, one.probas_[:, order], atol=1e-7)
    np.testing.assert_allclose(other.class_prior_, one.class_prior_[order], atol=1e-7)


@every
@calm
@given(drawn=votes(min_rows=1))
def test_names(model, drawn):
    """Names that sort like the numbers, of another type, change nothing at all."""
    item, annotator, label = drawn.columns
    one = fit(model, Annotations.from_columns(item, annotator, label))
    other = fit(
        model,
        Annotations.from_columns(
            [f"item {i}" for i in item],
            [f"{j} Jones" for j in annotator],
            ["ABCD"[y] for y in label],
        ),
    )
    np.testing.assert_array_equal(one.probas_, other.probas_)
    assert other.classes_.tolist() == ["ABCD"[y] for y in one.classes_]


@every
@calm
@given(drawn=votes(min_rows=1, repeats=False))
def test_long_dense_sparse_and_nested(model, drawn):
    """Every way in leads to the same soft labels."""
    item, annotator, label = drawn.columns
    shape = (drawn.n_items, drawn.n_annotators)
    dense = np.full(shape, -1)
    dense[item, annotator] = label
    nested = {i: {} for i in range(drawn.n_items)}
    for i, j, y in drawn.rows:
        nested[i][j] = y
    classes = range(drawn.n_classes)
    wanted = fit(model, from_rows(drawn)).probas_
    for other in (
        Annotations.from_matrix(dense, missing=-1, classes=classes),
        Annotations.from_sparse(coo_array((label, (item, annotator)), shape), classes=classes),
    ):
        np.testing.assert_array_equal(fit(model, other).probas_, wanted)
    other = Annotations.from_dict(nested, classes=classes)  # it knows no silent annotators
    np.testing.assert_allclose(fit(model, other).probas_, wanted, atol=1e-12)


@calm
@given(drawn=votes(min_rows=1))
def test_twice_the_items_have_twice_the_likelihood(drawn):
    model = DawidSkene(prior_strength=0, max_iter=15, tol=0, accelerate=False)
    doubled = drawn.rows + [(i + drawn.n_items, j, y) for i, j, y in drawn.rows]
    one = fit(model, from_rows(drawn))
    two = fit(model, from_rows(drawn, doubled, items=range(2 * drawn.n_items)))
    n = min(len(one.objective_path_), len(two.objective_path_))  # rounding may end one earlier
    np.testing.assert_allclose(
        two.objective_path_[:n], 2 * one.objective_path_[:n], rtol=1e-9, atol=1e-9
    )
    if len(one.objective_path_) == len(two.objective_path_):
        np.testing.assert_allclose(two.confusion_, one.confusion_, atol=1e-6)


@every
@calm
@given(drawn=votes(min_rows=1))
def test_always_probabilities(model, drawn):
    fitted = fit(model, from_rows(drawn))
    assert np.isfinite(fitted.probas_).all()
    assert (fitted.probas_ >= 0).all()
    np.testing.assert_allclose(fitted.probas_.sum(axis=1), 1, rtol=1e-12)
    assert np.isfinite(fitted.annotator_skill_).all()
    assert ((fitted.annotator_skill_ >= 0) & (fitted.annotator_skill_ <= 1 + 1e-12)).all()
    assert np.isfinite(fitted.score(from_rows(drawn)))


@calm
@given(drawn=votes(min_rows=1), strength=st.sampled_from([0.0, 0.1, 4.0]), fast=st.booleans())
def test_the_objective_never_falls(drawn, strength, fast):
    model = DawidSkene(prior_strength=strength, accelerate=fast, max_iter=30, tol=0)
    path = fit(model, from_rows(drawn)).objective_path_
    if len(path) > 1:
        assert np.diff(path).min() >= -1e-9 * max(1, abs(path[-1]))


def test_a_twin_counts_twice():
    """Documented: independence makes two copies of an annotator outweigh one."""
    table = problems.planted(0, n_annotators=4, per_item=4).votes.to_matrix()
    once = MajorityVote().fit(table).probas_
    twice = MajorityVote().fit(np.column_stack([table, table[:, 0]])).probas_
    one_hot = np.eye(3)[table[:, 0]]
    np.testing.assert_allclose(twice, (4 * once + one_hot) / 5)
