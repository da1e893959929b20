"""Climb from one start or several, keep the best; go on where a checkpoint left off."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from aggregate.models._checkpoint import Checkpoint
from aggregate.models._em import Fit, Run, Save, State, fresh_run

Draw = Callable[[int, np.random.Generator], State]
Climb = Callable[[Run, Save | None], Fit]


def best_fit(
    draw: Draw,
    climb: Climb,
    *,
    shape: tuple[int, int],
    n_init: int,
    max_iter: int,
    random_state: int | np.random.Generator | None,
    checkpoint: Checkpoint | None = None,
) -> Fit:
    """Return the fit with the highest objective.

    Parameters
    ----------
    draw : callable
        ``draw(turn, random)`` returns the state that start number ``turn`` begins with.
    climb : callable
        ``climb(run, save)`` goes on with a run to its end.
    shape : (int, int)
        What the table of a state must have: at least so many rows, exactly so many columns.
    n_init, max_iter : int
        Starts, and most passes of each.
    random_state : int, Generator or None
    checkpoint : Checkpoint, optional
        Starts that it knows are not drawn again, but gone on with.
    """
    random = np.random.default_rng(random_state)
    if checkpoint is not None:
        checkpoint.restore(random)
    best: Fit | None = None
    for turn in range(n_init):
        run = None if checkpoint is None else checkpoint.earlier(turn, max_iter, shape)
        if run is None:
            run = fresh_run(draw(turn, random))
            if checkpoint is not None:
                checkpoint.begin(run, random)
        fit = climb(run, None if checkpoint is None else partial(checkpoint.save, turn))
        if checkpoint is not None:
            checkpoint.write()
        if best is None or fit.objective_path[-1] > best.objective_path[-1]:
            best = fit
    assert best is not None  # there is at least one start
    return best
