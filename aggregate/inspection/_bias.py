"""Which classes an annotator says more often than they are true, and how well that is known."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from aggregate.inspection._draws import Laplace
from aggregate.inspection._estimates import Estimates, Uncertainty

Float = NDArray[np.float64]

_EQUAL = 1e-12


def bias_of(confusion: Float, prior: Float, errors: Uncertainty | None, level: float) -> Estimates:
    r"""Return :math:`b_j(y) = \sum_k \pi_k A_j[k, y] - \pi_y` with normal intervals.

    The information knows how confusions and the class prior err together; of other error bars
    the cells are taken one by one, as if they erred independently.
    """
    value = np.einsum("k,jky->jy", prior, confusion) - prior
    if errors is None:
        return Estimates(value, np.full_like(value, np.nan), -np.ones_like(value),
                         np.ones_like(value))  # fmt: skip
    if errors._laplace is not None:
        error = np.sqrt(_variance(errors._laplace))
    else:
        cells = np.square(errors.confusion.standard_error)
        of_prior = np.square(errors.class_prior.standard_error)
        error = np.sqrt(np.einsum("k,jky->jy", prior**2, cells) + of_prior)
    reach = norm.isf((1 - level) / 2) * error
    low, high = np.maximum(value - reach, -1.0), np.minimum(value + reach, 1.0)
    return Estimates(value, error, low, high)


def _variance(laplace: Laplace) -> Float:
    """Return the variance of every bias by the delta method, shape (M, K)."""
    estimate, found = laplace.estimate, laplace.found
    prior, rows = estimate.class_prior, estimate.of_block
    change = np.zeros((estimate.n_blocks, len(prior), estimate.width))
    for k, first in enumerate(estimate.offset):
        part = slice(first, first + estimate.window)
        change[:, :, part] += prior[k] * rows[:, k, :, np.newaxis] * estimate.scores[:, :, k]
    of_classes = prior[:, np.newaxis] * estimate.prior_scores
    of_prior = np.einsum("bky,kp->byp", rows, of_classes) - of_classes
    variance = np.einsum("byc,bcd,byd->by", change, found.blocks, change)
    variance += 2 * np.einsum("byc,bcp,byp->by", change, found.border, of_prior)
    variance += np.einsum("byp,pq,byq->by", of_prior, found.corner, of_prior)
    return np.maximum(variance, 0.0)[estimate.unit]


def over_reported(
    bias: Estimates, classes: NDArray[Any], level: float, telling: NDArray[np.bool_]
) -> NDArray[Any]:
    """Return the class that is said too often beyond doubt, the worst of them, or None."""
    n_annotators, n_classes = bias.value.shape
    found = np.full(n_annotators, None, dtype=object)
    limit = norm.isf((1 - level) / max(n_annotators * n_classes, 1))
    sure = bias.value > limit * bias.standard_error + _EQUAL  # NaN is never sure
    for j in np.flatnonzero(sure.any(axis=1) & telling).tolist():
        found[j] = classes.tolist()[int(np.where(sure[j], bias.value[j], -1).argmax())]
    return found
