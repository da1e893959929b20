from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from aggregate.kernels.agreement import (
    group_keys,
    item_keys,
    pattern_runs,
    ratio_pairs,
    weighted_pairs,
)
from tests import problems


def label_lists(votes):
    ends = votes.item_ptr
    return [votes.label[a:b].tolist() for a, b in pairwise(ends)]


def found_patterns(votes):
    """Run the three kernels one after the other."""
    salt = np.random.default_rng(0).integers(1, 1 << 40, size=(votes.n_classes, 2))
    keys = np.empty((votes.n_items, 2), dtype=np.int64)
    item_keys(votes.item_ptr, votes.label, salt, 0, votes.n_items, keys)
    slots = np.full(64, -1, dtype=np.int32)
    example = np.empty(votes.n_items, dtype=np.int64)
    frequency = np.empty(votes.n_items, dtype=np.int64)
    found = group_keys(keys, slots, example, frequency)
    pointers = np.empty(found + 1, dtype=np.int64)
    classes, counts = np.empty(len(votes.label), dtype=np.int32), np.empty(len(votes.label))
    used = pattern_runs(votes.item_ptr, votes.label, example[:found], pointers, classes, counts)
    assert used == pointers[-1]
    return pointers, classes[:used], counts[:used], frequency[:found]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_classes", [1, 2, 3])
def test_patterns_are_the_different_counts(seed, n_classes):
    votes = problems.ragged(seed, n_items=30, n_classes=n_classes)
    wanted = Counter(tuple(sorted(labels)) for labels in label_lists(votes) if labels)
    pointers, classes, counts, frequency = found_patterns(votes)
    got = {}
    for u, often in enumerate(frequency.tolist()):
        part = slice(pointers[u], pointers[u + 1])
        got[tuple(np.repeat(classes[part], counts[part].astype(int)).tolist())] = often
    assert got == dict(wanted)


def test_keys_fill_their_own_block_alone():
    votes = problems.ragged(2)
    keys = np.full((votes.n_items, 2), -1, dtype=np.int64)
    item_keys(votes.item_ptr, votes.label, np.ones((3, 2), dtype=np.int64), 3, 5, keys)
    assert (keys[:3] == -1).all()
    assert (keys[5:] == -1).all()
    np.testing.assert_array_equal(keys[3:5, 0], votes.labels_per_item[3:5])


def test_keys_that_share_a_slot_are_told_apart():
    keys = np.array([[8, 1], [16, 1], [8, 2], [0, 0], [16, 1], [8, 1]], dtype=np.int64)
    slots = np.full(8, -1, dtype=np.int32)
    example, frequency = np.empty(6, dtype=np.int64), np.empty(6, dtype=np.int64)
    assert group_keys(keys, slots, example, frequency) == 3
    assert example[:3].tolist() == [0, 1, 2]
    assert frequency[:3].tolist() == [2, 2, 1]


def test_pairs_within_a_pattern():
    votes = problems.ragged(4, n_items=9)
    pointers, classes, counts, frequency = found_patterns(votes)
    table = np.random.default_rng(0).random((3, 3))
    values = np.array([0.0, 1.5, 4.0])
    weighted, ratios = np.empty(len(frequency)), np.empty(len(frequency))
    weighted_pairs(pointers, classes, counts, table, weighted)
    ratio_pairs(pointers, classes, counts, values, ratios)
    for u in range(len(frequency)):
        part = slice(pointers[u], pointers[u + 1])
        labels = np.repeat(classes[part], counts[part].astype(int)).tolist()
        assert weighted[u] == pytest.approx(sum(table[a, b] for a in labels for b in labels))
        wanted = sum(
            ((values[a] - values[b]) / (values[a] + values[b])) ** 2
            for a in labels
            for b in labels
            if a != b
        )
        assert ratios[u] == pytest.approx(wanted)
