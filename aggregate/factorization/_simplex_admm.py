"""One sub-problem of alternating optimisation: least squares on the simplex by ADMM.

Kernel of :mod:`aggregate.factorization.coupled_cpd`; works in place and trusts its input.
"""

from __future__ import annotations

import numpy as np

from aggregate._jit import helper, kernel
from aggregate.factorization.result import FloatArray


@helper
def _project(vector: FloatArray) -> None:
    """Project onto the simplex; the arithmetic of ``kernels.simplex`` (a test compares them)."""
    n = vector.shape[0]
    top = vector[0]
    for a in range(1, n):
        top = max(top, vector[a])
    threshold = -1.0
    active = n + 1
    while True:
        total = 0.0
        count = 0
        for a in range(n):
            if vector[a] - top > threshold:
                total += vector[a] - top
                count += 1
        # The positive set only shrinks; an entry at the threshold could come back by rounding,
        # and the loop would never end, if growth did not count as the end too.
        if count >= active:
            break
        active = count
        threshold = (total - 1.0) / count
    for a in range(n):
        vector[a] = max(vector[a] - top - threshold, 0.0)


@helper
def _project_all(X: FloatArray, by_rows: bool) -> None:
    """Project every row (or every column) of X."""
    if by_rows:
        for k in range(X.shape[0]):
            _project(X[k])
    else:
        for a in range(X.shape[1]):
            _project(X[:, a])


@helper
def _cholesky(matrix: FloatArray) -> None:
    """Overwrite the lower triangle of a positive definite matrix by its Cholesky factor."""
    n = matrix.shape[0]
    for i in range(n):
        for j in range(i + 1):
            total = matrix[i, j]
            for h in range(j):
                total -= matrix[i, h] * matrix[j, h]
            # The shift keeps the matrix definite; rounding alone could bring a pivot to zero.
            matrix[i, j] = np.sqrt(max(total, 1e-300)) if i == j else total / matrix[j, j]


@helper
def _solve(factor: FloatArray, X: FloatArray) -> None:
    """Overwrite X by the solution of (factor factor^T) Y = X."""
    n, width = X.shape
    for a in range(width):
        for i in range(n):
            total = X[i, a]
            for h in range(i):
                total -= factor[i, h] * X[h, a]
            X[i, a] = total / factor[i, i]
        for i in range(n - 1, -1, -1):
            total = X[i, a]
            for h in range(i + 1, n):
                total -= factor[h, i] * X[h, a]
            X[i, a] = total / factor[i, i]


@helper
def _change(gram: FloatArray, linear: FloatArray, old: FloatArray, X: FloatArray) -> float:
    """Return q(X) - q(old) for q = tr(X'SX)/2 - <B, X>, from the step: no cancellation."""
    n, width = X.shape
    change = 0.0
    for a in range(width):
        for i in range(n):
            slope = -linear[i, a]
            for h in range(n):
                slope += gram[i, h] * 0.5 * (X[h, a] + old[h, a])
            change += slope * (X[i, a] - old[i, a])
    return change


@helper
def _gradient_step(gram: FloatArray, linear: FloatArray, old: FloatArray, X: FloatArray) -> None:
    """Set X = old - (S old - B) / ||S||_F, a step that cannot raise q after projection."""
    n, width = X.shape
    bound = 0.0
    for i in range(n):
        for h in range(n):
            bound += gram[i, h] * gram[i, h]
    bound = max(np.sqrt(bound), 1e-300)
    for a in range(width):
        for i in range(n):
            slope = -linear[i, a]
            for h in range(n):
                slope += gram[i, h] * old[h, a]
            X[i, a] = old[i, a] - slope / bound


@kernel
def admm_on_simplex(
    gram: FloatArray,
    linear: FloatArray,
    X: FloatArray,
    dual: FloatArray,
    by_rows: bool,
    proximal: float,
    n_inner: int,
    tol: float,
) -> int:
    r"""Improve X and the scaled dual in place; return the inner iterations made.

    Minimises :math:`\tfrac12 \mathrm{tr}(X^T S X) - \langle B, X\rangle +
    \tfrac\nu2\|X - X_0\|^2` over matrices X (K, n) whose rows (``by_rows``) or columns lie on
    the simplex; ``gram`` is S (K, K), ``linear`` is B (K, n), ``proximal`` is :math:`\nu` and
    :math:`X_0` is X on entry. One Cholesky factorisation serves all inner iterations. ADMM is
    not monotone: when its point is worse than :math:`X_0`, a projected gradient step from
    :math:`X_0` replaces it, so the objective of the caller never rises.
    """
    n = X.shape[0]
    penalty = max(np.sqrt((gram * gram).sum()) / n, 1e-300)
    factor = gram.copy()
    for i in range(n):
        factor[i, i] += proximal + penalty
    _cholesky(factor)
    old, last, free = X.copy(), X.copy(), X.copy()
    done = 0
    while done < n_inner:
        done += 1
        last[:] = X
        free[:] = linear + proximal * old + penalty * (X + dual)
        _solve(factor, free)
        X[:] = free - dual
        _project_all(X, by_rows)
        dual += X - free
        gap = ((X - free) ** 2).sum()
        step = ((X - last) ** 2).sum()
        if gap <= tol * (X * X).sum() and step <= tol * (dual * dual).sum():
            break
    if _change(gram, linear, old, X) > 0.0:
        _gradient_step(gram, linear, old, X)
        _project_all(X, by_rows)
        if _change(gram, linear, old, X) > 0.0:  # at a stationary point only rounding is left
            X[:] = old
    return done
