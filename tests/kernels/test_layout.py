from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aggregate.kernels.layout import annotator_label_codes, item_of_annotation, stable_order
from tests.strategies import calm


@calm
@given(st.lists(st.integers(0, 5), max_size=40), st.randoms(use_true_random=False))
def test_stable_order_is_a_stable_sort(keys, random):
    keys = np.asarray(keys, dtype=np.int32)
    order = np.arange(len(keys))
    random.shuffle(order)
    pointers, out = np.full(7, -9, dtype=np.int64), np.full(len(keys), -9, dtype=np.int64)
    stable_order(keys, order, pointers, out)
    assert out.tolist() == sorted(order.tolist(), key=lambda e: keys[e])
    assert pointers.tolist() == [int((keys < k).sum()) for k in range(7)]


def test_annotator_label_codes_number_the_rows_of_a_table():
    code = np.empty(3, dtype=np.int64)
    annotator = np.array([0, 2, 1_500_000_000], dtype=np.int32)
    annotator_label_codes(annotator, np.array([1, 0, 2], dtype=np.int32), 3, code)
    assert code.tolist() == [1, 6, 4_500_000_002]


@calm
@given(st.lists(st.integers(0, 4), max_size=12))
def test_item_of_annotation_inverts_the_pointers(counts):
    pointers = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    item = np.empty(pointers[-1], dtype=np.int32)
    item_of_annotation(pointers, item)
    assert item.tolist() == [i for i, count in enumerate(counts) for _ in range(count)]
