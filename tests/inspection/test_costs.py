from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregate import DawidSkene, simulate_annotations
from aggregate.fusion import decide, expected_costs
from aggregate.inspection import annotator_costs, expected_cost_quality, label_worth

ROWS = np.array([[[0.9, 0.1], [0.3, 0.7]], [[0.5, 0.5], [0.5, 0.5]], [[0.1, 0.9], [0.8, 0.2]]])
PRIOR = np.array([0.7, 0.3])
COSTS = np.array([[0.0, 1.0], [6.0, 0.0]])


def slow_cost(rows, prior, costs):
    """Return the cost of the cheapest of all rules from labels to decisions."""
    n_classes = len(prior)
    rules = product(range(n_classes), repeat=n_classes)
    return min(
        sum(
            prior[k] * rows[k, y] * costs[k, rule[y]]
            for k in range(n_classes)
            for y in range(n_classes)
        )
        for rule in rules
    )


@given(st.integers(0, 10**6), st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_the_cost_of_an_annotator_is_that_of_the_best_rule(seed, n_classes):
    random = np.random.default_rng(seed)
    rows = random.dirichlet(np.ones(n_classes), (3, n_classes))
    prior, costs = random.dirichlet(np.ones(n_classes)), random.random((n_classes, n_classes))
    found, without = annotator_costs(rows, prior, costs)
    np.testing.assert_allclose(found, [slow_cost(each, prior, costs) for each in rows], atol=1e-12)
    assert without == pytest.approx(min(prior @ costs))
    assert (found <= without + 1e-12).all()


def test_without_costs_it_is_the_chance_of_a_mistake():
    found, without = annotator_costs(ROWS, PRIOR)
    np.testing.assert_allclose(found, [0.07 + 0.09, 0.3, 0.07 + 0.06])
    assert without == pytest.approx(0.3)
    with pytest.raises(ValueError, match="costs must be a finite table of shape"):
        annotator_costs(ROWS, PRIOR, np.ones((3, 3)))


def test_costs_reach_decisions_items_and_annotators_and_agree():
    """The mean over items of the expected cost is the simulated cost of the decisions."""
    crowd = simulate_annotations(
        4000, 3, 2, labels_per_item=1, confusion=ROWS, class_prior=PRIOR, random_state=0
    )
    model = DawidSkene(annotator_correlation=0).fit(crowd.annotations, gold=crowd.truth)
    soft = model.predict_proba(crowd.annotations)
    decided = model.predict(crowd.annotations, costs=COSTS)
    np.testing.assert_array_equal(decided, decide(soft, costs=COSTS))
    paid = COSTS[crowd.truth, decided]
    assert paid.mean() == pytest.approx(expected_costs(soft, COSTS).min(axis=1).mean(), rel=0.05)
    assert paid.mean() < COSTS[crowd.truth, model.predict(crowd.annotations)].mean()
    planted, _ = annotator_costs(ROWS, PRIOR, COSTS)
    for j in range(3):
        assert paid[crowd.annotations.annotator == j].mean() == pytest.approx(planted[j], rel=0.15)


def test_quality_sees_what_no_single_decision_does():
    """At this prior no label changes a decision, yet labels together would."""
    rows, prior = np.array([[[0.7, 0.3], [0.4, 0.6]]]), np.array([0.9, 0.1])
    cost, without = annotator_costs(rows, prior)
    assert cost[0] == pytest.approx(without)
    assert expected_cost_quality(rows, prior)[0] > 0.01


def slow_worth(rows, prior):
    joint = prior[:, np.newaxis] * rows
    said, told = joint.sum(axis=0), 0.0
    for k, y in np.ndindex(joint.shape):
        if joint[k, y] > 0:
            told += joint[k, y] * np.log(joint[k, y] / (prior[k] * said[y]))
    return told / -(prior[prior > 0] * np.log(prior[prior > 0])).sum()


def test_worth_is_the_mutual_information():
    random = np.random.default_rng(0)
    rows, prior = random.dirichlet(np.ones(4), (6, 4)), random.dirichlet(np.ones(4))
    np.testing.assert_allclose(label_worth(rows, prior), [slow_worth(r, prior) for r in rows])
    assert label_worth(np.eye(3)[[[1, 2, 0]]], np.full(3, 1 / 3))[0] == pytest.approx(1)
    assert label_worth(np.ones((2, 1, 1)), np.ones(1)).tolist() == [0, 0]
    assert label_worth(rows, np.array([1.0, 0, 0, 0])).tolist() == [0] * 6


def test_chance_is_taken_off():
    """Rows of a spammer, counted on few items, seem to tell something; corrected they do not."""
    random = np.random.default_rng(0)
    prior, n = np.full(3, 1 / 3), 30
    rows = random.multinomial(n, [0.5, 0.3, 0.2], (4000, 3)) / n
    plain, corrected = label_worth(rows, prior), label_worth(rows, prior, rows * (1 - rows) / n)
    assert plain.mean() == pytest.approx(4 / (2 * 3 * n) / np.log(3), rel=0.1)
    assert corrected.mean() < plain.mean() / 2
