"""The four encodings of votes as targets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregate import Annotations
from aggregate.learning import encode_targets

COUNTS = np.array([[5, 4, 1], [8, 1, 1], [0, 0, 0], [3, 3, 4], [2, 2, 0]])


def test_soft_is_the_share_of_the_votes():
    expected = COUNTS / np.maximum(COUNTS.sum(axis=1, keepdims=True), 1)
    np.testing.assert_allclose(encode_targets(COUNTS), expected)


def test_majority_and_its_ties():
    # The last item's votes are even; the first class has more votes over all.
    expected = np.eye(3)[[0, 0, 0, 2, 0]]
    expected[2] = 0
    np.testing.assert_array_equal(encode_targets(COUNTS, "majority"), expected)


def test_threshold_names_every_right_answer():
    expected = [[1, 1, 0], [1, 0, 0], [0, 0, 0], [1, 1, 1], [1, 1, 0]]
    np.testing.assert_array_equal(encode_targets(COUNTS, "threshold"), expected)
    high = [[0, 0, 0], [1, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]]
    np.testing.assert_array_equal(encode_targets(COUNTS, "threshold", threshold=0.6), high)


def test_three_of_ten_reach_the_threshold_exactly():
    for total in range(2, 60):
        for count in range(1, total):
            if 10 * count == 3 * total:
                assert encode_targets([[count, total - count]], "threshold")[0, 0] == 1


def test_sampled_draws_anew_from_a_generator():
    random = np.random.default_rng(0)
    epochs = [encode_targets(COUNTS, "sampled", random_state=random) for _ in range(4000)]
    for targets in epochs[:20]:
        assert (targets.sum(axis=1) == [1, 1, 0, 1, 1]).all()
    soft = encode_targets(COUNTS)
    error = np.sqrt(soft * (1 - soft) / len(epochs))
    assert (abs(np.mean(epochs, axis=0) - soft) <= 4.5 * error + 1e-12).all()
    once = encode_targets(COUNTS, "sampled", random_state=5)
    np.testing.assert_array_equal(once, encode_targets(COUNTS, "sampled", random_state=5))


def test_lone_votes_are_left_out_first():
    np.testing.assert_allclose(encode_targets([[5, 4, 1]], min_votes=2), [[5 / 9, 4 / 9, 0]])
    assert not encode_targets([[1, 1, 1]], min_votes=2).any()


def test_items_that_keep_too_few_votes_lose_their_target():
    assert encode_targets([[5, 4, 1]], "majority", min_share=0.5).sum() == 0
    assert encode_targets([[6, 4, 0]], "majority", min_share=0.5).sum() == 1
    assert encode_targets([[3, 2, 2, 2]], "threshold", min_share=0.5).sum() == 0
    assert encode_targets([[3, 3, 2, 2]], "threshold", min_share=0.5).sum() == 2


def test_annotations_are_counted():
    votes = Annotations.from_matrix([[0, 1, 1], [1, -1, -1]])
    np.testing.assert_allclose(encode_targets(votes), [[1 / 3, 2 / 3], [0, 1]])


def test_temperature_and_smoothing():
    np.testing.assert_allclose(
        encode_targets([[0.8, 0.2]], temperature=2, label_smoothing=0.5),
        [[0.25 + 0.5 * 2 / 3, 0.25 + 0.5 / 3]],
    )
    assert encode_targets([[0.0, 0.0]], label_smoothing=0.5).sum() == 0
    np.testing.assert_allclose(
        encode_targets([[3, 1]], "majority", label_smoothing=0.2), [[0.9, 0.1]]
    )


@given(
    st.integers(0, 999),
    st.sampled_from(["majority", "sampled", "soft"]),
    st.floats(0, 1),
    st.floats(0.2, 5),
)
def test_rows_are_distributions(seed, how, smoothing, temperature):
    counts = np.random.default_rng(seed).poisson(2, size=(12, 4))
    targets = encode_targets(counts, how, label_smoothing=smoothing, temperature=temperature)
    np.testing.assert_allclose(targets.sum(axis=1), counts.any(axis=1))
    assert (targets >= 0).all()


def test_input_is_not_changed():
    counts = COUNTS.astype(float)
    encode_targets(counts, "threshold", min_votes=2)
    np.testing.assert_array_equal(counts, COUNTS)


@pytest.mark.parametrize(
    ("votes", "given", "message"),
    [
        ([1, 2], {}, "a row per item"),
        ([[1, -1]], {}, "rows 0.*from_matrix"),
        ([[1, np.nan]], {}, "rows 0"),
        (COUNTS, {"how": "median"}, "'majority', 'threshold', 'sampled', 'soft'"),
        (COUNTS, {"threshold": 0}, "threshold"),
        (COUNTS, {"min_share": 2}, "min_share"),
        (COUNTS, {"temperature": 0}, "temperature"),
    ],
)
def test_refusals(votes, given, message):
    with pytest.raises(ValueError, match=message):
        encode_targets(votes, **given)
