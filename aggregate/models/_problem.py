"""The Dawid–Skene likelihood of a data set, as something EM can climb from any start."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from aggregate._tables import row_codes
from aggregate.annotations import Annotations
from aggregate.models._class_prior import ClassPrior
from aggregate.models._em import Fit, Run, Save, State, run_em
from aggregate.models._passes import Passes
from aggregate.models._remote import RemoteVotes
from aggregate.models._responses import responses_of
from aggregate.models._stored_passes import StoredPasses

Float = NDArray[np.float64]


class Structure(Protocol):
    """What a family of confusion matrices must be able to do."""

    def maximise(self, counts: Float) -> Float:
        """Return the table of the family that the counts make likeliest."""

    def log_prior(self, table: Float) -> float:
        """Return the log prior density of a table, up to a constant."""


def passes_over(
    annotations: Annotations | RemoteVotes,
    gold: NDArray[np.int32] | None,
    n_jobs: int | None = None,
) -> Passes:
    """Return passes over annotations, abstentions included."""
    if isinstance(annotations, RemoteVotes):
        return annotations.passes(gold)
    votes = responses_of(annotations)
    if votes.on_disk:
        return StoredPasses(votes, gold, n_jobs, n_classes=annotations.n_classes)
    code = row_codes(votes.annotator, votes.label, votes.n_annotators, votes.n_classes)
    return Passes(votes, code, gold, n_jobs, n_classes=annotations.n_classes)


class Problem:
    """Votes, what is known of the truth, and which confusions and class priors are allowed.

    Parameters
    ----------
    annotations : Annotations
    gold : ndarray of int32, shape (N,), or None
    structure : Structure
    class_prior : ClassPrior
    n_jobs : int or None
    passes : Passes, optional
        Ready-made passes over the same items, which know the gold: those of a file or of a
        cluster. By default, they are made from the annotations.
    """

    def __init__(
        self,
        annotations: Annotations,
        gold: NDArray[np.int32] | None,
        structure: Structure,
        class_prior: ClassPrior,
        n_jobs: int | None = None,
        *,
        passes: Passes | None = None,
    ) -> None:
        self.passes = passes or passes_over(annotations, gold, n_jobs)
        self.structure, self.class_prior = structure, class_prior

    def step(self, state: State) -> tuple[float, State]:
        """Return the objective at a state and the state after one round of EM."""
        counts = self.passes.expect(state)
        objective = counts.log_likelihood + self.log_prior(state)
        table = self.structure.maximise(counts.table)
        return objective, State(self.class_prior.maximise(counts.mass), table)

    def log_prior(self, state: State) -> float:
        """Return the log prior density of a state, up to a constant."""
        return self.structure.log_prior(state.table) + self.class_prior.log_prior(state.prior)

    def from_soft_labels(self, soft_labels: Any) -> State:
        """Return the state that an M-step makes of soft labels."""
        counts = self.passes.count(soft_labels)
        table = self.structure.maximise(counts.table)
        return State(self.class_prior.maximise(counts.mass), table)

    def log_likelihood(self, state: State) -> float:
        """Return the log likelihood of the votes (and of gold) under a state."""
        return self.passes.expect(state).log_likelihood

    def climb(
        self,
        start: State | Run,
        *,
        max_iter: int,
        tol: float,
        accelerate: bool = True,
        progress: str | None = None,
        save: Save | None = None,
    ) -> Fit:
        """Run EM from a start, with a progress bar of that name if there is one."""
        initial = start.n_iter if isinstance(start, Run) else 0
        bar = tqdm(disable=progress is None, desc=progress, unit="pass", initial=initial)

        def step(state: State) -> tuple[float, State]:
            objective, following = self.step(state)
            bar.set_postfix(objective=f"{objective:.6g}", refresh=False)
            bar.update()
            return objective, following

        with bar:
            return run_em(step, start, max_iter=max_iter, tol=tol, accelerate=accelerate, save=save)
