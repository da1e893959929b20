from __future__ import annotations

import numpy as np
import pytest

from aggregate import Annotations
from aggregate.metrics import pair_agreement
from tests import problems
from tests.metrics.agreement import naive_agreement as naive


def credit(weights, n_classes):
    apart = abs(np.subtract.outer(np.arange(n_classes), np.arange(n_classes))) / (n_classes - 1)
    return {None: np.eye(n_classes), "linear": 1 - apart, "quadratic": 1 - apart**2}[weights]


@pytest.mark.parametrize("weights", [None, "linear", "quadratic"])
def test_matches_fleiss_cohen_and_everitt(weights):
    votes = problems.planted(2, n_items=90, n_annotators=4, per_item=3).votes
    found = pair_agreement(votes, weights=weights)
    table = votes.to_matrix()
    assert len(found.pairs) == 6
    for p, (j, m) in enumerate(found.pairs):
        both = (table[:, j] >= 0) & (table[:, m] >= 0)
        counts = np.zeros((3, 3))
        np.add.at(counts, (table[both, j], table[both, m]), 1)
        value, error = naive.cohen(counts.tolist(), credit(weights, 3).tolist())
        n = both.sum()
        assert found.shared[p] == n
        assert found.value[p] == pytest.approx(value, rel=1e-12)
        assert found.standard_error[p] == pytest.approx(error * np.sqrt(n / (n - 1)), rel=1e-10)


@pytest.mark.parametrize("coefficient", ["cohen", "scott", "gwet", "percent"])
def test_error_agrees_with_drawing_items(coefficient):
    votes = problems.planted(4, n_items=500, n_annotators=2, per_item=2).votes
    found = pair_agreement(votes, coefficient, weights="linear")
    table, random = votes.to_matrix(), np.random.default_rng(0)
    drawn = [
        pair_agreement(table[random.integers(0, 500, 500)], coefficient, weights="linear").value[0]
        for _ in range(300)
    ]
    assert found.standard_error[0] == pytest.approx(np.std(drawn), rel=0.15)


def test_degenerate_pairs_are_told_apart():
    table = np.array([[0, 0, 0, 1], [0, 0, 1, 1], [0, 0, 0, -1]])
    found = pair_agreement(table)
    by_pair = dict(zip(map(tuple, found.pairs.tolist()), range(6), strict=True))
    constant, perfect = by_pair[0, 1], by_pair[0, 2]
    assert not found.defined[constant]
    assert found.value[constant] == 0
    assert found.standard_error[constant] == np.inf
    assert (found.low[constant], found.high[constant]) == (-1, 1)
    assert found.defined[perfect]
    for values in (found.value, found.low, found.high, found.standard_error):
        assert not np.isnan(values).any()


def test_a_perfect_pair_is_not_certain():
    found = pair_agreement([[0, 0], [1, 1]] * 10)
    assert found.value[0] == 1
    assert 0.6 < found.low[0] < 0.9


def test_few_common_items_are_left_out():
    votes = Annotations.from_matrix([[0, 0, -1], [1, 1, 1], [0, 1, -1]])
    assert pair_agreement(votes).pairs.tolist() == [[0, 1]]
    nobody = pair_agreement(votes, min_shared=9)
    assert len(nobody.pairs) == 0
    assert "no pair of annotators" in str(nobody)


def test_table_and_sentence():
    found = pair_agreement([["a", "a"], ["b", "b"], ["a", "b"]])
    columns = found.to_dict()
    assert set(map(len, columns.values())) == {1}
    assert columns["annotator"][0] == 0
    assert "Cohen's kappa of 1 pairs" in str(found)


@pytest.mark.parametrize("coefficient", ["cohen", "scott", "gwet", "percent"])
def test_one_class(coefficient):
    found = pair_agreement([["a", "a"]] * 5, coefficient)
    assert found.defined[0] == (coefficient == "percent")


def test_a_coefficient_that_is_none():
    with pytest.raises(ValueError, match="coefficient must be one of 'cohen', 'scott'"):
        pair_agreement([[0, 1]], "kendall")
