"""Hash text, so that equal identifiers meet in one place wherever they are read."""

from __future__ import annotations

import numpy as np

from aggregate._jit import kernel

PRIME = 2_147_483_647  # 2^31 - 1: a product with the base stays below 2^52
BASE = 1_000_003


@kernel
def hash_text(offsets, data, hashes):
    """Fill ``hashes[i]`` with a number below 2^31 - 1 that depends on text ``i`` alone.

    The bytes are the digits of a number to `BASE`, taken modulo `PRIME`.

    Parameters
    ----------
    offsets : ndarray of int64, shape (n + 1,)
        Text ``i`` stands in ``data[offsets[i]:offsets[i + 1]]``.
    data : ndarray of uint8
    hashes : ndarray of int64, shape (n,)
    """
    for i in range(hashes.shape[0]):
        value = 1
        for position in range(offsets[i], offsets[i + 1]):
            value = (value * BASE + np.int64(data[position]) + 1) % PRIME
        hashes[i] = value
