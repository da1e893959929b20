"""Rows to partitions and items, against what plain Python makes of the same rows."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregate.kernels.grouping import (
    number_parts,
    rows_by_item,
    settle_items,
    stable_places,
    text_parts,
)
from tests.strategies import calm

NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.integers(-5, 5)


@calm
@given(st.lists(NUMBERS, max_size=20), st.lists(NUMBERS, max_size=6, unique=True))
def test_number_parts(keys, splitters):
    splitters.sort()
    part = np.empty(len(keys), dtype=np.int32)
    number_parts(np.array(keys, dtype=np.int64), np.array(splitters, dtype=np.int64), part)
    assert part.tolist() == [bisect_right(splitters, key) for key in keys]


def buffers(texts):
    encoded = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, encoded)]).astype(np.int64)
    return offsets, np.frombuffer(b"".join(encoded), dtype=np.uint8)


TEXTS = st.text("ab\u00e9\u20ac\U0001f600", max_size=4)


@calm
@given(st.lists(TEXTS, max_size=20), st.lists(TEXTS, max_size=6, unique=True))
def test_text_parts(texts, splitters):
    splitters.sort()
    part = np.empty(len(texts), dtype=np.int32)
    text_parts(*buffers(texts), *buffers(splitters), part)
    assert part.tolist() == [bisect_right(splitters, text) for text in texts]


@calm
@given(st.lists(st.integers(0, 4), max_size=30))
def test_stable_places(part):
    starts, order = np.empty(6, dtype=np.int64), np.empty(len(part), dtype=np.int32)
    stable_places(np.array(part, dtype=np.int32), starts, order)
    assert order.tolist() == sorted(range(len(part)), key=lambda row: part[row])
    assert starts.tolist() == [sum(one < p for one in part) for p in range(6)]


def settled(rows, policy):
    """Group rows (item, annotator, label or -1) one by one: labels kept by item, repeats."""
    kept, repeats = {}, []
    for item in sorted({row[0] for row in rows}):
        mine = [(who, said) for place, who, said in rows if place == item and said >= 0]
        mine.sort(key=lambda row: row if policy == 0 else row[0])
        answers = []
        for who, said in mine:
            if answers and answers[-1][0] == who:
                repeats.append((item, who))
                if policy == 1:
                    continue
                if policy == 2:
                    answers.pop()
            answers.append((who, said))
        kept[item] = answers
    return kept, repeats


@calm
@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(-1, 2)), max_size=60),
    policy=st.sampled_from([0, 1, 2]),
    ranks=st.permutations(range(5)),
    labels=st.permutations(range(3)),
)
def test_rows_to_items(rows, policy, ranks, labels):
    check(rows, policy, ranks, labels)


@pytest.mark.parametrize("policy", [0, 1, 2])
def test_an_item_of_many_labels(policy):
    random = np.random.default_rng(policy)
    rows = [(1, int(who), int(said)) for who, said in random.integers((0, -1), (5, 3), (500, 2))]
    check([(0, 0, 1), *rows], policy, [3, 1, 4, 0, 2], [2, 0, 1])


def check(rows, policy, ranks, labels):
    columns = np.array(rows, dtype=np.int32).reshape(-1, 3).T
    item, who, said = (np.ascontiguousarray(column) for column in columns)
    starts, code = np.empty(5, dtype=np.int64), np.empty(len(rows), dtype=np.int64)
    rank, new_label = np.array(ranks, dtype=np.int32), np.array(labels, dtype=np.int32)
    rows_by_item(item, who, said, rank, new_label, 3, starts, code)
    assert starts.tolist() == [sum(row[0] < i for row in rows) for i in range(5)]
    n_labels, repeated = np.empty(4, dtype=np.int64), np.empty((3, 2), dtype=np.int64)
    annotator, label = (np.empty(len(rows), dtype=np.int32) for _ in range(2))
    n_kept, n_repeats = settle_items(starts, code, 3, policy, n_labels, annotator, label, repeated)
    renamed = [(i, ranks[j], labels[y] if y >= 0 else -1) for i, j, y in rows]
    kept, repeats = settled(renamed, policy)
    assert n_labels.tolist() == [len(kept.get(i, ())) for i in range(4)]
    found = list(zip(annotator[:n_kept].tolist(), label[:n_kept].tolist(), strict=True))
    assert found == [answer for i in sorted(kept) for answer in kept[i]]
    assert n_repeats == len(repeats)
    assert repeated[:n_repeats].tolist() == [list(pair) for pair in repeats[:3]]
