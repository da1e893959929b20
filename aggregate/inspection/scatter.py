"""The sufficiently scattered condition: whether answers spread widely over all classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linprog
from scipy.spatial import ConvexHull, QhullError

from aggregate._validation import check_number

Float = NDArray[np.float64]

MOST_EXACT: Final = 5
"""Classes up to which the condition is decided and not only searched for violations."""
_ROUNDING: Final = 1e-7
_STEPS: Final = 30
_UNBOUNDED: Final = 3  # status of scipy.optimize.linprog


@dataclass(frozen=True, eq=False)
class Scattering:
    """What `sufficiently_scattered` returns.

    Attributes
    ----------
    holds : bool
        Whether the condition holds; where ``exact`` is False, True means only that no
        violation was found.
    coverage : float
        Radius of the largest ball around the centre of the simplex that the rows enclose, as
        a share of the ball they have to enclose: 1 at the condition, 0 if they do not even
        enclose the centre. An upper bound where ``exact`` is False.
    direction : ndarray of shape (K,)
        Unit vector, summing to zero, that points from the centre to where the rows reach
        least: what is missing is an answer that favours its positive classes.
    exact : bool
        Whether ``holds`` and ``coverage`` are certain.
    """

    holds: bool
    coverage: float
    direction: Float
    exact: bool


def sufficiently_scattered(
    rows: ArrayLike,
    *,
    n_starts: int = 10,
    random_state: int | np.random.Generator | None = None,
) -> Scattering:
    r"""Check whether non-negative rows are spread widely enough to make a factorization unique.

    The condition is that the cone of the rows contains the second-order cone that touches the
    non-negative orthant from within,

    .. math:: \{x : 1^T x \ge \sqrt{K - 1}\,\|x\|_2\} \subseteq
        \mathrm{cone}(h_1, \dots, h_L),

    and touches its boundary nowhere else than where the orthant does. With the rows
    :math:`h_l` (K) scaled to sum to one it reads: their convex hull contains the ball that is
    inscribed in the simplex, of radius :math:`1 / \sqrt{K (K - 1)}` about the centre. If it
    holds for the rows :math:`\sqrt{\pi_k} A_j[k, y]`, one row per annotator j and label y, the
    co-occurrences of all pairs determine every confusion matrix without any triple. Anchors
    for all classes (see `separability`) are the special case in which the rows reach the
    corners; with two classes it is the only case.

    To decide it is NP-hard in K. Up to five classes the facets of the hull are listed, and the
    answer is exact. Beyond, the farthest point of the polar of the hull is searched for by
    repeated linear programmes from the directions of all classes and from random ones, each
    of which can only go up.

    **When it fails.** Where the search finds a point too far out, the condition is certainly
    violated; where it finds none, nothing is proven. Estimated confusions are
    never exactly zero, so the condition itself hardly ever holds on real data: read
    ``coverage``, which tells how far they are from it. Noise widens the hull and smoothing
    narrows it.

    Parameters
    ----------
    rows : array-like of shape (L, K)
        Non-negative; rows of zeros are left out.
    n_starts : int, default=10
        Random directions to search from, besides the K classes, with more than five classes.
    random_state : int or Generator, optional
        Seed of the directions.

    Returns
    -------
    Scattering

    Raises
    ------
    ValueError
        If the rows are not a finite, non-negative table.

    References
    ----------
    K. Huang, N. D. Sidiropoulos and A. Swami, Non-negative matrix factorization revisited:
    uniqueness and algorithm for symmetric decomposition, IEEE Transactions on Signal
    Processing 62(1):211-224, 2014 (the condition, and that it is hard to check).

    X. Fu, K. Huang, N. D. Sidiropoulos and W.-K. Ma, Nonnegative matrix factorization for
    signal and data analytics: identifiability, algorithms, and applications, IEEE Signal
    Processing Magazine 36(2):59-80, 2019.

    S. Ibrahim, X. Fu, N. Kargas and K. Huang, Crowdsourcing via pairwise co-occurrences:
    identifiability and algorithms, NeurIPS 2019, theorem 3.

    S. Ibrahim and X. Fu, Crowdsourcing via annotator co-occurrence imputation and provable
    symmetric nonnegative matrix factorization, ICML 2021, PMLR 139:4544-4554.

    Examples
    --------
    >>> from aggregate.inspection import sufficiently_scattered
    >>> sufficiently_scattered([[1, 0, 0], [0, 1, 0], [0, 0, 1]]).holds
    True
    >>> found = sufficiently_scattered([[4, 1, 1], [1, 4, 1], [1, 1, 4]])
    >>> found.holds, round(found.coverage, 2)
    (False, 0.5)
    """
    check_number("n_starts", n_starts, low=0, integer=True)
    H = np.asarray(rows, dtype=np.float64)
    if H.ndim != 2 or not np.isfinite(H).all() or (H < 0).any():
        raise ValueError(f"rows must be a finite, non-negative table; got shape {H.shape}.")
    n_classes = H.shape[1]
    exact = n_classes <= MOST_EXACT
    if n_classes <= 1:
        return Scattering(bool((H > 0).any()), float((H > 0).any()), np.zeros(n_classes), True)
    total = H.sum(axis=1, keepdims=True)
    used = total[:, 0] > 0
    basis = _basis(n_classes)
    points = np.unique(H[used] / total[used], axis=0) @ basis
    if len(points) < n_classes or _flat(points):
        return Scattering(False, 0.0, basis @ _least_spread(points), True)
    if exact:
        normals, distances = _facets(points)
    else:
        normals, distances = _search(points, basis, n_starts, np.random.default_rng(random_state))
    inradius = 1 / np.sqrt(n_classes * (n_classes - 1))
    nearest = int(distances.argmin())
    coverage = float(np.clip(distances[nearest] / inradius, 0.0, 1.0))
    tight = distances <= inradius * (1 + _ROUNDING)
    faces = -basis / np.linalg.norm(basis, axis=1, keepdims=True)  # normals of the simplex
    own = (normals[tight] @ faces.T).max(axis=1, initial=-1.0) >= 1 - _ROUNDING
    holds = coverage >= 1 - _ROUNDING and bool(own.all())
    return Scattering(holds, coverage, basis @ normals[nearest], exact)


def _basis(n_classes: int) -> Float:
    """Return an orthonormal basis (K, K - 1) of the vectors that sum to zero."""
    helmert = np.tril(np.ones((n_classes, n_classes)), -1)[1:]
    helmert[np.arange(n_classes - 1), np.arange(1, n_classes)] = -np.arange(1, n_classes)
    return np.asarray((helmert / np.linalg.norm(helmert, axis=1, keepdims=True)).T)


def _flat(points: Float) -> bool:
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return bool(spread[-1] <= 1e-9 * max(spread[0], 1e-300))


def _least_spread(points: Float) -> Float:
    """Return the direction along which flat points do not vary, away from them."""
    n_axes = points.shape[1]
    if not len(points):
        return np.eye(n_axes)[0]
    middle = points.mean(axis=0)
    direction = np.linalg.svd(np.vstack([points - middle, np.zeros((n_axes, n_axes))]))[2][-1]
    return np.asarray(-direction if direction @ middle > 0 else direction)


def _facets(points: Float) -> tuple[Float, Float]:
    """Return outward normals of the hull's facets and their distances from the centre."""
    if points.shape[1] == 1:
        return np.array([[1.0], [-1.0]]), np.array([points.max(), -points.min()])
    try:
        equations = ConvexHull(points).equations
    except QhullError:  # flat up to rounding
        return _least_spread(points)[np.newaxis], np.zeros(1)
    return equations[:, :-1], -equations[:, -1]


def _search(
    points: Float, basis: Float, n_starts: int, random: np.random.Generator
) -> tuple[Float, Float]:
    """Return the directions of local maxima over the polar of the hull, and hull distances.

    The polar is {d : points · d ≤ 1}; a point of it at norm r is a halfspace that holds the hull
    and lies 1 / r from the centre.
    """
    starts = np.vstack([-basis, random.standard_normal((n_starts, points.shape[1]))])
    normals, distances = [], []
    for start in starts:
        direction = start / np.linalg.norm(start)
        reached = 0.0
        for _ in range(_STEPS):
            step = linprog(-direction, A_ub=points, b_ub=np.ones(len(points)), bounds=(None, None))
            if step.status == _UNBOUNDED or step.x is None:
                return direction[np.newaxis], np.zeros(1)
            norm = float(np.linalg.norm(step.x))
            if norm <= reached * (1 + 1e-9):
                break
            reached, direction = norm, step.x / norm
        normals.append(direction)
        distances.append(1 / reached)
    return np.array(normals), np.array(distances)
