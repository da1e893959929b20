from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregate.distributed._ids import as_array, encode_ids, hash_ids, merge_ids, take_ids

COLUMNS = {
    "texts": ["b", "a", None, "b", "ä"],
    "strings of Arrow": pa.chunked_array([["b", "a"], [None, "b"]]),
    "views": pa.array(["b", None, "a"], pa.string_view()),
    "a dictionary": pa.array(["b", None, "b"]).dictionary_encode(),
    "unused categories": pd.Series(pd.Categorical(["b", None, "b"], categories=["a", "b", "c"])),
    "polars": pl.Series(["x", None, "y"]),
    "integers": np.array([5, 3, 5]),
    "floats": np.array([5.5, np.nan, -0.0, 0.0]),
    "dates": [datetime.date(2020, 1, 1), None, datetime.date(2019, 1, 1)],
    "booleans": [True, None, False],
    "mixed": [1, "1", None, 1.0, True],
    "nothing": [],
    "missing alone": [None, None],
}


@pytest.mark.parametrize("values", COLUMNS.values(), ids=COLUMNS.keys())
def test_codes_lead_back_to_the_values(values):
    codes, ids = encode_ids(values, "items")
    names = as_array(ids).tolist()
    missing = [value is None or value != value for value in to_list(values)]
    assert [code < 0 for code in codes.tolist()] == missing
    for code, value in zip(codes.tolist(), to_list(values), strict=True):
        assert code < 0 or names[code] == value
    assert sorted(set(codes.tolist()) - {-1}) == list(range(len(names)))


def to_list(values):
    if hasattr(values, "to_list"):
        values = values.to_list()
    return values.to_pylist() if hasattr(values, "to_pylist") else list(values)


@settings(deadline=None)
@given(st.lists(st.lists(st.text(max_size=3) | st.none(), max_size=9), min_size=1, max_size=5))
def test_a_union_holds_every_text_once_in_order(columns):
    tables = [encode_ids(pa.array(column, pa.string()), "items")[1] for column in columns]
    place, union = merge_ids(tables)
    names = as_array(union).tolist()
    flat = [name for table in tables for name in as_array(table).tolist()]
    assert [names[position] for position in place.tolist()] == flat
    assert names == sorted(set(flat))


def test_a_union_of_numbers_matches_them_by_value():
    place, union = merge_ids([np.array([3, 1]), np.array([1.0, 2.5])])
    assert union.tolist() == [1.0, 2.5, 3.0]
    assert place.tolist() == [2, 0, 0, 1]


def test_a_union_of_text_and_numbers_keeps_them_apart():
    place, union = merge_ids([np.array([1]), pa.array(["1"], pa.large_string())])
    assert union.tolist() == [1, "1"]
    assert place.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.array([7, -3]), np.array([7.0, -3.0])),
        (np.array([0.0]), np.array([-0.0])),
        (np.array([7, 0], dtype=np.int8), np.array([7, 0], dtype=np.uint64)),
        (pa.array(["a", "bc"], pa.large_string()), np.array(["a", "bc"], dtype=object)),
        (np.array([7, 2.5], dtype=object), np.array([7.0, 2.5])),
        (pa.array(["x", "a"], pa.large_string())[1:], pa.array(["a"], pa.large_string())),
    ],
)
def test_equal_names_have_equal_hashes(one, other):
    np.testing.assert_array_equal(hash_ids(one), hash_ids(other))


@pytest.mark.parametrize(
    "ids",
    [
        np.arange(10_000),
        np.arange(10_000) * 64.0,
        np.arange(10_000).astype("datetime64[D]"),
        pa.array([f"item-{i}" for i in range(10_000)], pa.large_string()),
        np.array([f"item-{i}" for i in range(10_000)], dtype=object),
    ],
    ids=["integers", "multiples", "days", "texts", "objects"],
)
@pytest.mark.parametrize("n_parts", [2, 7, 64])
def test_hashes_spread_names_over_the_parts(ids, n_parts):
    held = np.bincount(hash_ids(ids) % n_parts, minlength=n_parts)
    expected = 10_000 / n_parts
    assert (abs(held - expected) < 6 * np.sqrt(expected)).all()


def test_a_taken_text_leaves_the_others_behind():
    ids = pa.array(["x" * 1000, "y"], pa.large_string())
    assert take_ids(ids, np.array([1])).get_total_buffer_size() < 1000
