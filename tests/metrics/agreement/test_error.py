from __future__ import annotations

import numpy as np
import pytest

from aggregate import Annotations
from aggregate.metrics import (
    agreement_report,
    brennan_prediger,
    fleiss_kappa,
    gwet_ac,
    krippendorff_alpha,
    percent_agreement,
)
from tests import problems

CHANCE_FREE = (percent_agreement, gwet_ac, brennan_prediger)
ALL = (*CHANCE_FREE, krippendorff_alpha, fleiss_kappa)


@pytest.mark.parametrize("function", ALL)
def test_the_two_roads_to_the_error_agree(function):
    votes = problems.planted(5, n_items=400, per_item=4).votes
    analytic = function(votes)
    drawn = function(votes, method="bootstrap", n_bootstrap=2000)
    assert drawn.value == analytic.value
    assert drawn.standard_error == pytest.approx(analytic.standard_error, rel=0.06)
    assert drawn.low == pytest.approx(analytic.low, abs=0.01)
    assert drawn.high == pytest.approx(analytic.high, abs=0.01)


def test_the_bootstrap_draws_items():
    votes = problems.planted(6, n_items=60).votes
    random = np.random.default_rng(0)
    again = []
    for _ in range(200):
        chosen = random.integers(0, 60, size=60)
        table = [votes.label[votes.item_ptr[i] : votes.item_ptr[i + 1]] for i in chosen]
        again.append(krippendorff_alpha(np.array(table)).value)
    drawn = krippendorff_alpha(votes, method="bootstrap")
    assert np.std(again) == pytest.approx(drawn.standard_error, rel=0.15)


def test_draws_are_those_of_the_seed():
    votes = problems.planted(6).votes
    one, same, other = (
        krippendorff_alpha(votes, method="bootstrap", n_bootstrap=50, random_state=seed)
        for seed in (1, 1, 2)
    )
    assert one == same
    assert one.low != other.low


@pytest.mark.parametrize("function", ALL)
def test_a_constant_label(function):
    table = [["x", "x"], ["x", "x"], ["x", None]]
    if function in (percent_agreement,):
        found = function(table)
        assert found.value == 1.0
        assert found.low < 0.8
        return
    with pytest.warns(UserWarning, match="every label is x: chance would agree as well"):
        found = function(table)
    assert (found.value, found.low, found.high) == (0.0, -1.0, 1.0)
    assert found.standard_error == np.inf
    assert "0 by convention" in str(found)


def test_a_report_of_a_constant_label_warns_once():
    with pytest.warns(UserWarning, match="every label is x") as told:
        report = agreement_report([["x", "x"], ["x", "x"]])
    assert len(told) == 1
    assert str(report).count("0 by convention") == 1


@pytest.mark.parametrize("function", [gwet_ac, brennan_prediger])
def test_a_constant_label_among_other_classes(function):
    votes = Annotations.from_matrix([["x", "x"]] * 30, classes=["x", "y"])
    found = function(votes)
    assert found.value == 1.0
    assert 0.7 < found.low < 0.95
    assert "all items agree to the same degree" in found.note


@pytest.mark.parametrize("method", ["analytic", "bootstrap"])
@pytest.mark.parametrize("function", ALL)
def test_perfect_agreement_is_not_certain(function, method):
    found = function([[0, 0], [1, 1]] * 10, method=method)
    assert found.value == pytest.approx(1.0)
    assert found.high == pytest.approx(1.0)
    assert 0.5 < found.low < 0.9


@pytest.mark.parametrize("function", ALL)
def test_no_agreement_at_all(function):
    found = function([[0, 1], [1, 0]] * 10)
    assert found.value <= 0.0
    assert found.low <= found.value < found.high < 0.5


@pytest.mark.parametrize("function", ALL)
def test_one_item_says_next_to_nothing(function):
    found = function([[0, 1, 1]])
    assert np.isfinite([found.value, found.low, found.high]).all()
    assert found.high - found.low > 0.9


def test_intervals_end_where_there_is_no_agreement():
    table = [["x", "y"], ["x", "x"], ["y", "x"], ["y", "y"]]
    assert percent_agreement(table).low == 0.0
    assert brennan_prediger(table).low == -1.0  # two classes: chance is a half


def test_draws_without_variation_are_left_out_and_told():
    found = krippendorff_alpha([["x", "x"]] * 6 + [["x", "y"]], method="bootstrap")
    assert "bootstrap draws did not vary" in found.note
    assert np.isfinite(found.standard_error)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"method": "magic"}, "method must be one of"),
        ({"level": 1}, "level must be below 1"),
        ({"level": 0}, "level must be a number above 0"),
        ({"n_bootstrap": 1}, "n_bootstrap must be an integer of at least 2"),
    ],
)
def test_arguments_that_make_no_sense(arguments, words):
    for function in (krippendorff_alpha, fleiss_kappa, agreement_report):
        with pytest.raises(ValueError, match=words):
            function([[0, 1], [1, 1]], **arguments)


def test_coverage_of_the_analytic_interval():
    hits = 0
    for seed in range(300):
        random = np.random.default_rng(seed)
        truth = random.random((80, 1)) < 0.4
        table = np.where(random.random((80, 3)) < 0.2, ~truth, truth).astype(int)
        found = krippendorff_alpha(table)
        hits += found.low <= ALPHA_THERE <= found.high
    assert 0.90 <= hits / 300 <= 0.99


# Any two labels differ with probability 2 · .8 · .2 within an item, and 2 · .44 · .56 between.
ALPHA_THERE = 1 - 0.32 / (2 * 0.44 * 0.56)
