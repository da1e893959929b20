"""The arithmetic of SQUAREM on tables of log probabilities."""

from __future__ import annotations

import math

import numpy as np

from aggregate._jit import kernel


@kernel
def log_differences(old, middle, new, step, curvature):
    """Fill r = log middle - log old and v = (log new - log middle) - r; return |r|², |v|².

    The norms weigh each entry by its new probability, which is the metric of Fisher's
    information: probabilities on their way to zero have ever longer logarithms, and without
    the weights they alone would set the length of the step.

    Parameters
    ----------
    old, middle, new : ndarray of shape (R, C)
        Three successive tables of positive probabilities.
    step, curvature : ndarray of shape (R, C)
        Filled with r and v.
    """
    rr, vv = 0.0, 0.0
    for row in range(old.shape[0]):
        for k in range(old.shape[1]):
            r = math.log(middle[row, k] / old[row, k])
            v = math.log(new[row, k] / middle[row, k]) - r
            step[row, k] = r
            curvature[row, k] = v
            rr += new[row, k] * r * r
            vv += new[row, k] * v * v
    return rr, vv


@kernel
def extrapolate(old, step, curvature, alpha, group, floor, out):
    """Fill ``out`` with old·exp(-2αr + α²v), each group of rows normalised per column.

    Parameters
    ----------
    old, step, curvature, out : ndarray of shape (R, C)
        As `log_differences` leaves them.
    alpha : float
        Step length, at most -1; -1 lands on the plain second step.
    group : int
        Rows that form one distribution (per column); R is a multiple of it.
    floor : float
        Smallest probability.
    """
    n_columns = old.shape[1]
    largest = np.empty(n_columns)
    total = np.empty(n_columns)
    for base in range(0, old.shape[0], group):
        for k in range(n_columns):
            largest[k] = -np.inf
            total[k] = 0.0
        for row in range(base, base + group):
            for k in range(n_columns):
                value = math.log(old[row, k]) + alpha * (
                    alpha * curvature[row, k] - 2.0 * step[row, k]
                )
                out[row, k] = value
                largest[k] = max(largest[k], value)
        for row in range(base, base + group):
            for k in range(n_columns):  # the largest is 1, so no sum over- or underflows
                out[row, k] = math.exp(out[row, k] - largest[k])
                total[k] += out[row, k]
        for row in range(base, base + group):
            for k in range(n_columns):
                out[row, k] = max(out[row, k] / total[k], floor)
