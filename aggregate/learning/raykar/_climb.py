"""Climb the joint likelihood of classifier and annotators by quasi-Newton steps.

Plain EM alternates between the rows' posteriors and a whole regression. The posteriors give the
gradient of the objective itself, so instead every pass over the rows feeds one L-BFGS step in all
parameters at once, which needs several times fewer passes. Steps are taken in coordinates in which
the expected complete likelihood has about unit curvature; these are taken afresh where a leg of
the climb ends. On the first leg the annotators stay as the votes suggest: judged before the
features are heard, they drift to worse optima. Within a leg the line search, and between legs the
start at the point reached, see to it that the objective never falls.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize
from sklearn.exceptions import ConvergenceWarning
from tqdm import tqdm

from aggregate.learning.raykar._joint_likelihood import JointLikelihood, Point, View, table_of

Float = NDArray[np.float64]

_LEGS = (20, 20, 40, 80)
_MEMORY = 10
_SETTLED = 10  # a whole leg may gain this many times the tolerance where the climb has converged


class Climb(NamedTuple):
    """Where a climb ended, and the objective after each step that was kept."""

    point: Point
    view: View
    objective_path: Float
    n_iter: int
    converged: bool


class Coordinates:
    """Coordinates in which the objective near a point has about unit curvature.

    Parameters
    ----------
    problem : JointLikelihood
    point : Point
    view : View
        What a pass tells of the point.
    annotators : bool
        Whether the table has coordinates, too; else it stays.
    """

    def __init__(
        self, problem: JointLikelihood, point: Point, view: View, *, annotators: bool = True
    ) -> None:
        self.problem = problem
        weight = (1 - (view.probas**2).sum(axis=1)) / 2 + 1e-6
        self.whitener = problem.rows.features.whitener(weight, problem.ridge)
        self.intercept = 1 / np.sqrt(weight.sum() + problem.strength / 4)
        said = problem.said(view)
        self.logits = 1 / np.sqrt(said * (1 - point.table.reshape(said.shape)) + 0.1)
        self.origin = point
        self.log_table = np.log(point.table).reshape(said.shape)
        n_weights, n_classes = point.weights.size, problem.n_classes
        self.ends = [n_weights, n_weights + n_classes]
        self.annotators = annotators

    def zero(self) -> Float:
        """Return the coordinates of the point itself."""
        return np.zeros(self.ends[1] + self.annotators * self.logits.size)

    def point(self, step: Float) -> Point:
        """Return the point at some coordinates."""
        weights, intercept, logits = np.split(step, self.ends)
        moved = self._whiten(weights.reshape(self.origin.weights.shape))
        table = self.origin.table
        if self.annotators:
            table = table_of(self.log_table + self.logits * logits.reshape(self.logits.shape))
        return Point(
            self.origin.weights + moved, self.origin.intercept + self.intercept * intercept, table
        )

    def pull_back(self, gradient: Point) -> Float:
        """Return a gradient by the coordinates."""
        weights = self._whiten(gradient.weights, transposed=True)
        parts = [weights.ravel(), self.intercept * gradient.intercept]
        if self.annotators:
            parts.append((gradient.table.reshape(self.logits.shape) * self.logits).ravel())
        return np.concatenate(parts)

    def _whiten(self, columns: Float, *, transposed: bool = False) -> Float:
        if self.whitener.ndim == 1:
            return columns * self.whitener[:, np.newaxis]
        return np.asarray((self.whitener.T if transposed else self.whitener) @ columns)


def climb(
    problem: JointLikelihood,
    start: Point,
    *,
    max_iter: int,
    tol: float,
    progress: str | None = None,
) -> Climb:
    """Climb from a start until the objective hardly rises any more.

    A leg ends where a step raises it by less than ``tol`` of its size. The climb ends where a leg
    in fresh coordinates gains next to nothing.

    Parameters
    ----------
    problem : JointLikelihood
    start : Point
    max_iter : int
        Most steps; nearly every one takes a single pass over the rows.
    tol : float
    progress : str, optional
        Name of a progress bar.

    Returns
    -------
    Climb
    """
    point = start
    view = first = problem.view(start)
    path, converged = [view.objective], False
    legs = iter(_LEGS)
    with tqdm(disable=progress is None, desc=progress, unit="step") as bar:

        def report(intermediate_result: OptimizeResult) -> None:
            path.append(-float(intermediate_result.fun))
            bar.set_postfix(objective=f"{path[-1]:.6g}", refresh=False)
            bar.update()

        while not converged and len(path) <= max_iter:
            before, alone = len(path), view is first
            leg = min(next(legs, max_iter), max_iter + 1 - before)
            coordinates = Coordinates(problem, point, view, annotators=not alone)
            end = _leg(problem, coordinates, leg, tol, report)
            point = coordinates.point(end.x)
            view = problem.view(point)
            gain, stepped = path[-1] - path[before - 1], len(path) > before
            settled = gain <= _SETTLED * tol * max(abs(path[-1]), 1)
            # Status 1 is a leg's end; 2, that the line search finds nothing higher in doubles.
            converged = not alone and (not stepped or (end.status != 1 and settled))
    return Climb(point, view, np.array(path), len(path) - 1, converged)


def _leg(
    problem: JointLikelihood, coordinates: Coordinates, steps: int, tol: float, report: object
) -> OptimizeResult:
    def fall(step: Float) -> tuple[float, Float]:
        there = coordinates.point(step)
        seen = problem.view(there)
        return -seen.objective, -coordinates.pull_back(problem.gradient(there, seen))

    options = {"maxiter": steps, "maxfun": 20 * steps, "ftol": tol, "gtol": 0, "maxcor": _MEMORY}
    return minimize(
        fall, coordinates.zero(), jac=True, method="L-BFGS-B", callback=report, options=options
    )


def warn_unless_converged(climbed: Climb, max_iter: int, tol: float) -> None:
    """Tell the user that the climb ran out of steps, unless ``tol=0`` says that it was to."""
    if not climbed.converged and tol > 0:
        warnings.warn(
            f"the fit had not converged after max_iter={max_iter} steps (the objective still rose "
            f"by more than tol={tol:g} of itself). Raise max_iter or tol; tol=0 says that stopping "
            "early is meant.",
            ConvergenceWarning,
            stacklevel=4,
        )
