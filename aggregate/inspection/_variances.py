"""Variances of confusions, skills, class prior and shares from those of the coordinates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggregate.inspection._information import Covariance
from aggregate.inspection._likelihood import Estimated

Float = NDArray[np.float64]


def confusion_variance(estimate: Estimated, found: Covariance) -> Float:
    """Return the variance of every confusion, shape (B, K, K)."""
    variance = np.empty_like(estimate.of_block)
    for k, first in enumerate(estimate.offset):
        part = slice(first, first + estimate.window)
        change = estimate.of_block[:, k, :, np.newaxis] * estimate.scores[:, :, k]
        variance[:, k] = np.einsum("byc,bcd,byd->by", change, found.blocks[:, part, part], change)
    return np.maximum(variance, 0.0)


def prior_variance(estimate: Estimated, found: Covariance) -> Float:
    """Return the variance of the class prior, shape (K,)."""
    first = estimate.n_blocks * estimate.width
    change = prior_change(estimate)[:, first:]
    return np.maximum(np.einsum("kc,cd,kd->k", change, found.corner, change), 0.0)


def prior_change(estimate: Estimated) -> Float:
    """Return the derivatives of the class prior in all coordinates, shape (K, B·D + P)."""
    own = estimate.class_prior[:, np.newaxis] * estimate.prior_scores
    return np.pad(own, ((0, 0), (estimate.n_blocks * estimate.width, 0)))


def skill_variance(estimate: Estimated, found: Covariance) -> Float:
    """Return the variance of each block's probability of being right, shape (B,)."""
    prior, rows = estimate.class_prior, estimate.of_block
    change = np.zeros((estimate.n_blocks, estimate.width))
    right = np.einsum("bkk->bk", rows)
    for k, first in enumerate(estimate.offset):
        score = estimate.scores[:, k, k]
        change[:, first : first + estimate.window] += prior[k] * right[:, [k]] * score
    of_prior = (right * prior) @ estimate.prior_scores
    variance = np.einsum("bc,bcd,bd->b", change, found.blocks, change)
    variance += 2 * np.einsum("bc,bcp,bp->b", change, found.border, of_prior)
    variance += np.einsum("bp,pq,bq->b", of_prior, found.corner, of_prior)
    return np.maximum(variance, 0.0)


def prevalence(estimate: Estimated, found: Covariance) -> tuple[Float, Float, Float]:
    """Return the share of each class among the items, and its two variances, shape (K,).

    The truth varies given the parameters, and the posteriors vary with the parameters.
    """
    soft = estimate.posterior
    n_items = max(len(soft), 1)
    own = (soft * (1 - soft)).sum(axis=0) / n_items**2
    slope = found.slope
    if found.whole is not None:
        shared = np.einsum("kc,cd,kd->k", slope, found.whole, slope)
    else:
        n_blocks, width = estimate.n_blocks, estimate.width
        inner = slope[:, : n_blocks * width].reshape(-1, n_blocks, width)
        outer = slope[:, n_blocks * width :]
        shared = np.einsum("kbc,bcd,kbd->k", inner, found.blocks, inner)
        shared += 2 * np.einsum("kbc,bcp,kp->k", inner, found.border, outer)
        shared += np.einsum("kp,pq,kq->k", outer, found.corner, outer)
    return soft.sum(axis=0) / n_items, own, np.maximum(shared, 0.0)
