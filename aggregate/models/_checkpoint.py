"""Checkpoints of long fits: killed at any moment, the next run goes on and ends the same.

A file holds the run of every start that has begun (`Run`), the state of the random numbers
after the last of them was drawn, and fingerprints of all that the fit depends on.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import check_number, first_few
from aggregate._version import __version__
from aggregate.annotations import Annotations
from aggregate.io.archive import Arrays, Kind, read_archive, write_archive
from aggregate.io.errors import ReadError, WriteError
from aggregate.io.replacing import remove_leftovers
from aggregate.models._em import Run, State
from aggregate.models._fingerprint import Dependence, Fingerprints, parameters_that_matter
from aggregate.models._remote import RemoteVotes
from aggregate.models._responses import responses_of

# A new number wherever a state or what a pass makes of it changes its meaning.
_FLOAT: Final = np.dtype(np.float64)
_KIND: Final = Kind("aggregate checkpoint", 1, "checkpoint")


class Checkpoint:
    """A file that holds where a fit stands, read at its beginning and written now and then.

    Parameters
    ----------
    path : str or path-like
    every : int
        Passes between two writes, at least.
    fingerprints : dict from what the fit depends on to its fingerprint

    Raises
    ------
    ReadError
        If there is a file that is no checkpoint.
    ValueError
        If it is the checkpoint of another fit; the message says what differs.
    WriteError
        If the folder cannot be written to.
    """

    def __init__(
        self, path: str | os.PathLike[str], every: int, fingerprints: Fingerprints
    ) -> None:
        self.path, self.every, self.fingerprints = _check_path(path), every, fingerprints
        self.runs: list[Run] = []
        self.random_state: Any = None
        self._written = (-1, 0)  # a start and how many of its passes are in the file
        remove_leftovers(self.path)
        if self.path.exists():
            header, arrays = read_archive(self.path, _KIND)
            _check_same(self.path, header.get("fingerprints"), fingerprints)
            self.runs = _unpack(arrays)
            self.random_state = _from_json(header.get("random_state"))

    def earlier(self, turn: int, max_iter: int, shape: tuple[int, int]) -> Run | None:
        """Return how far the start number ``turn`` has come, or None if it has not begun."""
        if turn >= len(self.runs):
            return None
        run = self.runs[turn]
        prior, table = run.state
        fits = table.ndim == 2 and table.shape[0] >= shape[0] and table.shape[1] == shape[1]
        if not fits or prior.shape != shape[1:] or {prior.dtype, table.dtype} != {_FLOAT}:
            raise ReadError(f"{self.path} is damaged: its state is not one of this fit.")
        if run.n_iter >= max_iter + run.converged:
            raise ValueError(
                f"{self.path} has gone through {run.n_iter} passes already; max_iter={max_iter} "
                "allows no more. Raise max_iter, or delete the file to begin afresh."
            )
        return run

    def begin(self, start: Run, random: np.random.Generator) -> None:
        """Note a new start and where the random numbers stand once it is drawn."""
        self.runs.append(start)
        self.random_state = random.bit_generator.state

    def restore(self, random: np.random.Generator) -> None:
        """Put random numbers where they stood when the last start had been drawn."""
        if self.random_state is not None:
            random.bit_generator.state = self.random_state

    def save(self, turn: int, run: Run) -> None:
        """Note how far a start has come; write it if enough passes have gone by."""
        since = self.runs[turn].n_iter if turn != self._written[0] else self._written[1]
        self._written = turn, since
        self.runs[turn] = run
        if run.n_iter - since >= self.every:
            self.write()
            self._written = turn, run.n_iter

    def write(self) -> None:
        """Write the file, whole or not at all."""
        header = {
            "package_version": __version__,
            "fingerprints": self.fingerprints,
            "random_state": _to_json(self.random_state),
        }
        write_archive(self.path, _KIND, header, _pack(self.runs))


def _to_json(state: Any) -> Any:
    """Return a generator's state without arrays, which some kinds have in it."""
    if isinstance(state, dict):
        return {name: _to_json(value) for name, value in state.items()}
    if isinstance(state, np.ndarray):
        return [state.dtype.name, state.tolist()]
    return state


def _from_json(state: Any) -> Any:
    if isinstance(state, dict):
        return {name: _from_json(value) for name, value in state.items()}
    if isinstance(state, list):
        name, values = state
        return np.array(values, dtype=name)
    return state


def checkpoint_of(
    model: Any,
    annotations: Annotations,
    gold: NDArray[np.int32] | None,
    *,
    history: Any = None,
    previous: Any = None,
) -> Checkpoint | None:
    """Return the checkpoint that a model's parameters name, or None.

    Parameters
    ----------
    model : BaseAggregator
        With the parameters ``checkpoint`` and ``checkpoint_every``.
    annotations : Annotations
    gold : ndarray of int32, shape (N,), or None
    history, previous : object
        What the fit depends on besides.
    """
    check_number("checkpoint_every", model.checkpoint_every, low=1, integer=True)
    if model.checkpoint is None:
        return None
    if isinstance(annotations, RemoteVotes):
        raise ValueError(
            "checkpoint= is for votes in memory or in a folder; these are elsewhere. Leave it out."
        )
    parameters = parameters_that_matter(model)
    fit = Dependence(gold, history, previous, parameters, type(model).__name__)
    return Checkpoint(
        model.checkpoint, model.checkpoint_every, fit.fingerprints(responses_of(annotations))
    )


def _check_path(path: str | os.PathLike[str]) -> Path:
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"checkpoint must be the path of a file; got {path!r}.")
    place = Path(path)
    if place.is_dir():
        raise WriteError(f"checkpoint: {place} is a folder; name a file in it.")
    if not place.absolute().parent.is_dir():
        raise WriteError(f"checkpoint: there is no folder {place.parent}; make it first.")
    if not os.access(place.absolute().parent, os.W_OK):
        raise WriteError(f"checkpoint: no permission to write in {place.absolute().parent}.")
    return place


def _check_same(path: Path, before: Any, now: Fingerprints) -> None:
    before = before if isinstance(before, dict) else {}
    differ = [name for name in now if before.get(name) != now[name]]
    differ += [name for name in before if name not in now]
    if differ:
        raise ValueError(
            f"{path} is the checkpoint of another fit, which differs in "
            f"{first_few(differ)}. Name another file, or delete this one to begin afresh."
        )


def _pack(runs: list[Run]) -> Arrays:
    arrays: Arrays = {}
    for turn, run in enumerate(runs):
        arrays[f"{turn}.prior"], arrays[f"{turn}.table"] = run.state
        arrays[f"{turn}.objective_path"] = run.objective_path
        arrays[f"{turn}.last_objective"] = np.array(run.last_objective)
        arrays[f"{turn}.n_iter"] = np.array(run.n_iter)
        arrays[f"{turn}.converged"] = np.array(run.converged)
    return arrays


def _unpack(arrays: Arrays) -> list[Run]:
    runs: list[Run] = []
    while f"{len(runs)}.prior" in arrays:
        turn = len(runs)
        state = State(arrays[f"{turn}.prior"], arrays[f"{turn}.table"])
        runs.append(
            Run(
                state,
                arrays[f"{turn}.objective_path"],
                int(arrays[f"{turn}.n_iter"]),
                float(arrays[f"{turn}.last_objective"]),
                bool(arrays[f"{turn}.converged"]),
            )
        )
    return runs
