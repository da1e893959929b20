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


class Run(NamedTuple):
    """Where a run of EM stands between two cycles: all that it needs to go on from there.

    Until the run has converged, ``state`` is where the next cycle begins, whose objective is
    not known yet; then, it is where EM ended.
    """

    state: State
    objective_path: Float
    n_iter: int
    last_objective: float
    """Objective at the end of the cycle before, to which the next one's is compared."""
    converged: bool


Step = Callable[[State], tuple[float, State]]
Save = Callable[[Run], None]


def run_em(
    step: Step,
    start: State | Run,
    *,
    max_iter: int,
    tol: float,
    accelerate: bool,
    save: Save | None = None,
) -> Fit:
    """Iterate ``step`` from ``start`` until the objective hardly rises.

    Parameters
    ----------
    step : callable
        ``step(state)`` returns the objective at the state and the next state.
    start : State or Run
        Where to begin, or an earlier run to go on with.
    max_iter : int
        Most passes, rejected extrapolations and those of the earlier run included.
    tol : float
        Converged when a pass (or an accelerated cycle of passes) raises the objective by
        less than this share of its size.
    accelerate : bool
        SQUAREM instead of plain steps.
    save : callable, optional
        Called with the run after each cycle that another follows, or that ends in
        convergence. Going on with any of them gives what the uninterrupted run gives, to the
        last bit.

    Returns
    -------
    Fit
        ``n_iter`` counts the passes; ``objective_path`` holds the objective of every state
        that was kept and its last entry belongs to the returned state.
    """
    run = start if isinstance(start, Run) else fresh_run(start)
    if run.converged:
        return Fit(run.state, run.objective_path, run.n_iter, True)
    path: list[float] = run.objective_path.tolist()
    state, converged, n_iter, before = run.state, False, run.n_iter, run.last_objective
    for visit in (_squarem if accelerate else _plain)(step, run.state):
        n_iter += 1
        if visit.kept:
            state = visit.state
            path.append(visit.objective)
        if visit.following is not None:  # the end of a cycle
            converged = len(path) > 1 and path[-1] - before <= tol * abs(path[-1])
            before = path[-1] if len(path) > 1 else before
            if save is not None and (converged or n_iter < max_iter):
                next_state = state if converged else visit.following
                save(Run(next_state, np.array(path), n_iter, before, converged))
        if converged or n_iter >= max_iter:
            break
    return Fit(state, np.array(path), n_iter, converged)


def fresh_run(start: State, n_iter: int = 0) -> Run:
    """Return a run that is about to begin, ``n_iter`` passes having been spent elsewhere."""
    return Run(start, np.empty(0), n_iter, -np.inf, False)


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


class Visit(NamedTuple):
    """A state, its objective, whether it is kept, and what follows if a cycle ends here."""

    state: State
    objective: float
    kept: bool
    following: State | None


def _plain(step: Step, state: State) -> Iterator[Visit]:
    while True:
        objective, following = step(state)
        yield Visit(state, objective, True, following)
        state = following


def _squarem(step: Step, state: State) -> Iterator[Visit]:
    """Visit states by Varadhan and Roland's S3 scheme, safeguarded (2008, section 5)."""
    while True:
        objective, first = step(state)
        yield Visit(state, objective, True, None)
        objective, second = step(first)
        alpha, leap = _leap(state, first, second)
        yield Visit(first, objective, True, second if alpha == -1 else None)
        landed = second
        if alpha < -1:
            candidate = leap(alpha)
            reached, following = step(candidate)
            accepted = reached >= objective
            if not accepted:
                yield Visit(candidate, reached, False, None)
                candidate = leap((alpha - 1) / 2)
                reached, following = step(candidate)
                accepted = reached >= objective
            landed = following if accepted else second
            yield Visit(candidate, reached, accepted, landed)
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
        groups = (len(old.prior), _n_responses(old))
        for origin, step, curvature, group, end in zip(
            olds, steps, curvatures, groups, ends, strict=True
        ):
            extrapolate(origin, step, curvature, length, group, FLOOR, end)
        return State(ends[0][:, 0], ends[1])

    return alpha, leap


def _n_responses(state: State) -> int:
    """Return how many rows of the table are one distribution: each of them sums to one."""
    n_annotators = round(float(state.table[:, 0].sum()))
    return len(state.table) // n_annotators if n_annotators else len(state.prior)
