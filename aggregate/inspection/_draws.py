"""Plausible parameters: draws from the normal distribution of the coordinates (Laplace)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate.inspection._information import Covariance
from aggregate.inspection._likelihood import Estimated

Float = NDArray[np.float64]


class Parameters(NamedTuple):
    """Confusions (M, K, K) and class prior (K,)."""

    confusion: Float
    class_prior: Float


class Laplace:
    """The normal approximation of the posterior distribution of a model's parameters.

    Parameters
    ----------
    estimate : Estimated
    found : Covariance
    """

    def __init__(self, estimate: Estimated, found: Covariance) -> None:
        self.estimate, self.found = estimate, found

    def draw(self, n_draws: int, random: np.random.Generator) -> Iterator[Parameters]:
        """Yield parameters drawn at random."""
        for _ in range(n_draws):
            blocks, prior = self._coordinates(random)
            yield self._parameters(blocks, prior)

    def _coordinates(self, random: np.random.Generator) -> tuple[Float, Float]:
        n_blocks, width, n_prior = self.found.border.shape
        root, own, pull = self._roots
        drawn = random.standard_normal(n_blocks * width + n_prior)
        if self.found.whole is not None:
            drawn = root @ drawn
            return drawn[: n_blocks * width].reshape(n_blocks, width), drawn[n_blocks * width :]
        prior = root @ drawn[n_blocks * width :]
        blocks = np.einsum("bcd,bd->bc", own, drawn[: n_blocks * width].reshape(n_blocks, width))
        return blocks + pull @ prior, prior

    @cached_property
    def _roots(self) -> tuple[Float, Float, Float]:
        """Return roots of the covariance: whole, or of the prior and of the blocks given it."""
        found = self.found
        if found.whole is not None:
            return _root(found.whole), np.empty(0), np.empty(0)
        pull = np.einsum("bcp,pq->bcq", found.border, np.linalg.pinv(found.corner))
        own = found.blocks - np.einsum("bcp,bdp->bcd", pull, found.border)
        return _root(found.corner), _root(own), pull

    def _parameters(self, blocks: Float, prior: Float) -> Parameters:
        estimate = self.estimate
        rows = np.empty_like(estimate.of_block)
        for k, first in enumerate(estimate.offset):
            shift = np.einsum(
                "byc,bc->by",
                estimate.scores[:, :, k],
                blocks[:, first : first + estimate.window],
            )
            rows[:, k] = _tilt(estimate.of_block[:, k], shift)
        class_prior = _tilt(estimate.class_prior, estimate.prior_scores @ prior)
        return Parameters(rows[estimate.unit], class_prior)


def _tilt(probability: Float, shift: Float) -> Float:
    """Return probabilities times the exponential of a shift, summing to one again."""
    tilted = probability * np.exp(shift - shift.max(axis=-1, keepdims=True))
    return np.asarray(tilted / tilted.sum(axis=-1, keepdims=True))


def _root(covariance: Float) -> Float:
    """Return a root of (a stack of) positive semi-definite matrices."""
    if not covariance.size:
        return covariance
    try:
        return np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)
    except np.linalg.LinAlgError:  # singular
        pass
    values, vectors = np.linalg.eigh((covariance + np.swapaxes(covariance, -1, -2)) / 2)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0))[..., np.newaxis, :])
