"""Label swaps and the answers that EM finds from random starts."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregate import Annotations, DawidSkene, simulate_annotations
from aggregate.inspection import explore_optima, label_swaps


@given(seed=st.integers(0, 10_000), n_classes=st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_swap_is_the_best_of_all_permutations(seed, n_classes):
    random = np.random.default_rng(seed)
    a, b = random.dirichlet(np.ones(n_classes), size=(2, 3, n_classes))
    weights = random.random(3)
    found = label_swaps(a, b, weights)
    squares = {
        order: sum(
            w * ((x - y[list(order)]) ** 2).sum() for w, x, y in zip(weights, a, b, strict=True)
        )
        for order in permutations(range(n_classes))
    }
    assert squares[tuple(found.permutation.tolist())] == pytest.approx(min(squares.values()))
    assert found.is_swapped == (found.permutation.tolist() != list(range(n_classes)))
    assert 0 <= found.distance <= 1


@given(seed=st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_a_renamed_copy_is_recognised(seed):
    random = np.random.default_rng(seed)
    a = random.dirichlet(np.ones(4), size=(3, 4))
    order = random.permutation(4)
    found = label_swaps(a, a[:, order])
    np.testing.assert_array_equal(order[found.permutation], np.arange(4))
    assert found.distance == 0
    assert found.is_swapped == (found.distance_as_named > 0)


def test_names_stay_where_classes_are_alike():
    alike = np.array([[[0.5, 0.5], [0.5, 0.5]]])
    assert not label_swaps(alike, alike).is_swapped


def test_swaps_of_nothing_and_of_what_does_not_fit():
    assert label_swaps(np.zeros((0, 2, 2)), np.zeros((0, 2, 2))).distance == 0
    assert label_swaps(np.eye(2)[np.newaxis], np.eye(2)[np.newaxis], [0.0]).distance == 0
    with pytest.raises(ValueError, match="both of one shape"):
        label_swaps(np.eye(2)[np.newaxis], np.eye(3)[np.newaxis])
    with pytest.raises(ValueError, match="weights must be 1"):
        label_swaps(np.eye(2)[np.newaxis], np.eye(2)[np.newaxis], [1.0, 2.0])


def two_schools(seed=0):
    """Half the crowd looks at one property of the items, half at another that is unrelated."""
    random = np.random.default_rng(seed)
    first, second = random.integers(0, 2, size=(2, 400))
    seen = np.stack([first] * 4 + [second] * 4, axis=1)
    wrong = random.random(seen.shape) < 0.15
    return Annotations.from_matrix(np.where(wrong, 1 - seen, seen))


def test_one_answer_where_the_crowd_is_of_one_mind():
    crowd = simulate_annotations(400, 8, 3, labels_per_item=5, random_state=0).annotations
    found = explore_optima(crowd, n_starts=4, random_state=0)
    assert found.rivals == 0
    assert len(found.kinds) == len(found.swaps) == len(found.gains) == 4
    assert "Of 4 random starts" in str(found)


def test_two_answers_where_the_crowd_has_two_minds():
    found = explore_optima(two_schools(), n_starts=6, random_state=0)
    assert found.rivals > 0
    assert found.changed.max() > 0.3
    assert "different" in found.kinds


def test_swapped_optima_without_a_prior_are_equally_likely():
    crowd = simulate_annotations(300, 6, 3, labels_per_item=6, random_state=1).annotations
    model = DawidSkene(prior_strength=0.01)
    found = explore_optima(crowd, model=model, n_starts=8, random_state=0)
    assert "swapped" in found.kinds
    for kind, gain in zip(found.kinds, found.gains, strict=True):
        if kind == "swapped":
            assert abs(gain) < 1


def test_same_seed_same_answer_and_no_start_no_answer():
    crowd = simulate_annotations(100, 6, 2, labels_per_item=4, random_state=1).annotations
    one, other = (explore_optima(crowd, n_starts=2, random_state=3) for _ in range(2))
    np.testing.assert_array_equal(one.gains, other.gains)
    none = explore_optima(crowd, n_starts=0)
    assert none.kinds == ()
    assert none.rivals == 0
