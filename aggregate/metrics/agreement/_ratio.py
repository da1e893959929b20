r"""How far all labels differ on a ratio scale, without comparing each with each.

Two positive numbers :math:`e^x` and :math:`e^z` differ by

.. math:: \Bigl(\frac{e^x - e^z}{e^x + e^z}\Bigr)^2 = 1 - \operatorname{sech}^2 \frac{x - z}{2},

and the Fourier transform of the last term, :math:`4 \pi \omega / \sinh \pi \omega`, falls so fast
that some hundred frequencies give every sum over pairs to the last digits: the sum over z of
the term, for all x at once, is a product of two sums over the values.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

_FEW = 512  # values whose table of differences is small
_LAST = 13.5  # the transform beyond is below the rounding of its value at zero
_MARGIN = 40.0  # sech² beyond is below rounding
_AT_ONCE = 1 << 14  # values, which fit into the cache


def ratio_distances(values: Float, count: Float) -> Float:
    """Return the sum over z of ``count[z]`` times the squared difference, for every value.

    Parameters
    ----------
    values : ndarray of shape (K,)
        Non-negative, different.
    count : ndarray of shape (K,)

    Returns
    -------
    ndarray of shape (K,)

    Examples
    --------
    >>> ratio_distances(np.array([0.0, 1.0, 3.0]), np.array([1.0, 1.0, 2.0]))
    array([3.  , 1.5 , 1.25])
    """
    if len(values) <= _FEW:
        total = values[:, np.newaxis] + values
        share = np.divide(values[:, np.newaxis] - values, total, out=0 * total, where=total > 0)
        return np.asarray(np.square(share) @ count)
    positive = values > 0
    distances = np.full(len(values), count[positive].sum())  # from zero, all that is not zero
    distances[positive] = count.sum() - _alike(np.log(values[positive]), count[positive])
    return distances


def _alike(logs: Float, count: Float) -> Float:
    """Return the sum over z of ``count[z]`` sech²((x - z) / 2), for every x among the logs."""
    logs = logs - (logs.max() + logs.min()) / 2
    step = 2 * np.pi / (2 * abs(logs).max() + _MARGIN)
    frequency = step * np.arange(int(_LAST / step) + 1)
    transform = np.full(len(frequency), 4.0)
    transform[1:] = 4 * np.pi * frequency[1:] / np.sinh(np.pi * frequency[1:])
    weight = transform * step / np.pi
    weight[0] /= 2  # the others stand for their negatives, too
    parts = [slice(first, first + _AT_ONCE) for first in range(0, len(logs), _AT_ONCE)]
    turn = np.exp(1j * step * logs)
    waves = np.zeros(len(frequency), dtype=np.complex128)
    for part in parts:
        phase = count[part].astype(np.complex128)
        for f in range(len(frequency)):
            waves[f] += phase.sum()
            phase *= turn[part]
    waves = weight * waves.conj()
    sums = np.zeros(len(logs))
    for part in parts:
        phase = np.ones(len(turn[part]), dtype=np.complex128)
        for wave in waves:
            sums[part] += (wave * phase).real
            phase *= turn[part]
    return sums
