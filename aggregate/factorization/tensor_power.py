"""Whitening and the robust tensor power method for one three-view mixture."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from aggregate.factorization._terms import check_at_least_one
from aggregate.factorization.matching import match_to_diagonal
from aggregate.factorization.result import FactorizationResult, FloatArray, Restart


def symmetrize_views(
    P_ab: ArrayLike,
    P_cb: ArrayLike,
    P_ca: ArrayLike,
    P_abc: ArrayLike,
    n_components: int,
    *,
    rcond: float = 1e-8,
    average: bool = True,
) -> tuple[FloatArray, FloatArray]:
    r"""Turn the cross moments of three views into symmetric moments of the third.

    .. math::

       M_2 = C_a P_{ab} C_b^T, \quad M_3 = P_{abc} \times_1 C_a \times_2 C_b, \qquad
       C_a = P_{cb} P_{ab}^{+}, \quad C_b = P_{ca} (P_{ab}^T)^{+}

    where :math:`P_{ab} = E[z_a z_b^T]` and so on, all (L, L), and
    :math:`P_{abc} = E[z_a \otimes z_b \otimes z_c]` (L, L, L), for views that are independent
    given the component. With :math:`E[z_c | k] = \mu_k` and component weights :math:`w_k`,

    .. math::

       M_2 = \sum_k w_k \mu_k \mu_k^T, \qquad M_3 = \sum_k w_k \mu_k^{\otimes 3}.

    The inverse is truncated at rank K, so noise in the other directions is not blown up [1]_.

    **When it fails.** If :math:`P_{ab}` has a rank below K (a view that never uses a label),
    the components it cannot see are missing from the result.

    Parameters
    ----------
    P_ab, P_cb, P_ca : array-like, shape (L, L)
        Second cross moments, finite.
    P_abc : array-like, shape (L, L, L)
        Third cross moment, finite.
    n_components : int
        K, at most L.
    rcond : float
        Singular values below ``rcond`` times the largest are treated as zero.
    average : bool
        Average M3 over the orders of its axes, which are alike in expectation. False leaves
        the noise as it is, as the authors' code does.

    Returns
    -------
    M2 : ndarray of shape (L, L)
        Symmetric.
    M3 : ndarray of shape (L, L, L)
        Symmetric in all axes, if averaged.

    Raises
    ------
    ValueError
        If shapes do not fit or entries are not finite.

    References
    ----------
    .. [1] Y. Zhang, X. Chen, D. Zhou, M. I. Jordan, "Spectral methods meet EM: a provably
       optimal algorithm for crowdsourcing", JMLR 17(102):1-44, 2016, Algorithm 1, step 2.

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate.factorization import symmetrize_views
    >>> A, w = np.array([[0.8, 0.3], [0.2, 0.7]]), np.array([0.6, 0.4])
    >>> P, T = A * w @ A.T, np.einsum("k,ak,bk,ck->abc", w, A, A, A)
    >>> M2, M3 = symmetrize_views(P, P, P, T, 2)
    >>> bool(np.allclose(M2, P) and np.allclose(M3, T))
    True
    """
    ab, cb, ca = (np.asarray(x, dtype=np.float64) for x in (P_ab, P_cb, P_ca))
    abc = np.asarray(P_abc, dtype=np.float64)
    side = ab.shape[0] if ab.ndim == 2 else 0
    if side == 0 or {ab.shape, cb.shape, ca.shape} != {(side, side)} or abc.shape != (side,) * 3:
        raise ValueError(
            f"cross moments must be (L, L) and (L, L, L), got {ab.shape}, {cb.shape}, {ca.shape} "
            f"and {abc.shape}"
        )
    if not all(np.isfinite(x).all() for x in (ab, cb, ca, abc)):
        raise ValueError("cross moments must be finite")
    check_at_least_one(n_components=n_components)
    U, s, Vt = np.linalg.svd(ab)
    keep = np.flatnonzero(s[:n_components] > rcond * s[0])
    inverse = (Vt[keep].T / s[keep]) @ U[:, keep].T
    Ca, Cb = cb @ inverse, ca @ inverse.T
    M2 = Ca @ ab @ Cb.T
    M3 = np.einsum("xa,yb,abc->xyc", Ca, Cb, abc, optimize=True)
    return 0.5 * (M2 + M2.T), _symmetric(M3) if average else M3


def _symmetric(M3: FloatArray) -> FloatArray:
    """Average a cube over the six orders of its axes."""
    M3 = (M3 + M3.transpose(1, 2, 0) + M3.transpose(2, 0, 1)) / 3.0
    return 0.5 * (M3 + M3.transpose(1, 0, 2))


def tensor_power(
    M2: ArrayLike,
    M3: ArrayLike,
    n_components: int,
    *,
    n_restarts: int = 100,
    max_iter: int = 100,
    tol: float = 1e-12,
    rcond: float = 1e-8,
    average: bool = True,
    random_state: int | np.random.Generator | None = None,
) -> FactorizationResult:
    r"""Find the components of symmetric second and third moments by power iterations.

    .. math:: M_2 = \sum_k w_k \mu_k \mu_k^T, \qquad M_3 = \sum_k w_k \mu_k^{\otimes 3}

    where

    - :math:`\mu_k` (L,) is column k of ``factors[0]`` times ``scales[k]``: ``A[a, k]``,
      **columns** sum to one (negative entries, which noise brings, are kept);
    - :math:`w` (K,), in ``weights``, is as found and need not sum to one.

    With a whitening W, :math:`W^T M_2 W = I`, the tensor :math:`T = M_3(W, W, W)` has the
    orthonormal components :math:`v_k = \sqrt{w_k} W^T \mu_k` with values
    :math:`\lambda_k = w_k^{-1/2}`. Each is found by iterating
    :math:`v \leftarrow T(I, v, v) / \|\cdot\|` from many random starts, keeping the largest
    :math:`T(v, v, v)` and subtracting it [1]_; then :math:`\mu_k = \lambda_k (W^T)^{+} v_k` and
    :math:`w_k = \lambda_k^{-2}`. Columns are placed by one assignment problem on their mass,
    instead of the first empty place, so the order of discovery does not matter.

    **When it fails.** Directions of :math:`M_2` below ``rcond`` are cut, which lowers ``rank``;
    a small eigenvalue that survives amplifies the noise of :math:`M_3` by its power -3/2. A
    third moment that does not fit the second leaves ``converged`` false.

    Parameters
    ----------
    M2 : array-like, shape (L, L)
        Second moment; its symmetric part is used.
    M3 : array-like, shape (L, L, L)
        Third moment; its symmetric part is used, if ``average``.
    n_components : int
        K, at most L.
    n_restarts : int
        Random starts for each component.
    max_iter : int
        Power iterations of each start; the best start gets as many again.
    tol : float
        Fixed-point residual below which a component counts as converged.
    rcond : float
        Eigenvalues of M2 below ``rcond`` times the largest are cut.
    average : bool
        Use the symmetric part of M3; with False, iterate on M3 as given.
    random_state : int, Generator or None
        Seed of the random starts.

    Returns
    -------
    FactorizationResult
        ``factors`` (1, L, r), ``weights`` (r,), ``scales`` (r,) with r = ``rank`` at most K;
        ``objective_path``, the norm of the whitened tensor before and after each deflation.

    Raises
    ------
    ValueError
        If shapes do not fit, entries are not finite, or M2 has no positive eigenvalue.

    References
    ----------
    .. [1] A. Anandkumar, R. Ge, D. Hsu, S. M. Kakade, M. Telgarsky, "Tensor decompositions for
       learning latent variable models", JMLR 15:2773-2832, 2014, Algorithm 1.
    .. [2] Y. Zhang, X. Chen, D. Zhou, M. I. Jordan, "Spectral methods meet EM: a provably
       optimal algorithm for crowdsourcing", JMLR 17(102):1-44, 2016, Algorithm 1, steps 3-5.

    Examples
    --------
    >>> import numpy as np
    >>> from aggregate.factorization import tensor_power
    >>> A, w = np.array([[0.8, 0.3], [0.2, 0.7]]), np.array([0.6, 0.4])
    >>> fit = tensor_power(A * w @ A.T, np.einsum("k,ak,bk,ck->abc", w, A, A, A), 2,
    ...                    random_state=0)
    >>> fit.factors[0].round(6)
    array([[0.8, 0.3],
           [0.2, 0.7]])
    >>> fit.weights.round(6)
    array([0.6, 0.4])
    """
    second, third = np.asarray(M2, dtype=np.float64), np.asarray(M3, dtype=np.float64)
    side = second.shape[0] if second.ndim == 2 else 0
    if side == 0 or second.shape != (side, side) or third.shape != (side,) * 3:
        raise ValueError(f"moments must be (L, L) and (L, L, L), got {second.shape}, {third.shape}")
    if not (np.isfinite(second).all() and np.isfinite(third).all()):
        raise ValueError("moments must be finite")
    check_at_least_one(n_components=n_components, n_restarts=n_restarts, max_iter=max_iter)
    W, unwhiten = _whitening(0.5 * (second + second.T), n_components, rcond)
    third = _symmetric(third) if average else third
    T = np.einsum("abc,ax,by,cz->xyz", third, W, W, W, optimize=True)
    rng = np.random.default_rng(random_state)
    values, vectors, path, residuals = _deflate(T, n_restarts, max_iter, tol, rng)
    return _result(values, unwhiten @ vectors, path, residuals, tol, n_components)


def _whitening(M2: FloatArray, n_components: int, rcond: float) -> tuple[FloatArray, FloatArray]:
    """Return W (L, r) with W'M2 W = I and its inverse transpose on the range of M2."""
    eigenvalues, vectors = np.linalg.eigh(M2)
    eigenvalues, vectors = eigenvalues[::-1][:n_components], vectors[:, ::-1][:, :n_components]
    if not eigenvalues[0] > 0:
        raise ValueError("the second moment has no positive eigenvalue: nothing to decompose")
    keep = eigenvalues > rcond * eigenvalues[0]
    root = np.sqrt(eigenvalues[keep])
    return vectors[:, keep] / root, vectors[:, keep] * root


