from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from aggregate.factorization import FactorizationResult
from aggregate.factorization.result import best_start


def example(**changes):
    fields = {
        "factors": np.arange(12.0).reshape(2, 2, 3),
        "weights": np.array([0.5, 0.3, 0.2]),
        "objective_path": np.array([2.0, 1.0]),
        "converged": True,
        "n_iter": 1,
        "restarts": (),
        "estimated": np.ones(2, dtype=bool),
        "rank": 3,
    }
    return FactorizationResult(**(fields | changes))


def test_it_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        example().weights = np.zeros(3)


def test_permute_moves_everything_that_belongs_to_a_component():
    fit = example(
        scales=np.array([1.0, 2.0, 3.0]), selected=np.array([7, 8, 9]), rotation=np.eye(3)
    )
    moved = fit.permute([2, 0, 1])
    np.testing.assert_array_equal(moved.factors, fit.factors[:, :, [2, 0, 1]])
    np.testing.assert_array_equal(moved.weights, [0.2, 0.5, 0.3])
    np.testing.assert_array_equal(moved.scales, [3, 1, 2])
    np.testing.assert_array_equal(moved.selected, [9, 7, 8])
    np.testing.assert_array_equal(moved.rotation, np.eye(3)[:, [2, 0, 1]])
    assert moved.objective == fit.objective == 1.0


@pytest.mark.parametrize("order", [[0, 1], [0, 0, 1], [1, 2, 3]])
def test_permute_refuses_what_is_no_permutation(order):
    with pytest.raises(ValueError, match=r"permutation of 0\.\.2"):
        example().permute(order)


def test_the_first_of_equally_good_starts_is_kept():
    ends = {"a": [3.0, 2.0], "b": [3.0, 1.0], "c": [1.0, 1.0], "d": [np.nan]}
    state, path, chosen, records = best_start(lambda s: (s, ends[s], s == "b"), "abcd")
    assert (state, chosen) == ("b", 1)
    np.testing.assert_array_equal(path, [3.0, 1.0])
    assert [r.objective for r in records] == [2.0, 1.0, 1.0, np.inf]
    assert [r.converged for r in records] == [False, True, False, False]


def test_no_finite_start_is_an_error():
    with pytest.raises(ValueError, match="all 2 starts ended with a non-finite objective"):
        best_start(lambda s: (s, [np.inf], False), [1, 2])
