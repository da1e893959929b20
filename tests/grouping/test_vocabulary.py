"""Values in chunks get the codes that a dictionary would give them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregate.grouping.vocabulary import Vocabulary
from aggregate.io.text import column_from_arrow
from tests.strategies import calm

VALUES = {
    "numbers": (pa.int32(), st.integers(-5, 30)),
    "large": (pa.uint64(), st.integers(2**63 - 2, 2**63 + 9)),
    "text": (pa.string(), st.text("abc", max_size=2)),
    "fractions": (pa.float64(), st.sampled_from([0.5, -1.0, 2.25])),
    "truth": (pa.bool_(), st.booleans()),
}


@pytest.mark.parametrize("kind", VALUES)
@calm
@given(data=st.data())
def test_as_a_dictionary(kind, data):
    arrow, value = VALUES[kind]
    vocabulary, place = Vocabulary(), {}
    for chunk in data.draw(st.lists(st.lists(st.none() | value, max_size=12), max_size=5)):
        expected = [-1 if one is None else place.setdefault(one, len(place)) for one in chunk]
        found = vocabulary.codes(column_from_arrow(pa.array(chunk, arrow)))
        assert found.dtype == np.int32
        assert found.tolist() == expected
    assert vocabulary.values().to_pylist() == list(place)
    assert len(vocabulary) == len(place)


def test_numbers_of_several_widths():
    vocabulary = Vocabulary()
    for values, kind in (([3, 1], pa.int8()), ([1, 2**40], pa.int64()), ([9], pa.int16())):
        vocabulary.codes(column_from_arrow(pa.array(values, kind)))
    assert vocabulary.values().to_pylist() == [3, 1, 2**40, 9]
    assert vocabulary.values().type == pa.int64()
