from __future__ import annotations

import numpy as np
import pytest

from aggregate import Annotations
from aggregate.metrics import intraclass_correlation

# Shrout and Fleiss 1979, table 2: six targets, four judges.
RATINGS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]


@pytest.mark.parametrize(
    ("form", "value", "low", "high"),
    [  # the values are theirs (table 4), the intervals those of McGraw and Wong's formulas
        ("1,1", 0.17, -0.13, 0.72),
        ("2,1", 0.29, 0.02, 0.76),
        ("3,1", 0.71, 0.34, 0.95),
        ("1,k", 0.44, -0.88, 0.91),
        ("2,k", 0.62, 0.07, 0.93),
        ("3,k", 0.91, 0.68, 0.99),
    ],
)
def test_shrout_and_fleiss(form, value, low, high):
    found = intraclass_correlation(RATINGS, form)
    assert round(found.value, 2) == value
    assert (round(found.low, 2), round(found.high, 2)) == (low, high)


def test_their_test_of_the_items():
    one, three = intraclass_correlation(RATINGS, "1,1"), intraclass_correlation(RATINGS, "3,1")
    assert (round(one.f_value, 2), one.degrees) == (1.79, (5, 18))
    assert (round(three.f_value, 2), three.degrees) == (11.03, (5, 15))
    assert three.p_value == pytest.approx(0.000135, abs=1e-6)


def crowd(seed, n_items=40, n_raters=4, items=1.0, leniency=0.7, noise=0.8):
    random = np.random.default_rng(seed)
    table = random.normal(0, items, (n_items, 1)) + random.normal(0, leniency, n_raters)
    return table + random.normal(0, noise, (n_items, n_raters))


@pytest.mark.parametrize("form", ["1,1", "2,1", "3,1", "1,k", "2,k", "3,k"])
def test_coverage(form):
    """Planted variances are covered as often as the level says."""
    k = 5
    lenient = 0.0 if form.startswith("1") else 0.7
    error = 0.64 + (lenient**2 if form.startswith("2") else 0.0)
    true = 1 / (1 + error)
    if form.endswith("k"):
        true = 1 / (1 + error / k)
    hits = 0
    for seed in range(300):
        table = crowd(seed, n_items=25, n_raters=k, leniency=lenient)
        found = intraclass_correlation(table, form)
        hits += found.low <= true <= found.high
    assert 0.91 <= hits / 300 <= 0.985


def test_shifts_and_scales_do_not_matter():
    table = crowd(0)
    for form in ("1,1", "2,1", "3,k"):
        one = intraclass_correlation(table, form)
        other = intraclass_correlation(1e6 + 3 * table, form)
        assert other.value == pytest.approx(one.value, rel=1e-6)
        assert other.low == pytest.approx(one.low, rel=1e-6)


def test_leniency_counts_in_form_two_only():
    table = crowd(1)
    lenient = table + 5 * np.arange(4)
    assert intraclass_correlation(lenient, "3,1").value == pytest.approx(
        intraclass_correlation(table, "3,1").value
    )
    assert intraclass_correlation(lenient, "2,1").value < intraclass_correlation(table).value


def test_unequal_numbers_of_ratings():
    table = crowd(2, leniency=0.0, n_items=2000)
    table[np.random.default_rng(0).random(table.shape) < 0.4] = np.nan
    found = intraclass_correlation(table, "1,1")
    assert found.value == pytest.approx(1 / 1.64, abs=0.03)
    assert 2 < found.n_ratings < 4
    assert found.n_left_out == int((np.isfinite(table).sum(axis=1) == 1).sum())


def test_items_with_gaps_are_left_out_and_counted():
    table = crowd(3)
    holed = np.vstack([table, [[1.0, np.nan, 2.0, 3.0], [np.nan] * 4]])
    one, other = intraclass_correlation(table), intraclass_correlation(holed)
    assert other.value == pytest.approx(one.value)
    assert (other.n_items, other.n_left_out) == (40, 1)


def test_repeats_by_one_annotator_do_not_stand_for_all():
    votes = Annotations.from_columns(
        [0, 0, 1, 1, 2, 2], ["a", "a", "a", "b", "a", "b"], [1.0, 2.0, 1.0, 2.0, 3.0, 3.5]
    )
    assert intraclass_correlation(votes).n_items == 2


def test_nothing_varies():
    for form in ("1,1", "2,1", "3,k"):
        found = intraclass_correlation([[2.0, 2.0]] * 4, form)
        assert (found.value, found.low, found.high) == (0, -1, 1)
        assert "0 by convention" in str(found)


def test_ratings_that_never_differ():
    for form in ("1,1", "2,1", "3,1", "2,k"):
        found = intraclass_correlation([[1, 1], [2, 2], [3, 3]], form)
        assert found.value == 1
        assert np.isfinite([found.low, found.high]).all()


@pytest.mark.parametrize(
    ("table", "form", "words"),
    [
        ([["a", "b"], ["a", "a"]], "2,1", "labels must be numbers"),
        ([[1.0, 2.0]], "1,1", "two items with two ratings or more; got 1"),
        ([[1.0, None], [None, 2.0]], "2,1", "here 0 items were rated by all 2 annotators"),
        ([[1.0], [2.0]], "3,1", "2 items were rated by all 1 annotators"),
        ([[1.0, 2.0], [1.0, 2.0]], "4,1", "form must be one of '1,1'"),
    ],
)
def test_refusals(table, form, words):
    with pytest.raises(ValueError, match=words):
        intraclass_correlation(table, form)
