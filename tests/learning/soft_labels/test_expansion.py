"""Weighted copies stand for soft labels, exactly."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array, csr_array, issparse

from aggregate.learning import expand_soft_labels
from aggregate.learning.soft_labels._expansion import take_rows


def soft_labels(seed, n_items=30, n_classes=4):
    return np.random.default_rng(seed).dirichlet(np.full(n_classes, 0.3), size=n_items)


def test_copies_carry_the_soft_labels():
    soft = soft_labels(0)
    copies = expand_soft_labels(soft, min_mass=0)
    again = np.zeros_like(soft)
    again[copies.rows, copies.classes] = copies.weights
    np.testing.assert_allclose(again, soft, atol=1e-15)


@given(st.integers(0, 999), st.floats(0, 0.6))
def test_weights_of_a_row_sum_to_its_weight(seed, min_mass):
    soft = soft_labels(seed)
    weight = np.random.default_rng(seed).uniform(0, 2, len(soft))
    copies = expand_soft_labels(soft, min_mass=min_mass, sample_weight=weight)
    np.testing.assert_allclose(np.bincount(copies.rows, copies.weights), weight, atol=1e-12)
    kept = np.zeros(soft.shape, dtype=bool)
    kept[copies.rows, copies.classes] = True
    likeliest = soft.max(axis=1, keepdims=True) == soft
    np.testing.assert_array_equal(kept, (soft >= min_mass) & (soft > 0) | likeliest)


def test_one_weight_for_all():
    assert expand_soft_labels([[0.5, 0.5]], sample_weight=3).weights.tolist() == [1.5, 1.5]


def test_no_rows():
    assert len(expand_soft_labels(np.empty((0, 3))).rows) == 0


def test_copies_are_sorted_by_row_and_class():
    copies = expand_soft_labels(soft_labels(1))
    assert sorted(zip(copies.rows, copies.classes, strict=True)) == list(
        zip(copies.rows, copies.classes, strict=True)
    )


def test_rows_without_a_label_have_no_copy():
    copies = expand_soft_labels([[0.0, 0.0], [0.5, 0.5]])
    assert copies.rows.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("soft", "message"),
    [
        ([0.5, 0.5], "a row per item"),
        ([[0.5, 0.4]], r"sum to 1.*rows 0"),
        ([[1.0, 0.0], [1.5, -0.5]], "rows 1"),
        ([[np.nan, 1.0]], "rows 0"),
        ([[3.0, 2.0]], "Counts of votes"),
    ],
)
def test_what_is_no_soft_label_is_refused(soft, message):
    with pytest.raises(ValueError, match=message):
        expand_soft_labels(soft)


@pytest.mark.parametrize("weight", [[-1.0], [np.nan], [1.0, 1.0]])
def test_what_is_no_weight_is_refused(weight):
    with pytest.raises(ValueError, match="sample_weight"):
        expand_soft_labels([[0.5, 0.5]], sample_weight=weight)


def test_rows_of_every_kind_of_table():
    rows = np.array([0, 0, 2])
    table = np.arange(6.0).reshape(3, 2)
    expected = table[rows]
    np.testing.assert_array_equal(take_rows(table, rows), expected)
    for sparse in (csr_array(table), coo_array(table)):
        taken = take_rows(sparse, rows)
        assert issparse(taken)
        np.testing.assert_array_equal(taken.toarray(), expected)
    frame = pd.DataFrame(table, columns=["a", "b"], index=[7, 7, 9])
    np.testing.assert_array_equal(take_rows(frame, rows).to_numpy(), expected)
    np.testing.assert_array_equal(take_rows(pl.from_pandas(frame), rows).to_numpy(), expected)
    taken = take_rows(pa.Table.from_pandas(frame, preserve_index=False), rows)
    np.testing.assert_array_equal(taken.to_pandas().to_numpy(), expected)
    assert take_rows(["x", "y", "z"], rows) == ["x", "x", "z"]


def test_rows_that_stay_are_not_copied():
    table = np.ones((3, 2))
    assert take_rows(table, np.arange(3)) is table
