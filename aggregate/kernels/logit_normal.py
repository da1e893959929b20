"""Normal posteriors of the log odds behind rows of probabilities, from expected counts.

Tables are indexed ``[annotator·R + y, k]`` as everywhere; a row of probabilities is the softmax
of R log odds, each with a normal prior, and is approached by independent normals. The expected
logarithm of a softmax's sum is bounded by Jensen's inequality, E log sum exp x <= log sum
exp(mean + variance / 2), which leaves a concave function of all means and variances.
"""

from __future__ import annotations

import math

import numpy as np

from aggregate._jit import helper, kernel

_HALVINGS = 40


@helper
def _log_sum(mean, variance):
    """Return log sum exp(mean + variance / 2)."""
    largest = -np.inf
    for y in range(mean.shape[0]):
        largest = max(largest, mean[y] + 0.5 * variance[y])
    total = 0.0
    for y in range(mean.shape[0]):
        total += math.exp(mean[y] + 0.5 * variance[y] - largest)
    return largest + math.log(total)


@helper
def _value(count, n_labels, centre, spread, mean, variance):
    """Return the expected log likelihood less the divergence from the prior, up to a constant."""
    value = -n_labels * _log_sum(mean, variance)
    for y in range(mean.shape[0]):
        distance = mean[y] - centre[y]
        value += count[y] * mean[y] + 0.5 * math.log(variance[y])
        value -= 0.5 * (distance * distance + variance[y]) / spread[y]
    return value


@helper
def _direction(count, n_labels, centre, spread, mean, variance, to_mean, to_variance):
    """Fill Newton's step; return how much the value promises to rise along it.

    The Hessian is a block of two by two for every y less a product of one vector with itself.
    """
    log_sum = _log_sum(mean, variance)
    along, across = 0.0, 0.0  # of the vector with the blocks' solutions
    for y in range(mean.shape[0]):
        share = math.exp(mean[y] + 0.5 * variance[y] - log_sum)
        weight = n_labels * share
        slope_m = count[y] - weight - (mean[y] - centre[y]) / spread[y]
        slope_v = 0.5 * (1.0 / variance[y] - 1.0 / spread[y] - weight)
        a, b = weight + 1.0 / spread[y], 0.5 * weight
        e = 0.25 * weight + 0.5 / (variance[y] * variance[y])
        det = a * e - b * b
        to_mean[y] = (e * slope_m - b * slope_v) / det
        to_variance[y] = (a * slope_v - b * slope_m) / det
        along += share * (to_mean[y] + 0.5 * to_variance[y])
        across += share * share * (e - b + 0.25 * a) / det
    factor = n_labels * along / (1.0 - n_labels * across)
    rise = 0.0
    for y in range(mean.shape[0]):
        share = math.exp(mean[y] + 0.5 * variance[y] - log_sum)
        weight = n_labels * share
        a, b = weight + 1.0 / spread[y], 0.5 * weight
        e = 0.25 * weight + 0.5 / (variance[y] * variance[y])
        det = a * e - b * b
        to_mean[y] += factor * share * (e - 0.5 * b) / det
        to_variance[y] += factor * share * (0.5 * a - b) / det
        slope_m = count[y] - weight - (mean[y] - centre[y]) / spread[y]
        slope_v = 0.5 * (1.0 / variance[y] - 1.0 / spread[y] - weight)
        rise += slope_m * to_mean[y] + slope_v * to_variance[y]
    return rise


@helper
def _climb(count, n_labels, centre, spread, n_steps, tol, mean, variance, work):
    """Improve the means and variances of one row in place, never downwards."""
    to_mean, to_variance, new_mean, new_variance = work[0], work[1], work[2], work[3]
    value = _value(count, n_labels, centre, spread, mean, variance)
    for _ in range(n_steps):
        rise = _direction(count, n_labels, centre, spread, mean, variance, to_mean, to_variance)
        if rise <= tol * (1.0 + n_labels):
            return
        length = 1.0
        for y in range(mean.shape[0]):  # variances stay positive
            if to_variance[y] < 0.0:
                length = min(length, -0.9 * variance[y] / to_variance[y])
        for _ in range(_HALVINGS):
            for y in range(mean.shape[0]):
                new_mean[y] = mean[y] + length * to_mean[y]
                new_variance[y] = variance[y] + length * to_variance[y]
            reached = _value(count, n_labels, centre, spread, new_mean, new_variance)
            if reached >= value + 1e-4 * length * rise:
                break
            length *= 0.5
        else:
            return
        for y in range(mean.shape[0]):
            mean[y], variance[y] = new_mean[y], new_variance[y]
        value = reached


@kernel
def fit_logit_rows(counts, centre, spread, n_steps, tol, mean, variance):
    """Improve the normal posteriors of the log odds of every row, given expected counts.

    Parameters
    ----------
    counts : ndarray of shape (M·R, K)
        Expected labels, not negative. Rows without any keep the prior.
    centre, spread : ndarray of shape (R, K)
        Means and variances of the log odds' normal priors, the same for all annotators.
    n_steps : int
        Most Newton steps per row.
    tol : float
        Stop when a step promises to raise the value by less, per label.
    mean, variance : ndarray of shape (M·R, K)
        Improved in place.
    """
    n_responses = centre.shape[0]
    count, row_mean, row_variance = np.empty((3, n_responses))
    prior_mean, prior_variance = np.empty((2, n_responses))
    work = np.empty((4, n_responses))
    for base in range(0, counts.shape[0], n_responses):
        for k in range(counts.shape[1]):
            n_labels = 0.0
            for y in range(n_responses):
                count[y] = counts[base + y, k]
                n_labels += count[y]
                prior_mean[y], prior_variance[y] = centre[y, k], spread[y, k]
                row_mean[y], row_variance[y] = mean[base + y, k], variance[base + y, k]
            if n_labels > 0.0:
                _climb(
                    count, n_labels, prior_mean, prior_variance, n_steps, tol,
                    row_mean, row_variance, work,
                )  # fmt: skip
            for y in range(n_responses):
                mean[base + y, k] = row_mean[y] if n_labels > 0.0 else centre[y, k]
                variance[base + y, k] = row_variance[y] if n_labels > 0.0 else spread[y, k]


@kernel
def expect_logit_rows(centre, spread, mean, variance, log_table):
    """Fill lower bounds of E log softmax; return the sum of the divergences from the priors.

    Parameters
    ----------
    centre, spread : ndarray of shape (R, K)
    mean, variance : ndarray of shape (M·R, K)
    log_table : ndarray of shape (M·R, K)
        Filled with mean - log sum exp(mean + variance / 2), summed over a row's responses.

    Returns
    -------
    float
        Sum of KL(N(mean, variance) || N(centre, spread)).
    """
    n_responses = centre.shape[0]
    row_mean, row_variance = np.empty((2, n_responses))
    divergence = 0.0
    for base in range(0, mean.shape[0], n_responses):
        for k in range(mean.shape[1]):
            for y in range(n_responses):
                row_mean[y], row_variance[y] = mean[base + y, k], variance[base + y, k]
                distance = row_mean[y] - centre[y, k]
                ratio = row_variance[y] / spread[y, k]
                divergence += 0.5 * (distance * distance / spread[y, k] + ratio - 1.0)
                divergence -= 0.5 * math.log(ratio)
            log_sum = _log_sum(row_mean, row_variance)
            for y in range(n_responses):
                log_table[base + y, k] = row_mean[y] - log_sum
    return divergence
