"""Features on one scale inside, weights in the user's units outside."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import diags_array, issparse

Float = NDArray[np.float64]


class Scaling(NamedTuple):
    """What is taken from each feature, and what it is divided by; arrays of shape (D,)."""

    centre: Float
    spread: Float

    def apply(self, X: Any) -> Any:
        """Return the scaled features; the zeros of a sparse table stay zeros."""
        if issparse(X):
            return (X @ diags_array(1 / self.spread)).tocsr()
        return (X - self.centre) / self.spread

    def in_original_units(self, weights: Float, intercepts: Float) -> tuple[Float, Float]:
        """Return weights (D x units) and intercepts that do the same to features as they came."""
        plain = weights / self.spread[:, np.newaxis]
        return plain, intercepts - self.centre @ plain


def find_scaling(X: Any, weight: Float, wanted: bool) -> Scaling:
    """Return means and standard deviations of the features over weighted rows.

    Sparse features are not centred, which the intercepts make up for; constant ones keep their
    unit.
    """
    n_features = X.shape[1]
    centre, spread = np.zeros(n_features), np.ones(n_features)
    if not wanted:
        return Scaling(centre, spread)
    share = weight / weight.sum()
    # The size of a feature is taken out before squaring: no square can overflow or vanish.
    if issparse(X):
        unit = np.asarray(abs(X).max(axis=0).todense()).ravel()
        unit[unit == 0] = 1.0
        plain = X @ diags_array(1 / unit)
        mean = np.asarray(share @ plain).ravel()
        variance = np.asarray(share @ plain.multiply(plain)).ravel() - mean**2
        noise = 1e-12 * mean**2
    else:
        centre = share @ X
        unit = np.abs(X - centre).max(axis=0, initial=0.0)
        unit[unit == 0] = 1.0
        variance = share @ ((X - centre) / unit) ** 2
        noise = (1e-14 * centre / unit) ** 2
    told = variance > noise
    spread[told] = unit[told] * np.sqrt(variance[told])
    return Scaling(centre, spread)
