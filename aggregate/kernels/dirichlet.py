"""Expected log probabilities under Dirichlet distributions, and their distance to a prior.

Tables are indexed ``[group of rows, column]``: every ``group`` successive rows of a column are
the parameters of one distribution, as the labels of an annotator for one truth.
"""

from __future__ import annotations

import math

import numpy as np

from aggregate._jit import helper, kernel


@helper
def _digamma(x):
    """Return the derivative of log Γ at x > 0, to a relative 1e-13 or so."""
    value = 0.0
    while x < 8.0:  # where the asymptotic series is not exact enough yet
        value -= 1.0 / x
        x += 1.0
    f = 1.0 / (x * x)
    tail = f * (
        1.0 / 12
        - f * (1.0 / 120 - f * (1.0 / 252 - f * (1.0 / 240 - f * (1.0 / 132 - f * 691.0 / 32760))))
    )
    return value + math.log(x) - 0.5 / x - tail


@kernel
def expect_log(weights, pseudo, group, log_table):
    """Fill ``log_table`` with E log p for p ~ Dir(weights); return the sum of KL to the prior.

    Parameters
    ----------
    weights : ndarray of shape (R, C)
        Parameters, positive; R is a multiple of ``group``.
    pseudo : ndarray of shape (P, C)
        The prior's parameters; P divides R and the block repeats.
    group : int
        Rows of one distribution.
    log_table : ndarray of shape (R, C)
        Filled with ψ(weight) - ψ(sum of the weights of the distribution).

    Returns
    -------
    float
        Sum over all distributions of KL(Dir(weights) || Dir(pseudo)).
    """
    n_rows, n_columns = weights.shape
    period = pseudo.shape[0]
    constant = np.zeros((period, n_columns))  # log Γ of the prior, once and not per block
    for base in range(0, period, group):
        for k in range(n_columns):
            total = 0.0
            for row in range(base, base + group):
                total += pseudo[row, k]
                constant[row, k] = math.lgamma(pseudo[row, k])
            constant[base, k] -= math.lgamma(total)
    divergence = 0.0
    for base in range(0, n_rows, group):
        for k in range(n_columns):
            total = 0.0
            for row in range(base, base + group):
                total += weights[row, k]
            log_total = _digamma(total)
            divergence += math.lgamma(total)
            for row in range(base, base + group):
                log_table[row, k] = _digamma(weights[row, k]) - log_total
                divergence += constant[row % period, k] - math.lgamma(weights[row, k])
                divergence += (weights[row, k] - pseudo[row % period, k]) * log_table[row, k]
    return divergence


@helper
def _trigamma(x):
    """Return the second derivative of log Γ at x > 0."""
    value = 0.0
    while x < 8.0:
        value += 1.0 / (x * x)
        x += 1.0
    f = 1.0 / (x * x)
    tail = 1.0 / 6 - f * (1.0 / 30 - f * (1.0 / 42 - f * (1.0 / 30 - f * 5.0 / 66)))
    return value + 1.0 / x + 0.5 * f + tail * f / x


@helper
def _inverse_digamma(value):
    """Return x > 0 with ψ(x) = value, by Newton's method from Minka's start."""
    x = math.exp(value) + 0.5 if value >= -2.22 else -1.0 / (value + 0.5772156649015329)
    for _ in range(5):
        x -= (_digamma(x) - value) / _trigamma(x)
    return x


@kernel
def fit_dirichlet(counts, share, imagined_logs, smallest, largest, n_rounds, weights):
    """Improve the Dirichlet distributions that the rows of many annotators come from.

    For each column k, ``n_rounds`` rounds of EM climb the evidence of the counts, a
    Dirichlet-multinomial likelihood, plus the log density of one imaginary row whose expected
    log probabilities are known. Columns of an annotator without counts are left out: they
    would agree with any distribution and only slow the climb.

    Parameters
    ----------
    counts : ndarray of shape (M·K, K)
        ``counts[j·K + y, k]``, not negative.
    share : ndarray of shape (M,)
        How far each annotator belongs to this crowd, from 0 to 1.
    imagined_logs : ndarray of shape (K, K)
        Expected log probabilities ``[y, k]`` of the imaginary row.
    smallest, largest : float
        Bounds of the parameters.
    n_rounds : int
    weights : ndarray of shape (K, K)
        Improved in place: Dirichlet parameters ``[y, k]``.
    """
    n_classes = weights.shape[0]
    logs = np.empty(n_classes)
    for k in range(weights.shape[1]):
        for _ in range(n_rounds):
            total = 0.0
            for y in range(n_classes):
                total += weights[y, k]
            n_seen, log_totals = 0.0, 0.0
            for y in range(n_classes):
                logs[y] = 0.0
            for base in range(0, counts.shape[0], n_classes):
                given = 0.0
                for y in range(n_classes):
                    given += counts[base + y, k]
                part = share[base // n_classes]
                if given > 0.0 and part > 0.0:
                    n_seen += part
                    log_totals += part * _digamma(total + given)
                    for y in range(n_classes):
                        logs[y] += part * _digamma(weights[y, k] + counts[base + y, k])
            for y in range(n_classes):
                logs[y] = (logs[y] - log_totals + imagined_logs[y, k]) / (n_seen + 1.0)
            # Each parameter solves a lower bound of the likelihood exactly, so none falls.
            for _ in range(3):
                log_total = _digamma(total)
                total = 0.0
                for y in range(n_classes):
                    value = _inverse_digamma(logs[y] + log_total)
                    weights[y, k] = min(max(value, smallest), largest)
                    total += weights[y, k]