def _iterate(T: FloatArray, V: FloatArray, max_iter: int, tol: float) -> FloatArray:
    """Power iterations of all rows of V at once."""
    n = len(T)
    flat = T.reshape(n, -1).T
    for _ in range(max_iter):
        image = (V[:, :, None] * V[:, None, :]).reshape(len(V), -1) @ flat
        size = np.linalg.norm(image, axis=1, keepdims=True)
        new = np.where(size > 0, image / np.where(size > 0, size, 1.0), V)
        if np.abs(new - V).max() < tol:
            return new
        V = new
    return V


def _deflate(
    T: FloatArray, n_restarts: int, max_iter: int, tol: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, list[float], list[float]]:
    """Find and subtract one component after another: values (r,), vectors (r, r) by columns."""
    n = len(T)
    values, vectors = np.zeros(n), np.zeros((n, n))
    path, residuals = [float(np.linalg.norm(T))], []
    for k in range(n):
        starts = rng.standard_normal((n_restarts, n))
        V = _iterate(T, starts / np.linalg.norm(starts, axis=1, keepdims=True), max_iter, tol)
        value = np.einsum("abc,sa,sb,sc->s", T, V, V, V, optimize=True)
        v = _iterate(T, V[[np.argmax(value)]], max_iter, tol)[0]
        image = np.einsum("abc,b,c->a", T, v, v)
        values[k] = v @ image
        vectors[:, k] = v
        residuals.append(float(np.linalg.norm(image - values[k] * v)))
        T = T - values[k] * np.einsum("a,b,c->abc", v, v, v)
        path.append(float(np.linalg.norm(T)))
    return values, vectors, path, residuals


