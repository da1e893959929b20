"""What the structures share whose confusions have fewer parameters than entries."""

from __future__ import annotations

from aggregate.models._em import Fit, Run, Save, fresh_run
from aggregate.models._problem import Problem
from aggregate.models.dawid_skene import DawidSkene


class TiedDawidSkene(DawidSkene):
    """A Dawid-Skene model that allows a family of confusions smaller than all of them."""

    def _climb(self, problem: Problem, run: Run, save: Save | None) -> Fit:
        # Given confusions need not belong to the family; what follows a step does, and so do
        # the extrapolations from there, since the families are closed under products.
        if run.n_iter == 0:
            run = fresh_run(problem.step(run.state)[1])
        return super()._climb(problem, run, save)
