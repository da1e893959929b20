"""Rows of log odds that come from a crowd's normal distributions, learned with them.

A state's table holds four tables below one another: the means and the variances of every
annotator's log odds, M·R rows each, then the crowd's means and variances, R rows each. Rows have
normal posteriors; the crowd stands at the mode of the bound and its hyper-priors. (The joint mode
of rows and crowd would not do: a variance of zero makes the density of the rows infinite.)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate.annotations import Annotations
from aggregate.kernels.em import FLOOR
from aggregate.kernels.logit_normal import expect_logit_rows, fit_logit_rows
from aggregate.models._em import State
from aggregate.models.bayesian._variational import Variational, geometric
from aggregate.models.structures._logit_moves import Hyper, Rows, move

Float = NDArray[np.float64]

_ROUNDS = 3  # of rows and crowd in turn per pass over the votes
_STEPS, _TOL = 20, 1e-10  # of Newton's method per row; warm starts need two or three
_SMALLEST = 1e-4  # variance of the crowd's log odds


class LogitTables(NamedTuple):
    """Means and variances of the annotators' log odds, then of the crowd's."""

    mean: Float  # (M·R, K)
    variance: Float
    centre: Float  # (R, K)
    spread: Float


class LogitCrowd(Variational):
    """Votes under confusion rows that are softmaxes of normal log odds.

    Parameters
    ----------
    annotations : Annotations
    gold : ndarray of int32, shape (N,), or None
    prior_pseudo : ndarray of shape (K,)
        Parameters of the class prior's Dirichlet distribution.
    expected : ndarray of shape (R, K)
        What the crowd's means are expected to be, with deviation 1.
    deviation : float
        Scale of the Rayleigh prior of the crowd's deviations.
    n_jobs : int or None
    """

    def __init__(
        self,
        annotations: Annotations,
        gold: NDArray[np.int32] | None,
        prior_pseudo: Float,
        expected: Float,
        deviation: float,
        n_jobs: int | None = None,
    ) -> None:
        super().__init__(annotations, gold, prior_pseudo, expected, n_jobs)
        self.expected_centre, self.precision = expected, deviation**-2.0

    def split(self, table: Float) -> LogitTables:
        """Return the four parts of a state's table."""
        n_rows, crowd = (len(table) - 2 * self.n_responses) // 2, -2 * self.n_responses
        return LogitTables(
            table[:n_rows], table[n_rows:crowd], table[crowd : crowd // 2], table[crowd // 2 :]
        )

    def learn(self, mass: Float, counts: Float) -> State:
        """Return the state that expected counts make of the hyper-priors' modes."""
        spread = np.full_like(self.expected_centre, 1 / self.precision)
        times = (len(counts) // self.n_responses, 1)
        parts = LogitTables(
            np.tile(self.expected_centre, times),
            np.tile(spread, times),
            self.expected_centre,
            spread,
        )
        return self._improve(parts, mass, counts)

    def expected(self, state: State) -> tuple[State, float]:
        """Return bounds of exp E log of the parameters, and the divergence less log hyper-prior."""
        prior, divergence = geometric(state.prior[:, np.newaxis], self.prior_pseudo[:, np.newaxis])
        parts = self.split(state.table)
        logs = np.empty_like(parts.mean)
        divergence += expect_logit_rows(
            parts.centre, parts.spread, parts.mean, parts.variance, logs
        )
        distance = parts.centre - self.expected_centre
        hyper = distance**2 + self.precision * parts.spread - np.log(parts.spread)
        divergence += 0.5 * float(hyper.sum())
        return State(prior[:, 0], np.maximum(np.exp(logs), FLOOR)), divergence

    def step(self, state: State) -> tuple[float, State]:
        """Return the lower bound at a state and the state after one round."""
        expected, divergence = self.expected(state)
        counts = self.passes.expect(expected)
        bound = counts.log_likelihood - divergence
        return bound, self._improve(self.split(state.table), counts.mass, counts.table)

    def _improve(self, parts: LogitTables, mass: Float, counts: Float) -> State:
        """Return the state after some rounds from where rows and crowd stand."""
        mean, variance, centre, spread = (np.array(part) for part in parts)
        seen = counts.reshape(-1, *centre.shape).sum(axis=1) > 0
        for _ in range(_ROUNDS):
            fit_logit_rows(counts, centre, spread, _STEPS, _TOL, mean, variance)
            centre, spread = self._crowd(mean, variance, seen, spread)
            self._move(counts, mean, variance, centre, spread)
        fit_logit_rows(counts, centre, spread, _STEPS, _TOL, mean, variance)
        table = np.concatenate([mean, variance, centre, spread])
        return State(mass + self.prior_pseudo, table)

    def _crowd(
        self, mean: Float, variance: Float, seen: NDArray[np.bool_], spread: Float
    ) -> tuple[Float, Float]:
        """Return the crowd's likeliest means, then variances, for rows with labels, ``seen``."""
        blocks = mean.reshape(-1, *spread.shape)
        weight = seen[:, np.newaxis].astype(np.float64)
        n_seen = weight.sum(axis=0)
        centre = (weight * blocks).sum(axis=0) / spread + self.expected_centre
        centre /= n_seen / spread + 1
        scatter = weight * ((blocks - centre) ** 2 + variance.reshape(blocks.shape))
        # The mode solves precision · x² + (n - 1) · x = sum of squares.
        free = n_seen - 1
        root = np.sqrt(free**2 + 4 * self.precision * scatter.sum(axis=0))
        found = np.maximum((root - free) / (2 * self.precision), _SMALLEST)
        return centre, np.where(n_seen > 0, found, spread)

    def _move(
        self, counts: Float, mean: Float, variance: Float, centre: Float, spread: Float
    ) -> None:
        """Shift and stretch crowd and rows together, in place."""
        shape = (-1, *centre.shape)
        said, means, variances = (part.reshape(shape) for part in (counts, mean, variance))
        for k in range(centre.shape[1]):
            rows = Rows(said[:, :, k], means[:, :, k] - centre[:, k], variances[:, :, k])
            hyper = Hyper(self.expected_centre[:, k], self.precision, spread[:, k])
            moved, stretch = move(rows, centre[:, k], hyper)
            stretch = np.maximum(stretch, np.sqrt(np.minimum(_SMALLEST / spread[:, k], 1)))
            centre[:, k] = moved
            spread[:, k] *= stretch**2
            means[:, :, k] = moved + stretch * rows.residual
            variances[:, :, k] *= stretch**2


def mean_rows(mean: Float, variance: Float) -> Float:
    """Return (nearly) the expected softmax of independent normals along the last axis.

    Every difference of two log odds is drawn to zero as the mean of a logistic function asks
    (J. Daunizeau, Semi-analytical approximations to statistical moments of sigmoid and softmax
    mappings of normal variables, arXiv 1703.00091, 2017, section 4): exact without variance, and
    a few hundredths off where the variances are about 1.

    Examples
    --------
    >>> mean_rows(np.array([2.0, 0.0]), np.array([0.0, 0.0])).round(3)
    array([0.881, 0.119])
    >>> mean_rows(np.array([2.0, 0.0]), np.array([4.0, 4.0])).round(3)
    array([0.728, 0.272])
    """
    total = np.zeros_like(mean)
    for y in range(mean.shape[-1]):
        distance = mean[..., [y]] - mean
        distance /= np.sqrt(1 + np.pi / 8 * (variance[..., [y]] + variance))
        total += np.exp(distance)
    chances = 1 / total
    return np.asarray(chances / chances.sum(axis=-1, keepdims=True))