def _result(
    values: FloatArray,
    unwhitened: FloatArray,
    path: list[float],
    residuals: list[float],
    tol: float,
    n_components: int,
) -> FactorizationResult:
    """Undo the whitening, drop components without value and place the columns."""
    found = np.flatnonzero(values > np.sqrt(np.finfo(float).eps) * max(values.max(), 1e-300))
    if not found.size:
        raise ValueError("the third moment has no positive component in the range of the second")
    mu = unwhitened[:, found] * values[found]
    total = mu.sum(axis=0)
    size = np.abs(mu).sum(axis=0)
    total = np.where(np.abs(total) > 1e-8 * size, total, size)
    columns = mu / total
    order = np.arange(found.size)
    if found.size == len(columns):
        order = match_to_diagonal(columns)
    fits = max(residuals) <= np.sqrt(tol) * values.max() and found.size == n_components
    records = tuple(Restart(r, 1, r <= np.sqrt(tol) * values.max()) for r in residuals)
    return FactorizationResult(
        factors=np.ascontiguousarray(columns[:, order])[None],
        weights=values[found][order] ** -2,
        objective_path=np.array(path),
        converged=bool(fits),
        n_iter=len(residuals),
        restarts=records,
        estimated=np.ones(1, dtype=np.bool_),
        rank=int(found.size),
        scales=total[order],
    )
