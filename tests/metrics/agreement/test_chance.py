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
    pair_agreement,
    percent_agreement,
)
from aggregate.metrics.agreement._patterns import find_patterns
from aggregate.metrics.agreement._weights import agreement_weights
from aggregate.metrics.agreement.chance import ChanceCorrected
from tests import problems
from tests.metrics.agreement import naive_agreement as naive
from tests.metrics.agreement.test_alpha import OBSERVERS, labels_of

FUNCTIONS = {
    "fleiss": fleiss_kappa,
    "gwet": gwet_ac,
    "brennan-prediger": brennan_prediger,
    "percent": percent_agreement,
}


def from_counts(counts):
    """Return votes in which item i has ``counts[i][y]`` labels y."""
    rows = [(i, y) for i, row in enumerate(counts) for y, n in enumerate(row) for _ in range(n)]
    item, label = (np.array(column) for column in zip(*rows, strict=True))
    annotator = np.arange(len(item)) - np.searchsorted(item, item)
    return Annotations.from_columns(item, annotator, label)


def test_fleiss_of_fourteen_annotators_and_ten_items():
    # The example of Wikipedia's page on Fleiss' kappa.
    counts = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    found = fleiss_kappa(from_counts(counts))
    assert round(found.value, 3) == 0.210
    assert round(found.observed, 3) == 0.378
    assert round(found.expected, 3) == 0.213


def test_fleiss_1971():
    # Psychiatric diagnoses of 30 patients by 6 raters each, table 1 of the paper: kappa .430.
    table = """
        00060 03003 01401 00006 03030 20400 00402 20301 20040 00006 10050 11040 03300
        10050 02031 00501 30012 51000 02040 10230 00006 01050 02103 20040 10041 05010
        40002 02040 10500 00006
    """
    counts = [[int(digit) for digit in word] for word in table.split()]
    found = fleiss_kappa(from_counts(counts))
    assert round(found.observed, 3) == 0.556
    assert round(found.expected, 3) == 0.220
    assert round(found.value, 3) == 0.430


def test_gwets_twelve_units_and_four_raters():
    # Gwet, Handbook of Inter-Rater Reliability, 4th edition, table 2.10 (Krippendorff's labels).
    votes = Annotations.from_matrix(OBSERVERS.T)
    assert gwet_ac(votes).value == pytest.approx(0.77544, abs=5e-6)
    assert fleiss_kappa(votes).value == pytest.approx(0.76117, abs=5e-6)
    assert brennan_prediger(votes).value == pytest.approx(0.77273, abs=5e-6)
    assert percent_agreement(votes).value == pytest.approx(0.81818, abs=5e-6)


def test_gwets_two_abstractors():
    # 100 pregnancies by two abstractors, handbook chapter 2; errors there divide by n, not n - 1.
    table = [[13, 0, 0], [0, 20, 7], [0, 4, 56]]
    cells = [(a, b) for a in range(3) for b in range(3) for _ in range(table[a][b])]
    votes = np.array(cells)
    inflated = np.sqrt(100 / 99)
    for found, value, error in (
        (fleiss_kappa(votes), 0.7962397, 0.05905473),
        (gwet_ac(votes), 0.8493305, 0.04321747),
        (brennan_prediger(votes), 0.835, 0.04693346),
        (percent_agreement(votes), 0.89, 0.03128898),
        (krippendorff_alpha(votes), 0.7972585, 0.05905473),
    ):
        assert found.value == pytest.approx(value, abs=1e-7)
        assert found.standard_error == pytest.approx(error * inflated, rel=6e-3)
    for name, value, error in (
        ("cohen", 0.7964094, 0.05891072),
        ("scott", 0.7962397, 0.05905473),
        ("gwet", 0.8493305, 0.04321747),
        ("percent", 0.89, 0.03128898),
    ):
        pair = pair_agreement(votes, name)
        assert pair.value[0] == pytest.approx(value, abs=1e-7)
        assert pair.standard_error[0] == pytest.approx(error * inflated, rel=1e-6)


@pytest.mark.parametrize("rule", FUNCTIONS)
@pytest.mark.parametrize("weights", [None, "linear", "quadratic"])
@pytest.mark.parametrize("seed", range(3))
def test_matches_the_definition(rule, weights, seed):
    votes = problems.ragged(seed, n_items=15, n_classes=4, n_labels=45)
    observed, expected = naive.chance_corrected(labels_of(votes), rule, weights, range(4))
    found = FUNCTIONS[rule](votes, weights=weights)
    assert found.observed == pytest.approx(observed, rel=1e-12)
    assert found.expected == pytest.approx(expected, rel=1e-12, abs=1e-15)
    assert found.value == pytest.approx((observed - expected) / (1 - expected), rel=1e-12)


@pytest.mark.parametrize("rule", FUNCTIONS)
def test_error_is_gwets_where_every_item_has_two_labels(rule):
    votes = problems.planted(3, n_items=40, n_annotators=4, per_item=3).votes
    wanted = naive.chance_error(labels_of(votes), rule, range(3))
    assert FUNCTIONS[rule](votes).standard_error == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("rule", FUNCTIONS)
@pytest.mark.parametrize("weights", [None, "quadratic"])
def test_the_derivative_is_that_of_finite_differences(rule, weights):
    votes = problems.ragged(7, n_items=30, n_classes=4, n_labels=70)
    patterns = find_patterns(votes)
    assert (patterns.size == 1).any()  # items with one label are among them
    found = ChanceCorrected(patterns, rule, agreement_weights(weights, votes.classes))
    frequency = patterns.frequency.astype(float)
    slope = found.influence(frequency)
    for u in range(len(frequency)):
        step = np.zeros(len(frequency))
        step[u] = 1e-5
        rise = found.measure(frequency + step).value - found.measure(frequency - step).value
        assert slope[u] == pytest.approx(rise / 2e-5, abs=1e-7)


def test_given_credits_and_named_ones():
    table = [[1, 0.5, 0], [0.5, 1, 0.5], [0, 0.5, 1]]
    votes = Annotations.from_matrix([["a", "b"], ["b", "b"], ["c", "b"], ["a", "a"]])
    one, other = fleiss_kappa(votes, weights="linear"), fleiss_kappa(votes, weights=table)
    assert one == other
    assert "weighted" in one.name


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ("cubic", "weights must be one of None, 'linear', 'quadratic'; got 'cubic'"),
        ([[1, 0], [0, 1]], "must have shape .3, 3."),
        ([[1, 0, 0], [0, 1, 0], [0, 1, 1]], "the same either way"),
        ([[1, 0, 2], [0, 1, 0], [2, 0, 1]], "credits from 0 to 1"),
    ],
)
def test_weights_that_are_none(weights, words):
    with pytest.raises(ValueError, match=words):
        gwet_ac([[0, 1], [2, 2]], weights=weights)


def test_too_many_classes_for_weights():
    with pytest.raises(ValueError, match="use krippendorff_alpha"):
        fleiss_kappa(np.arange(10_000).reshape(-1, 2), weights="linear")


def test_report_holds_every_coefficient():
    votes = problems.planted(0).votes
    report = agreement_report(votes, scale="ordinal")
    found = {each.name: each.value for each in report.coefficients}
    assert (
        found["Krippendorff's alpha, ordinal"] == krippendorff_alpha(votes, scale="ordinal").value
    )
    assert found["Gwet's AC2, weighted"] == gwet_ac(votes, weights="linear").value
    assert all(name in str(report) for name in found)
