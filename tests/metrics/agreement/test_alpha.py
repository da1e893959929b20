from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aggregate import Annotations
from aggregate.metrics import krippendorff_alpha
from aggregate.metrics.agreement._patterns import find_patterns, read_votes
from aggregate.metrics.agreement._ratio import ratio_distances
from aggregate.metrics.agreement.alpha import Alpha
from tests import problems
from tests.metrics.agreement import naive_agreement as naive
from tests.strategies import calm

SCALES = ("nominal", "ordinal", "interval", "ratio")

GAP = np.nan
# Krippendorff, Computing Krippendorff's alpha-reliability, 2011, example C: 4 observers, 12 units.
OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, GAP, GAP, GAP],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, GAP, 3],
        [GAP, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, GAP],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, GAP],
    ]
)


def labels_of(votes):
    """Return the labels of each item, as numbers."""
    values = votes.classes[votes.label].astype(float).tolist()
    ends = votes.item_ptr.tolist()
    return [values[a:b] for a, b in pairwise(ends)]


@pytest.mark.parametrize(
    ("scale", "published"),
    [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)],
)
def test_krippendorffs_example(scale, published):
    found = krippendorff_alpha(OBSERVERS.T, scale=scale)
    assert round(found.value, 3) == published
    assert (found.n_items, found.n_labels) == (11, 40)


def test_krippendorffs_two_observers():
    # The same paper, examples A and B: binary .095, nominal .692.
    binary = [[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]]
    words = ["aabbdcccedda", "babbbccceddd"]
    assert krippendorff_alpha(np.array(binary).T).value == pytest.approx(0.095, abs=5e-4)
    found = krippendorff_alpha(np.array([list(word) for word in words]).T)
    assert found.value == pytest.approx(0.692, abs=5e-4)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("seed", range(4))
def test_matches_the_sums_over_all_pairs(scale, seed):
    votes = problems.ragged(seed, n_items=15, n_classes=5, n_labels=45)
    wanted = naive.alpha(labels_of(votes), scale)
    assert krippendorff_alpha(votes, scale=scale).value == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("scale", SCALES)
def test_the_derivative_is_that_of_finite_differences(scale):
    patterns = find_patterns(problems.ragged(7, n_items=30, n_classes=4, n_labels=80))
    alpha, frequency = Alpha(patterns, scale), patterns.frequency.astype(float)
    slope = alpha.influence(frequency)
    for u in range(len(frequency)):
        step = np.zeros(len(frequency))
        step[u] = 1e-5
        rise = alpha.measure(frequency + step).value - alpha.measure(frequency - step).value
        assert slope[u] == pytest.approx(rise / 2e-5, abs=1e-7)


@calm
@given(
    st.lists(st.lists(st.integers(0, 4), max_size=5), min_size=2, max_size=7),
    st.sampled_from(SCALES),
)
def test_any_votes(items, scale):
    paired = [label for item in items if len(item) >= 2 for label in item]
    assume(len(set(paired)) > 1)
    columns = [(i, j, label) for i, item in enumerate(items) for j, label in enumerate(item)]
    found = krippendorff_alpha(Annotations.from_columns(*zip(*columns, strict=True)), scale=scale)
    assert found.value == pytest.approx(naive.alpha(items, scale), abs=1e-10)
    assert found.low <= found.value <= found.high
    assert np.isfinite([found.value, found.standard_error, found.low, found.high]).all()


def test_repeats_and_annotators_names_do_not_matter():
    votes = problems.ragged(1, n_labels=60)
    turned = Annotations.from_columns(votes.item, 9 - votes.annotator, votes.label)
    one, other = krippendorff_alpha(votes), krippendorff_alpha(turned)
    assert one.value == pytest.approx(other.value, rel=1e-13)
    assert one.standard_error == pytest.approx(other.standard_error, rel=1e-13)


def test_many_measurements_take_the_short_way():
    random = np.random.default_rng(0)
    truth = random.gamma(2.0, 10.0, size=(300, 1))
    table = truth + random.normal(size=(300, 3))
    items = table.tolist()
    assert krippendorff_alpha(table, scale="interval").value == pytest.approx(
        naive.alpha(items, "interval"), rel=1e-10
    )
    table = abs(table)
    assert krippendorff_alpha(table, scale="ratio").value == pytest.approx(
        naive.alpha(table.tolist(), "ratio"), rel=1e-10
    )


def test_a_far_mean_costs_no_digits():
    table = OBSERVERS.T
    near, far = (krippendorff_alpha(table + shift, scale="interval") for shift in (0, 1e9))
    assert near.value == pytest.approx(far.value, rel=1e-9)


@pytest.mark.parametrize("spread", [1e-3, 1.0, 30.0])
def test_ratio_distances_by_frequencies(spread):
    random = np.random.default_rng(1)
    values = np.exp(spread * random.normal(size=700))
    values[0] = 0.0
    count = random.integers(1, 9, size=700).astype(float)
    total = values[:, np.newaxis] + values
    share = np.divide(values[:, np.newaxis] - values, total, out=0 * total, where=total > 0)
    wanted = share**2 @ count
    np.testing.assert_allclose(ratio_distances(values, count), wanted, atol=1e-11 * count.sum())


def test_minus_one_is_a_number_on_an_interval_and_a_gap_among_names():
    table = np.array([[-1, -1], [0, 1], [2, 2]])
    assert krippendorff_alpha(table, scale="interval").n_items == 3
    assert krippendorff_alpha(table).n_items == 2


@pytest.mark.parametrize("scale", ["interval", "ratio"])
def test_names_are_no_numbers(scale):
    with pytest.raises(ValueError, match=f"on the {scale} scale labels must be numbers; .* 'a'"):
        krippendorff_alpha([["a", "b"], ["a", "a"]], scale=scale)


def test_a_ratio_scale_has_no_negative_numbers():
    with pytest.raises(ValueError, match=r"no negative labels; got -2.0. Use scale='interval'"):
        krippendorff_alpha([[-2, 3], [1, 1]], scale="ratio")


def test_nothing_to_compare():
    with pytest.raises(ValueError, match="none of the 2 items has them"):
        krippendorff_alpha([[1, None], [None, 2]])
    with pytest.raises(ValueError, match="Annotations or a table"):
        read_votes([1, 2, 3])


def test_a_scale_that_is_none():
    with pytest.raises(ValueError, match="scale must be one of 'nominal'"):
        krippendorff_alpha([[1, 1]], scale="metric")
