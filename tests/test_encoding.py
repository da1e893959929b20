from __future__ import annotations

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregate._encoding import decode_table, encode, match
from tests.strategies import calm

INTEGERS = [3, -1, 3, 7, 0]
TEXTS = ["b", "a", "b", "ß", "€"]


def naive(values):
    """Sorted distinct values and the position of each, by the slow and certain way."""
    table = sorted({value for value in values if value is not None})
    return [-1 if value is None else table.index(value) for value in values], table


@calm
@given(st.lists(st.none() | st.integers(-(2**62), 2**62), max_size=20))
def test_integers_match_the_naive_way(values):
    codes, table = encode(values)
    assert (codes.tolist(), table.tolist()) == naive(values)


@calm
@given(st.lists(st.none() | st.text(max_size=3), max_size=20))
def test_text_sorts_by_code_point(values):
    values = [
        None if value is None else value.encode("utf-8", "ignore").decode() for value in values
    ]
    codes, table = encode(values)
    assert (codes.tolist(), table.tolist()) == naive(values)


@calm
@given(st.lists(st.none() | st.floats(allow_nan=False, width=32), max_size=20))
def test_floats_match_the_naive_way(values):
    codes, table = encode(values)
    assert (codes.tolist(), table.tolist()) == naive(values)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint64"])
def test_integer_arrays_keep_their_dtype_at_both_ends(dtype):
    limits = np.iinfo(dtype)
    values = np.array([limits.max, limits.min, limits.max, 1], dtype=dtype)
    codes, table = encode(values)
    assert table.dtype == dtype
    assert (codes.tolist(), table.tolist()) == naive(values.tolist())


@pytest.mark.parametrize(
    "column",
    [
        INTEGERS,
        tuple(INTEGERS),
        iter(INTEGERS),
        np.array(INTEGERS),
        np.array(INTEGERS, dtype=object),
        pd.Series(INTEGERS),
        pd.array(INTEGERS, dtype="Int64"),
        pd.Categorical(INTEGERS),
        pd.Index(INTEGERS),
        pl.Series(INTEGERS),
        pa.array(INTEGERS),
        pa.chunked_array([INTEGERS[:2], INTEGERS[2:]]),
        pa.chunked_array([INTEGERS[:2], INTEGERS[2:]]).dictionary_encode(),
    ],
    ids=lambda column: f"{type(column).__module__}.{type(column).__name__}",
)
def test_every_kind_of_integer_column_gives_the_same(column):
    codes, table = encode(column)
    assert (codes.tolist(), table.tolist()) == naive(INTEGERS)


@pytest.mark.parametrize(
    "column",
    [
        TEXTS,
        np.array(TEXTS),
        np.array(TEXTS, dtype=object),
        pd.Series(TEXTS),
        pd.Series(TEXTS, dtype=object),
        pd.array(TEXTS, dtype="string"),
        pd.Categorical(TEXTS, categories=["unused", *sorted(set(TEXTS), reverse=True)]),
        pl.Series(TEXTS),
        pl.Series(TEXTS, dtype=pl.Categorical),
        pa.array(TEXTS, pa.large_string()),
        pa.array(TEXTS, pa.string_view()),
    ],
    ids=lambda column: f"{type(column).__module__}.{type(column).__name__}",
)
def test_every_kind_of_text_column_gives_the_same(column):
    codes, table = encode(column)
    assert (codes.tolist(), table.tolist()) == naive(TEXTS)
    assert table.dtype == object


@pytest.mark.parametrize(
    "column",
    [
        ["a", None, float("nan")],
        np.array(["a", None, pd.NA], dtype=object),
        pd.Series(["a", None, None]),
        pd.array(["a", pd.NA, pd.NA], dtype="string"),
        pd.Categorical(["a", None, None]),
        pl.Series(["a", None, None]),
        pa.array(["a", None, None]),
        pa.DictionaryArray.from_arrays(pa.array([0, 1, None]), pa.array(["a", None])),
        [2.5, float("nan"), None],
        pl.Series([2.5, float("nan"), None]),
        pa.array([2.5, float("nan"), None]),
        pd.array([True, pd.NA, pd.NA], dtype="boolean"),
        np.array(["2020-01-01", "NaT", "NaT"], dtype="datetime64[D]"),
        ["a", pd.NaT, pd.NA],
    ],
)  # fmt: skip
def test_missing_entries_get_minus_one(column):
    codes, table = encode(column)
    assert codes.tolist() == [0, -1, -1]
    assert len(table) == 1


