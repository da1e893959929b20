from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregate.kernels.hashing import BASE, PRIME, hash_text


def slow_hash(text):
    """Return the bytes as the digits of a number, after a leading one, modulo the prime."""
    value = 1
    for byte in text.encode():
        value = value * BASE + byte + 1
    return value % PRIME


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.text(max_size=20), max_size=8))
def test_each_text_has_the_hash_of_its_bytes(texts):
    data = np.frombuffer("".join(texts).encode(), dtype=np.uint8)
    offsets = np.cumsum([0] + [len(text.encode()) for text in texts])
    hashes = np.empty(len(texts), dtype=np.int64)
    hash_text(offsets, data, hashes)
    assert hashes.tolist() == [slow_hash(text) for text in texts]
