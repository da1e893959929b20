from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from aggregate._validation import check_choice, check_distribution, check_number, first_few


def test_first_few_writes_plain_values():
    assert first_few(np.array([3, 1])) == "3, 1"
    assert first_few(["a", "b", "c"], most=2) == "'a', 'b' and 1 more"
    assert first_few([]) == ""


@pytest.mark.parametrize("value", [0, 1, 0.5, np.float32(0.5), np.int64(1), Fraction(1, 2)])
def test_numbers_in_range_pass(value):
    check_number("tol", value, low=0, high=1)


@pytest.mark.parametrize(
    ("value", "limits", "error", "message"),
    [
        (-1, {"low": 0}, ValueError, "tol must be a number of at least 0; got -1"),
        (0, {"low": 0, "low_open": True}, ValueError, "tol must be a number above 0; got 0"),
        (2, {"low": 0, "high": 1}, ValueError, "of at least 0 and at most 1; got 2"),
        (float("nan"), {}, ValueError, "tol must be a number.*; got nan"),
        (1.5, {"integer": True}, TypeError, "tol must be an integer; got 1.5"),
        (True, {}, TypeError, "tol must be a number; got True"),
        (np.True_, {"integer": True}, TypeError, "tol must be an integer"),
        ("1", {}, TypeError, "tol must be a number; got '1'"),
        (None, {}, TypeError, "tol must be a number; got None"),
    ],
)
def test_other_numbers_are_refused(value, limits, error, message):
    with pytest.raises(error, match=message):
        check_number("tol", value, **limits)


def test_choices():
    check_choice("n", None, [None, 1])
    check_choice("n", "a", ["a"])
    with pytest.raises(ValueError, match="ties must be one of 'prior', 'first'; got 'last'"):
        check_choice("ties", "last", ["prior", "first"])
    with pytest.raises(ValueError, match="must be one of 'a'; got array"):
        check_choice("ties", np.array(["a", "a"]), ["a"])
    with pytest.raises(ValueError, match="got 1"):
        check_choice("flag", 1, ["1"])


def test_distributions_are_normalised_and_put_in_order():
    assert check_distribution("p", [0.25, 0.75], 2).tolist() == [0.25, 0.75]
    given = {np.int64(1): 0.75, 0: 0.25}
    assert check_distribution("p", given, 2, classes=np.array([0, 1])).tolist() == [0.25, 0.75]
    assert check_distribution("p", {0: 1.0, 1: 0.0}, 2).tolist() == [1.0, 0.0]
    almost = check_distribution("p", [0.5, 0.5 + 5e-7], 2)
    assert abs(almost.sum() - 1) < 1e-15


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1.0], r"p must hold one probability per class, 2 in all; got an array of shape \(1,\)"),
        ([0.5, 0.6], "p must be non-negative and sum to 1"),
        ([-0.5, 1.5], "p must be non-negative and sum to 1"),
        ([np.nan, 1.0], "p must be non-negative and sum to 1"),
        ({"a": 1.0}, "missing: 'b'; unknown: none"),
        ({"a": 0.5, "b": 0.5, "c": 0.0}, "missing: none; unknown: 'c'"),
    ],
)
def test_other_distributions_are_refused(value, message):
    with pytest.raises(ValueError, match=message):
        check_distribution("p", value, 2, classes=["a", "b"])
