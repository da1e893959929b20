from __future__ import annotations

import numpy as np
import pytest

from aggregate.kernels.triplets import trimmed_means, triplets_of
from aggregate.models.voting._agreement import agreement_table
from tests import problems
from tests.models.spectral import oracle


def pairs_of(seed):
    votes = problems.planted(seed, n_items=40, n_annotators=9, per_item=4).votes
    return agreement_table(votes)


def test_triplets_are_all_triangles():
    pairs = pairs_of(0)
    dense, shared = pairs.matrix(pairs.value).toarray(), pairs.matrix(pairs.shared).toarray()
    for j in range(9):
        entries = np.arange(pairs.pointers[j], pairs.pointers[j + 1])
        room = np.full((2, 100), np.nan)
        n = triplets_of(*pairs[:4], entries, room[0], room[1])
        np.testing.assert_allclose(room[0, :n], oracle.squares(dense, shared > 0, j))
        assert (room[1, :n] > 0).all()


@pytest.mark.parametrize("weighted", [False, True])
def test_trimmed_means(weighted):
    pairs = pairs_of(1)
    random = np.random.default_rng(1)
    other, current = random.uniform(0.3, 0.9, size=(2, 9))
    n_trim = random.integers(0, 5, size=9)
    weight = pairs.shared if weighted else np.empty(0)
    out, room = np.empty(9), np.empty((2, 9))
    trimmed_means(*pairs[:2], weight, pairs.value, other, current, n_trim, *room, out)
    for j in range(9):
        rows = slice(pairs.pointers[j], pairs.pointers[j + 1])
        ratios = pairs.value[rows] / other[pairs.partner[rows]]
        own = (
            pairs.shared[rows] * other[pairs.partner[rows]] ** 2
            if weighted
            else np.ones(len(ratios))
        )
        assert out[j] == pytest.approx(oracle.trimmed_mean(ratios, own, current[j], n_trim[j]))


def test_without_a_partner_the_value_stays():
    none = np.empty(0)
    out = np.empty(2)
    trimmed_means(
        np.zeros(3, dtype=np.int64), np.empty(0, dtype=np.int32), none, none, np.ones(2),
        np.array([0.3, 0.4]), np.zeros(2, dtype=np.int64), none, none, out,
    )  # fmt: skip
    np.testing.assert_array_equal(out, [0.3, 0.4])
