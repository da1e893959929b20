"""The one EM loop: any model whose E-step is `em_pass` and whose M-step turns counts into tables.

A *state* is a class prior and a table of confusions in the kernels' layout. A *step* maps a
state to its objective and the next state. Plain EM repeats the step; SQUAREM extrapolates two
steps in the logarithms of the parameters and keeps the result only if the objective did not
fall, so the recorded path never falls either way.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from aggregate.kernels.em import FLOOR
from aggregate.kernels.squarem import extrapolate, log_differences

Float = NDArray[np.float64]

_LONGEST = 1e4  # SQUAREM steps beyond it only ever fail and cost a pass each


class State(NamedTuple):
    """Class prior (K,) and confusions (M·K, K), ``table[j·K + y, k]`` = P(j says y | k)."""

    prior: Float
    table: Float


class Counts(NamedTuple):
    """What a pass adds up: expected items per class, expected labels per truth."""

    mass: Float
    table: Float
    log_likelihood: float


class Fit(NamedTuple):
    """Where a run of EM ended: the last state whose objective was computed."""

    state: State
    objective_path: Float
    n_iter: int
    converged: bool


Step = Callable[[State], tuple[float, State]]


def run_em(step: Step, start: State, *, max_iter: int, tol: float, accelerate: bool) -> Fit:
    """Iterate ``step`` from ``start`` until the objective hardly rises.

    Parameters
    ----------
    step : callable
        ``step(state)`` returns the objective at the state and the next state.
    start : State
    max_iter : int
        Most passes, rejected extrapolations included.
    tol : float
        Converged when a pass (or an accelerated cycle of passes) raises the objective by
        less than this share of its size.
    accelerate : bool
        SQUAREM instead of plain steps.

    Returns
    -------
    Fit
        ``n_iter`` counts the passes; ``objective_path`` holds the objective of every state
        that was kept and its last entry belongs to the returned state.
    """
    states = (_squarem if accelerate else _plain)(step, start)
    path: list[float] = []
    state, converged, n_iter, checkpoint = start, False, 0, -np.inf
    for candidate, objective, kept, cycle_ends in states:
        n_iter += 1
        if kept:
            state = candidate
            path.append(objective)
        if cycle_ends and len(path) > 1:
            converged = path[-1] - checkpoint <= tol * abs(path[-1])
            checkpoint = path[-1]
        if converged or n_iter >= max_iter:
            break
    return Fit(state, np.array(path), n_iter, converged)


def warn_unless_converged(fit: Fit, max_iter: int, tol: float) -> None:
    """Tell the user that EM ran out of passes, unless ``tol=0`` says that it was to."""
    if not fit.converged and tol > 0:
        warnings.warn(
            f"EM had not converged after max_iter={max_iter} passes (the objective still rose by "
            f"more than tol={tol:g} of itself). Raise max_iter or tol; tol=0 says that stopping "
            "early is meant.",
            ConvergenceWarning,
            stacklevel=6,
        )


Visit = tuple[State, float, bool, bool]  # state, its objective, whether kept, end of a cycle


def _plain(step: Step, state: State) -> Iterator[Visit]:
    while True:
        objective, following = step(state)
        yield state, objective, True, True
        state = following


def _squarem(step: Step, state: State) -> Iterator[Visit]:
    """Visit states by Varadhan and Roland's S3 scheme, safeguarded (2008, section 5)."""
    while True:
        objective, first = step(state)
        yield state, objective, True, False
        objective, second = step(first)
        alpha, leap = _leap(state, first, second)
        yield first, objective, True, alpha == -1
        landed = second
        if alpha < -1:
            candidate = leap(alpha)
            reached, following = step(candidate)
            accepted = reached >= objective
            if not accepted:
                yield candidate, reached, False, False
                candidate = leap((alpha - 1) / 2)
                reached, following = step(candidate)
                accepted = reached >= objective
            yield candidate, reached, accepted, True
            landed = following if accepted else second
        state = landed


def _leap(old: State, middle: State, new: State) -> tuple[float, Callable[[float], State]]:
    """Return the step length α and the function that takes a step of a given length."""
    olds = (old.prior[:, np.newaxis], old.table)
    middles = (middle.prior[:, np.newaxis], middle.table)
    news = (new.prior[:, np.newaxis], new.table)
    steps = [np.empty_like(part) for part in olds]
    curvatures = [np.empty_like(part) for part in olds]
    rr = vv = 0.0
    for parts in zip(olds, middles, news, steps, curvatures, strict=True):
        part_rr, part_vv = log_differences(*parts)
        rr, vv = rr + part_rr, vv + part_vv
    alpha = -np.sqrt(rr / vv) if vv > 0 else -1.0
    alpha = float(np.clip(alpha, -_LONGEST, -1.0))

    def leap(length: float) -> State:
        ends = [np.empty_like(part) for part in olds]
        for origin, step, curvature, end in zip(olds, steps, curvatures, ends, strict=True):
            extrapolate(origin, step, curvature, length, len(old.prior), FLOOR, end)
        return State(ends[0][:, 0], ends[1])

    return alpha, leap
