"""Moves of a whole crowd of log odds: shift and stretch all annotators' rows together.

Rows with few labels lie where the crowd lies; updated in turn, they and the crowd follow each
other in small steps. Here the rows keep their place relative to the crowd (x = centre + stretch ·
residual), so that the labels pull at the crowd itself; the divergence of rows from crowd does
not change, and the rest is concave (O. Papaspiliopoulos, G. O. Roberts and M. Skold, A general
framework for the parametrization of hierarchical models, Statistical Science 22(1):59-73, 2007).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

_HALVINGS = 30


class Rows(NamedTuple):
    """Counts, residuals and variances of the rows of one true class, each of shape (M, R)."""

    counts: Float
    residual: Float
    variance: Float


class Hyper(NamedTuple):
    """Where the crowd is expected, and the precision of its variances; its variances now."""

    expected: Float  # (R,)
    precision: float
    spread: Float  # (R,)


def move(rows: Rows, centre: Float, hyper: Hyper) -> tuple[Float, Float]:
    """Return the centre and the stretch, shape (R,), after a Newton step that does not descend."""
    stretch = np.ones_like(centre)
    value = _value(rows, centre, stretch, hyper)
    gradient, curvature = _slopes(rows, centre, hyper)
    step = np.linalg.solve(curvature, gradient)
    shift, growth = np.split(step, 2)
    rise, length = float(gradient @ step), 1.0
    if growth.min() < 0:
        length = min(length, -0.9 / float(growth.min()))
    for _ in range(_HALVINGS):
        candidate = centre + length * shift, stretch + length * growth
        if _value(rows, *candidate, hyper) >= value + 1e-4 * length * rise:
            return candidate
        length /= 2
    return centre, stretch


def _logits(rows: Rows, centre: Float, stretch: Float) -> Float:
    return np.asarray(centre + stretch * rows.residual + stretch**2 * rows.variance / 2)


def _value(rows: Rows, centre: Float, stretch: Float, hyper: Hyper) -> float:
    """Return the expected log likelihood and the log hyper-prior, up to a constant."""
    log_sum = np.logaddexp.reduce(_logits(rows, centre, stretch), axis=1)
    means = centre + stretch * rows.residual
    value = (rows.counts * (means - log_sum[:, np.newaxis])).sum()
    value -= 0.5 * ((centre - hyper.expected) ** 2).sum()
    value -= 0.5 * hyper.precision * (hyper.spread * stretch**2).sum() - np.log(stretch).sum()
    return float(value)


def _slopes(rows: Rows, centre: Float, hyper: Hyper) -> tuple[Float, Float]:
    """Return the gradient and minus the Hessian by centre and stretch, at a stretch of one."""
    logits = _logits(rows, centre, np.ones_like(centre))
    share = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
    n_labels = rows.counts.sum(axis=1, keepdims=True)
    weight, pull = n_labels * share, rows.residual + rows.variance
    drawn = hyper.precision * hyper.spread
    gradient = np.concatenate([
        (rows.counts - weight).sum(axis=0) - (centre - hyper.expected),
        (rows.counts * rows.residual - weight * pull).sum(axis=0) + 1 - drawn,
    ])  # fmt: skip
    both = np.hstack([share, share * pull])
    curvature = -(both.T @ (n_labels * both))
    mixed = np.diag((weight * pull).sum(axis=0))
    curvature += np.block([
        [np.diag(weight.sum(axis=0) + 1), mixed],
        [mixed, np.diag((weight * (pull**2 + rows.variance)).sum(axis=0) + 1 + drawn)],
    ])  # fmt: skip
    return gradient, curvature
