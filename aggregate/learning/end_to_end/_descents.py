"""One fit from beginning to end: starts, the descent without regulariser, then with it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate.learning.end_to_end._crowd import Crowd
from aggregate.learning.end_to_end._networks import Network
from aggregate.learning.end_to_end._problem import CoupledProblem, Penalties
from aggregate.learning.end_to_end._solver import Descent, descend
from aggregate.learning.end_to_end._start import starting_confusion, starting_point

Float = NDArray[np.float64]


class Settings(NamedTuple):
    """What a fit is told, besides the data and the penalties.

    Attributes
    ----------
    init : str or ndarray of shape (M, K, K)
    n_init : int
    max_iter : int
    tol : float
    n_jobs : int or None
    seed : int
    progress : str or None
        Name of a progress bar.
    """

    init: Any
    n_init: int
    max_iter: int
    tol: float
    n_jobs: int | None
    seed: int
    progress: str | None = None


def fit_coupled(
    X: Any,
    crowd: Crowd,
    network: Network,
    penalties: Penalties,
    settings: Settings,
    start: Float | None = None,
) -> Descent:
    """Return the best descent from several starts.

    A regulariser acts once the descent without it has ended: a volume is flat, and the trace
    pulls away from the diagonal, where classifier and annotators know nothing yet.

    Parameters
    ----------
    X : ndarray or csr_array of shape (N, D)
    crowd : Crowd
    network : Network
    penalties : Penalties
    settings : Settings
    start : ndarray of shape (P,), optional
        Where to go on from; no other start is then tried.
    """
    steps = 0
    if start is None:
        plain = penalties._replace(strength=0.0)
        found = _best_start(CoupledProblem(X, crowd, network, plain, settings.n_jobs), settings)
        if penalties.strength == 0:
            return found
        steps, start = found.n_iter, found.point
    problem = CoupledProblem(X, crowd, network, penalties, settings.n_jobs)
    found = _descend(problem, start, settings)
    return found._replace(n_iter=steps + found.n_iter)


def _best_start(problem: CoupledProblem, settings: Settings) -> Descent:
    random = np.random.default_rng(settings.seed)
    target = problem.penalties.target
    confusion, train_first = starting_confusion(settings.init, problem.crowd, target)
    best: Descent | None = None
    for _ in range(settings.n_init):
        point = starting_point(problem, confusion, random, train_first=train_first)
        found = _descend(problem, point, settings)
        if best is None or found.path[-1] < best.path[-1]:
            best = found
    assert best is not None  # there is at least one start
    return best


def _descend(problem: CoupledProblem, start: Float, settings: Settings) -> Descent:
    return descend(
        problem.objective,
        start,
        problem.scale(),
        max_iter=settings.max_iter,
        tol=settings.tol,
        progress=settings.progress,
    )
