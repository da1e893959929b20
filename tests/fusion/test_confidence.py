from __future__ import annotations

import numpy as np
import pytest

from aggregate.fusion import design_effect, effective_labels, posterior, temper
from tests import problems


def test_design_effect():
    np.testing.assert_allclose(design_effect([0, 1, 2, 11], 0.4), [1, 1, 1.4, 5])
    np.testing.assert_array_equal(design_effect([0, 1, 600], 0), 1)
    assert design_effect(3, 1) == 3


def test_effective_labels_grow_to_a_limit():
    worth = effective_labels(np.arange(1000), 0.4)
    assert worth[0] == 0
    assert worth[1] == 1
    assert (np.diff(worth) > 0).all()
    assert worth[-1] < 1 / 0.4
    np.testing.assert_array_equal(effective_labels([0, 5], 0), [0, 5])
    np.testing.assert_array_equal(effective_labels([1, 5], 1), [1, 1])


@pytest.mark.parametrize("correlation", [0.0, 0.4, 1.0])
def test_temper_does_what_posterior_does(correlation):
    votes = problems.ragged(0)
    parameters = problems.random_parameters(0, votes.n_annotators, 3, floor=0.01)
    textbook = posterior(votes, *parameters, annotator_correlation=0)
    np.testing.assert_allclose(
        temper(textbook, votes.labels_per_item, correlation),
        posterior(votes, *parameters, annotator_correlation=correlation),
        rtol=1e-9,
    )


def test_temper_keeps_certainty():
    np.testing.assert_array_equal(temper(np.array([[1.0, 0.0]]), [10], 0.4), [[1, 0]])


@pytest.mark.parametrize("function", [design_effect, effective_labels])
@pytest.mark.parametrize("correlation", [-0.1, 1.5])
def test_refuses_a_correlation_outside_its_range(function, correlation):
    with pytest.raises(ValueError, match="annotator_correlation must be a number"):
        function([1, 2], correlation)


def test_refuses_a_correlation_that_is_no_number():
    with pytest.raises(TypeError, match="annotator_correlation must be a number; got 'high'"):
        design_effect([1], "high")
