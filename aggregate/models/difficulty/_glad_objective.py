"""The log posterior density of GLAD over abilities, log eases and class prior."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggregate._blocks import item_blocks, run_blocks
from aggregate.annotations import Annotations
from aggregate.kernels.glad import glad_gradient
from aggregate.models.difficulty._ascent import LogPrior

Float = NDArray[np.float64]
Counts = NDArray[np.int64]

_NO_GOLD = np.empty(0, dtype=np.int32)


class GladObjective:
    """The objective of a data set, its gradient, and how its coordinates are laid out.

    Parameters
    ----------
    annotations : Annotations
    gold : ndarray of int32, shape (N,), or None
    log_prior : LogPrior
    means, deviations : (float, float)
        Of the normal priors of the ability and of the log ease.
    n_jobs : int or None
    """

    def __init__(
        self,
        annotations: Annotations,
        gold: NDArray[np.int32] | None,
        log_prior: LogPrior,
        *,
        means: tuple[float, float],
        deviations: tuple[float, float],
        n_jobs: int | None,
    ) -> None:
        self.annotations, self.log_prior, self.n_jobs = annotations, log_prior, n_jobs
        self.gold = _NO_GOLD if gold is None else gold
        n_annotators, n_items = annotations.n_annotators, annotations.n_items
        self.bounds = item_blocks(annotations.item_ptr, table_size=n_annotators)
        sizes = (n_annotators, n_items, log_prior.n_free)
        self.ends = np.cumsum(sizes)[:-1]
        self.mean = np.repeat([*means, 0.0], sizes)
        self.precision = np.repeat([*(d**-2.0 for d in deviations), 0.0], sizes)

    def start(self, on_gold: tuple[Counts, Counts] | None = None) -> Float:
        """Return the prior's means, no votes seen yet, or abilities by labels on gold.

        ``on_gold`` counts how many each annotator gave (M,), and how many were right.
        """
        point = self.mean.copy()
        if on_gold is not None:
            given, right = on_gold
            ability = self.split(point)[0]
            ability[given > 0] = np.log((right + 1) / (given - right + 1))[given > 0]
        return point

    def scale(self) -> Float:
        """Return about how well the votes fix each coordinate: more labels, less room."""
        counts = self.annotations.labels_per_annotator, self.annotations.labels_per_item
        rest = np.zeros(self.log_prior.n_free)
        return (1 + np.concatenate([counts[0], 0.2 * counts[1], rest])) ** -0.5

    def split(self, point: Float) -> tuple[Float, Float, Float]:
        """Return abilities, log eases and the class prior's coordinates."""
        ability, log_ease, free = np.split(point, self.ends)
        return ability, log_ease, free

    def objective(self, point: Float) -> tuple[float, Float]:
        """Return the log posterior density and its gradient."""
        ability, log_ease, free = self.split(point)
        log_prior = self.log_prior.log_prior(free)
        votes, to_log_ease = self.annotations, np.empty_like(log_ease)

        def block(first: int, last: int) -> tuple[float, Float, Float]:
            to_ability, mass = np.zeros_like(ability), np.zeros_like(log_prior)
            value = glad_gradient(
                votes.item_ptr, votes.annotator, votes.label, self.gold, log_prior, ability,
                log_ease, first, last, to_ability, to_log_ease, mass,
            )  # fmt: skip
            return value, to_ability, mass

        value, to_ability, mass = 0.0, np.zeros_like(ability), np.zeros_like(log_prior)
        for part in run_blocks(block, self.bounds, self.n_jobs):
            value += part[0]
            to_ability += part[1]
            mass += part[2]
        distance = point - self.mean
        extra, to_free = self.log_prior.add(log_prior, mass)
        value += extra - 0.5 * float((self.precision * distance**2).sum())
        return value, np.concatenate([to_ability, to_log_ease, to_free]) - self.precision * distance
