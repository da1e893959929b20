from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from aggregate.kernels.patterns import copy_patterns, find_patterns
from tests import problems

NO_GOLD = np.empty(0, dtype=np.int32)


def codes(votes):
    return (votes.annotator.astype(np.int64) * votes.n_classes + votes.label).astype(np.uint32)


def find(votes, gold=NO_GOLD, most=200, n_slots=512, step=1):
    slots = np.empty(n_slots, dtype=np.int64)
    first, weight = np.empty(most, dtype=np.int64), np.empty(most)
    n = find_patterns(votes.item_ptr, codes(votes), gold, step, slots, first, weight)
    return n if n < 0 else (first[:n], weight[:n])


def patterns(votes, gold, step=1):
    """Count the items' runs of codes and known classes, in the order in which they come."""
    code, counted = codes(votes).tolist(), Counter()
    for i in range(0, votes.n_items, step):
        run = tuple(code[votes.item_ptr[i] : votes.item_ptr[i + 1]])
        if run or gold[i] >= 0:
            counted[run, int(gold[i])] += 1
    return counted


@pytest.mark.parametrize("step", [1, 3])
@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("n_labels", [60, 150, 400])
def test_are_those_of_a_dictionary(n_labels, known, step):
    votes = problems.ragged(n_labels, n_items=150, n_annotators=3, n_classes=2, n_labels=n_labels)
    gold = np.full(votes.n_items, -1, dtype=np.int32)
    gold[::7] = 1
    first, weight = find(votes, gold if known else NO_GOLD, step=step)
    wanted = patterns(votes, gold if known else np.full(votes.n_items, -1), step)
    assert len(wanted) > 4
    assert weight.tolist() == list(wanted.values())
    code = codes(votes).tolist()
    runs = [tuple(code[votes.item_ptr[i] : votes.item_ptr[i + 1]]) for i in first]
    assert runs == [run for run, _ in wanted]


def test_tells_patterns_apart_that_share_a_slot():
    """With as few slots as patterns, nearly every item meets another's pattern first."""
    votes = problems.ragged(2, n_items=40, n_annotators=6, n_classes=3, n_labels=60)
    wanted = patterns(votes, np.full(40, -1))
    first, weight = find(votes, most=len(wanted), n_slots=64)
    assert len(first) == len(wanted) > 20
    assert weight.tolist() == list(wanted.values())


def test_gives_up_beyond_the_room_there_is():
    votes = problems.ragged(2, n_items=40, n_annotators=6, n_classes=3, n_labels=60)
    n_patterns = len(patterns(votes, np.full(40, -1)))
    assert find(votes, most=n_patterns - 1) == -1
    assert len(find(votes, most=n_patterns)[0]) == n_patterns


def test_copies_runs_of_codes():
    votes = problems.ragged(3, n_items=20)
    first = np.array([4, 1, 7])
    lengths = votes.labels_per_item[first]
    pointers = np.concatenate(([0], np.cumsum(lengths)))
    copied = np.empty(pointers[-1], dtype=np.uint32)
    copy_patterns(votes.item_ptr, codes(votes), first, pointers, copied)
    runs = [codes(votes)[votes.item_ptr[i] : votes.item_ptr[i + 1]] for i in first]
    np.testing.assert_array_equal(copied, np.concatenate(runs))
