"""Symmetric nonnegative factorization from a square root: rotate it into the positive cone."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from aggregate.factorization._terms import check_at_least_one
from aggregate.factorization.result import FactorizationResult, FloatArray, best_start

State = tuple[FloatArray, FloatArray]


def symmetric_nmf(
    root: ArrayLike,
    n_factors: int,
    *,
    init: ArrayLike | None = None,
    n_restarts: int = 10,
    shift: float = 0.0,
    shift_decay: float = 0.9,
    max_iter: int = 500,
    tol: float = 1e-10,
    random_state: int | np.random.Generator | None = None,
) -> FactorizationResult:
    r"""Find stochastic factors whose stack has a given square root up to rotation.

    .. math::

       \min_{H \ge 0,\ Q^T Q = I}\ \| H - U Q \|_F^2, \qquad
       H = \begin{pmatrix} A_1 \\ \vdots \\ A_M \end{pmatrix} D^{1/2}

    where

    - :math:`U` (M L, K) is ``root``, with :math:`U U^T` the matrix of all blocks
      :math:`A_m D A_j^T` (see :mod:`aggregate.factorization.block_completion`);
    - :math:`Q` (K, K) is ``rotation``;
    - :math:`A_m` (L, K), in ``factors``: ``A_m[a, k]``, **columns** sum to one;
    - :math:`d` (K,), in ``weights``, sums to one; :math:`D = \mathrm{diag}(d)`.

    Both sub-problems have closed solutions: :math:`H = \max(\alpha_t, U Q)` ("shifted ReLU",
    :math:`\alpha_t` is ``shift * shift_decay**t``) and the orthogonal Procrustes rotation [1]_.
    As the bound only loosens, the residual never rises. Starts: the given or the identity
    rotation, then random ones; the smallest residual wins. Factors are the normalised blocks
    of H, and d the least-squares fit of H by them.

    **When it fails.** Identified if the stack is sufficiently scattered (near anchor rows).
    There are local optima: many starts are cheap. The residual cannot tell a wrong order of
    components, nor several rotations that all reach the positive cone.

    Parameters
    ----------
    root : array-like, shape (M * L, K)
        Finite. Blocks of zeros mark factors without data: ``estimated`` false, uniform columns.
    n_factors : int
        M.
    init : array-like, shape (K, K), optional
        Orthogonal matrix of the first start; default identity.
    n_restarts : int
        Number of starts.
    shift, shift_decay : float
        First lower bound on H and its decay, in [0, 1); no shift by default.
    max_iter : int
        Iterations of each start.
    tol : float
        Stop when the rotation moves by less.
    random_state : int, Generator or None
        Seed of the random starts.

    Returns
    -------
    FactorizationResult
        ``factors`` (M, L, K), ``weights`` (K,), ``rotation`` (K, K).

    Raises
    ------
    ValueError
        If the root has no M equal blocks, is not finite or is zero, or ``init`` is not
        orthogonal.

    References
    ----------
    .. [1] S. Ibrahim, X. Fu, "Crowdsourcing via annotator co-occurrence imputation and
       provable symmetric nonnegative matrix factorization", ICML 2021, PMLR 139:4544-4554,
       problem (9) and Algorithm 2.
    .. [2] K. Huang, N. D. Sidiropoulos, A. Swami, "Non-negative matrix factorization
       revisited: uniqueness and algorithm for symmetric decomposition", IEEE Trans. Signal
       Process. 62(1):211-224, 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate.factorization import symmetric_nmf
    >>> A = np.array([[[1.0, 0.0], [0.0, 1.0]], [[0.8, 0.3], [0.2, 0.7]]])
    >>> H = A.reshape(4, 2) * np.sqrt([0.6, 0.4])
    >>> turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    >>> fit = symmetric_nmf(H @ turn, 2, random_state=0)
    >>> fit.permute(np.argsort(-fit.weights)).factors[1].round(6)
    array([[0.8, 0.3],
           [0.2, 0.7]])
    """
    U = np.asarray(root, dtype=np.float64)
    if (
        U.ndim != 2
        or n_factors < 1
        or U.size == 0
        or len(U) % n_factors
        or not np.isfinite(U).all()
    ):
        raise ValueError(f"root must be finite of shape ({n_factors} * L, K), got {U.shape}")
    if not 0 <= shift_decay < 1 or shift < 0:
        raise ValueError("shift must be nonnegative and shift_decay lie in [0, 1)")
    check_at_least_one(n_restarts=n_restarts, max_iter=max_iter)
    scale = float(np.linalg.norm(U))
    if scale == 0.0:
        raise ValueError("root is zero: there is nothing to factor")
    n_components = U.shape[1]
    rng = np.random.default_rng(random_state)
    rotations = [_first(init, n_components)]
    rotations += [_random_rotation(rng, n_components) for _ in range(n_restarts - 1)]
    bounds = shift / scale * np.power(shift_decay, np.arange(max_iter + 1, dtype=np.float64))

    def run(start: State) -> tuple[State, list[float], bool]:
        return _alternate(U / scale, start[1], bounds, tol)

    (H, Q), path, chosen, restarts = best_start(run, [(U, Q) for Q in rotations], scale**2)
    factors, d = _recover(H.reshape(n_factors, -1, n_components))
    return FactorizationResult(
        factors=factors,
        weights=d,
        objective_path=path,
        converged=restarts[chosen].converged,
        n_iter=restarts[chosen].n_iter,
        restarts=restarts,
        estimated=np.abs(U).reshape(n_factors, -1).max(axis=1) > 0,
        rank=int(np.linalg.matrix_rank(U, tol=1e-10 * scale)),
        rotation=Q,
    )


def _first(init: ArrayLike | None, n_components: int) -> FloatArray:
    """Check the rotation of the first start."""
    Q = np.eye(n_components) if init is None else np.array(init, dtype=np.float64)
    if Q.shape != (n_components, n_components) or not np.isfinite(Q).all():
        raise ValueError(f"init must be finite of shape {(n_components,) * 2}, got {Q.shape}")
    if not np.allclose(Q.T @ Q, np.eye(n_components), atol=1e-8):
        raise ValueError("init must be orthogonal: init.T @ init == identity")
    return Q


def _random_rotation(rng: np.random.Generator, n: int) -> FloatArray:
    """Draw an orthogonal matrix uniformly; the signs of R make the QR factor unique."""
    Q, R = np.linalg.qr(rng.standard_normal((n, n)))
    return np.asarray(Q * np.where(np.diag(R) < 0, -1.0, 1.0))


def _alternate(
    U: FloatArray, Q: FloatArray, bounds: FloatArray, tol: float
) -> tuple[State, list[float], bool]:
    """Alternate the bounded rectifier and the Procrustes rotation from one start."""
    rotated = U @ Q
    H = np.maximum(rotated, bounds[0])
    path = [float(((H - rotated) ** 2).sum())]
    for bound in bounds[1:]:
        P, _, Vt = np.linalg.svd(U.T @ H)
        before, Q = Q, P @ Vt
        rotated = U @ Q
        H = np.maximum(rotated, bound)
        path.append(float(((H - rotated) ** 2).sum()))
        if np.abs(Q - before).max() < tol:
            return (np.maximum(rotated, 0.0), Q), path, True
    return (np.maximum(rotated, 0.0), Q), path, False


def _recover(H: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Split the stack H (M, L, K) into column-stochastic factors and weights."""
    total = H.sum(axis=1, keepdims=True)
    present = total > 0
    A = np.where(present, H / np.where(present, total, 1.0), 1.0 / H.shape[1])
    # Least squares of H ~ A D^(1/2), column by column; empty columns have no say.
    power = ((A * present) ** 2).sum(axis=(0, 1))
    root = (A * H).sum(axis=(0, 1)) / np.where(power > 0, power, 1.0)
    d = root**2
    return A, d / d.sum()