def test_ordered_categories_keep_their_order():
    labels = ["mild", "severe", "mild"]
    levels = ["none", "mild", "severe"]
    for column in (
        pd.Categorical(labels, categories=levels, ordered=True),
        pl.Series(labels, dtype=pl.Enum(levels)),
    ):
        codes, table = encode(column)
        assert codes.tolist() == [0, 1, 0]
        assert table.tolist() == ["mild", "severe"]


def test_a_mixture_of_numbers_and_text_sorts_numbers_first():
    codes, table = encode(["x", 10, 9.5, None, "10", 10])
    assert table.tolist() == [9.5, 10, "10", "x"]
    assert codes.tolist() == [3, 1, 0, -1, 2, 1]


def test_true_is_not_the_number_one():
    codes, table = encode([True, 1, "a"])
    assert [type(value) for value in table] == [int, bool, str]
    assert codes.tolist() == [1, 0, 2]


def test_negative_zero_is_zero():
    codes, table = encode([0.0, -0.0, -1.5])
    assert codes.tolist() == [1, 1, 0]
    assert table.tolist() == [-1.5, 0.0]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([datetime.date(2020, 2, 1), datetime.date(2020, 1, 1)], "M"),
        ([True, False], "b"),
        ([Decimal("1.5"), Decimal("1.2")], "O"),
        ([b"y", b"x"], "O"),
        ([2**70, 1], "O"),
    ],
)
def test_other_kinds_sort_too(values, kind):
    codes, table = encode(values)
    assert codes.tolist() == [1, 0]
    assert table.dtype.kind == kind


def test_nothing_is_a_column_too():
    codes, table = encode([])
    assert codes.dtype == np.int32
    assert len(codes) == len(table) == 0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("text", "items must be a column of values; got 'text'"),
        (5, "items must be a column of values; got 5"),
        ({1, 2}, "items must be a column of values"),
        (np.ones((2, 2)), r"items must have one dimension; got shape \(2, 2\)"),
        ([[1], [2]], r"items must be numbers, text or missing; got values like \[1\]"),
        ([None, {"a": 1}], "items must be numbers, text or missing; got values like {'a': 1}"),
        (["a", [1]], r"items must be numbers, text or missing; row 1 holds \[1\]"),
    ],
)
def test_what_is_no_column_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        encode(values, "items")


def test_read_only_and_memory_mapped_columns(tmp_path):
    values = np.array([5, 3, 5])
    values.flags.writeable = False
    assert encode(values)[0].tolist() == [1, 0, 1]
    np.save(tmp_path / "ids.npy", values)
    mapped = np.load(tmp_path / "ids.npy", mmap_mode="r")
    assert encode(mapped)[0].tolist() == [1, 0, 1]


def test_declared_tables_keep_their_order():
    assert decode_table(["low", "high"], "classes").tolist() == ["low", "high"]
    with pytest.raises(ValueError, match="classes must be distinct; repeated: 'low'"):
        decode_table(["low", "low"], "classes")
    with pytest.raises(ValueError, match=r"classes must not hold a missing value \(entry 1\)"):
        decode_table(["low", None], "classes")


def test_match_compares_numbers_by_value_and_text_as_text():
    known = np.array([1, 2, "1"], dtype=object)
    assert match(np.array([1.0, 3.0]), known).tolist() == [0, -1]
    assert match(np.array(["1", "2"], dtype=object), known).tolist() == [2, -1]


def test_what_lends_its_memory_is_read_as_an_array():
    class Tensor:  # as PyTorch's: a dtype that is none of NumPy's, and entries that are tensors
        dtype = "torch.int64"
        values = np.array([3, -1, 3])

        def __array__(self, dtype=None, copy=None):
            return self.values

        def __dlpack__(self):
            raise AssertionError("not asked for")

        def __iter__(self):
            return iter([object()] * 3)

        def __len__(self):
            return 3

    codes, table = encode(Tensor())
    assert (codes.tolist(), table.tolist()) == ([1, 0, 1], [-1, 3])
