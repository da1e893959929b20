from __future__ import annotations

import numpy as np
import pytest

from aggregate.fusion import decide, expected_costs
from tests import naive


def soft_labels(seed, n_items=300, n_classes=3):
    """Draw rows of few values, so that ties abound."""
    random = np.random.default_rng(seed)
    votes = random.integers(0, 3, size=(n_items, n_classes)) + (np.arange(n_classes) == 0)
    return votes / votes.sum(axis=1, keepdims=True)


PRIORS = [np.array([0.2, 0.5, 0.3]), np.array([0.4, 0.2, 0.4]), np.full(3, 1 / 3)]
COSTS = [None, [[0, 1, 1], [1, 0, 1], [1, 1, 0]], [[0, 2, 1], [5, 0, 1], [1, 3, -1]]]


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("costs", COSTS)
@pytest.mark.parametrize("min_confidence", [None, 0.5])
@pytest.mark.parametrize("ties", ["prior", "first"])
def test_equals_the_naive_rule(prior, costs, min_confidence, ties):
    probas = soft_labels(0)
    wanted = naive.decide(probas, prior, costs, min_confidence, first=ties == "first")
    got = decide(probas, class_prior=prior, costs=costs, min_confidence=min_confidence, ties=ties)
    np.testing.assert_array_equal(got, wanted)
    assert got.dtype == np.int64


@pytest.mark.parametrize("ties", ["prior", "first", "random"])
def test_takes_the_largest_where_nothing_ties(ties):
    probas = np.random.default_rng(1).dirichlet(np.ones(4), size=100)
    np.testing.assert_array_equal(decide(probas, ties=ties, random_state=0), probas.argmax(axis=1))


@pytest.mark.parametrize("ties", ["prior", "first"])
def test_rounding_breaks_no_tie(ties):
    """Sums of the same shares in another order must not decide."""
    thirds = np.array([[0.1 + 0.2, 0.3, 0.4 - 1e-16], [0.3, 0.1 + 0.2, 0.4]])[:, :2]
    assert thirds[0, 0] != thirds[0, 1]
    assert decide(thirds, class_prior=np.array([0.5, 0.5]), ties=ties).tolist() == [0, 0]
    assert decide(thirds, class_prior=np.array([0.4, 0.6]), ties="prior").tolist() == [1, 1]


def test_prior_decides_by_the_mean_where_none_is_given():
    assert decide(np.array([[0.5, 0.5], [0.1, 0.9]])).tolist() == [1, 1]


def test_random_ties_have_a_seed_and_no_favourite():
    probas = np.repeat([[0.4, 0.2, 0.4]], 4000, axis=0)
    drawn = decide(probas, ties="random", random_state=3)
    np.testing.assert_array_equal(drawn, decide(probas, ties="random", random_state=3))
    assert (drawn != decide(probas, ties="random", random_state=4)).any()
    share = np.bincount(drawn, minlength=3) / 4000
    assert share[1] == 0
    assert abs(share[0] - 0.5) < 0.05


def test_random_ties_take_a_generator():
    probas = np.full((50, 2), 0.5)
    drawn = decide(probas, ties="random", random_state=np.random.default_rng(0))
    np.testing.assert_array_equal(drawn, decide(probas, ties="random", random_state=0))


def test_abstains_strictly_below():
    probas = np.array([[0.6, 0.4], [0.59, 0.41]])
    assert decide(probas, min_confidence=0.6).tolist() == [0, -1]
    assert decide(probas, min_confidence=0).tolist() == [0, 0]


def test_confidence_is_that_of_the_decided_class():
    """A costly class may be decided at little probability; then that is what counts."""
    costs = [[0, 1], [9, 0]]
    assert decide(np.array([[0.8, 0.2]]), costs=costs).tolist() == [1]
    assert decide(np.array([[0.8, 0.2]]), costs=costs, min_confidence=0.5).tolist() == [-1]


def test_equal_costs_are_the_map_rule():
    probas = np.random.default_rng(2).dirichlet(np.ones(4), size=100)
    np.testing.assert_array_equal(decide(probas, costs=1 - np.eye(4)), decide(probas))


@pytest.mark.parametrize("ties", ["prior", "first", "random"])
def test_no_items(ties):
    assert decide(np.empty((0, 3)), ties=ties, class_prior=np.full(3, 1 / 3)).shape == (0,)
    assert decide(np.empty((0, 3)), ties=ties, min_confidence=0.5, class_prior=np.ones(3)).size == 0


def test_one_class():
    assert decide(np.ones((3, 1))).tolist() == [0, 0, 0]


def test_expected_costs():
    probas = np.random.default_rng(3).dirichlet(np.ones(3), size=20)
    costs = np.array(COSTS[2], dtype=float)
    np.testing.assert_allclose(expected_costs(probas, costs), np.einsum("ik,kd->id", probas, costs))


@pytest.mark.parametrize("costs", [[[0, 1]], np.zeros((3, 3)), [0, 1], [[0, np.nan], [1, 0]]])
def test_refuses_costs_of_the_wrong_shape(costs):
    with pytest.raises(ValueError, match=r"costs must be a finite table of shape \(2, 2\)"):
        decide(np.array([[0.5, 0.5]]), costs=costs)


def test_refuses_unknown_ties():
    with pytest.raises(ValueError, match="ties must be one of 'prior', 'first', 'random'; got 'l"):
        decide(np.array([[0.5, 0.5]]), ties="last")


@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_refuses_a_confidence_that_is_no_probability(value):
    with pytest.raises(ValueError, match="min_confidence must be a number of at least 0 and at m"):
        decide(np.array([[0.5, 0.5]]), min_confidence=value)
