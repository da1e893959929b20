"""Go downhill on a smooth objective, never uphill, and say how flat it is where one stopped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from tqdm import tqdm

Float = NDArray[np.float64]

Objective = Callable[[Float], tuple[float, Float]]

_PAIRS = 20  # of steps and slopes kept, fewer where they would take a gigabyte
_NUMBERS = 5e7
_LOOSE = 10.0  # times `tol`: flat enough where rounding forbids any further step


class Descent(NamedTuple):
    """Where a descent ended.

    Attributes
    ----------
    point : ndarray of shape (P,)
    path : ndarray
        The objective at the start and after each step; it never rises.
    n_iter : int
        Steps.
    gradient_norm : float
        Largest slope along a coordinate, in the coordinates of the descent.
    converged : bool
    exhausted : bool
        Whether it ran out of steps.
    """

    point: Float
    path: Float
    n_iter: int
    gradient_norm: float
    converged: bool
    exhausted: bool


def descend(
    objective: Objective,
    start: Float,
    scale: Float,
    *,
    max_iter: int,
    tol: float,
    progress: str | None = None,
) -> Descent:
    """Minimise by L-BFGS, whose line search takes no step that raises the objective.

    Parameters
    ----------
    objective : callable
        Returns the value and the gradient at a point.
    start, scale : ndarray of shape (P,)
        Where to begin, and how far each coordinate may be expected to move: the descent is in
        ``point / scale``.
    max_iter : int
        Most steps.
    tol : float
        Stop where no slope, per unit of ``scale``, is steeper.
    progress : str, optional
        Name of a progress bar.

    References
    ----------
    D. C. Liu and J. Nocedal, On the limited memory BFGS method for large scale optimization,
    Mathematical Programming 45:503-528, 1989.
    """
    path: list[float] = []
    bar = tqdm(disable=progress is None, desc=progress, unit="step", total=max_iter)

    def scaled(point: Float) -> tuple[float, Float]:
        value, gradient = objective(point * scale)
        if not path:
            path.append(value)
        return value, gradient * scale

    def keep(intermediate_result: Any) -> None:
        path.append(float(intermediate_result.fun))
        bar.update()

    pairs = int(np.clip(_NUMBERS / max(len(start), 1), 4, _PAIRS))
    options = {
        "maxiter": max_iter, "maxfun": 20 * max_iter, "ftol": 0.0, "gtol": tol, "maxcor": pairs,
    }  # fmt: skip
    with bar:
        found = minimize(
            scaled, start / scale, jac=True, method="L-BFGS-B", callback=keep, options=options
        )
    norm = float(np.abs(found.jac).max(initial=0.0))
    exhausted = found.status == 1  # status 2: no step along the slope lowers the objective
    flat = norm <= (tol if exhausted else _LOOSE * tol)
    return Descent(found.x * scale, np.array(path), int(found.nit), norm, flat, exhausted)
