"""What the structures share whose confusions have fewer parameters than entries."""

from __future__ import annotations

from aggregate.models._em import Fit, State
from aggregate.models._problem import Problem
from aggregate.models.dawid_skene import DawidSkene


class TiedDawidSkene(DawidSkene):
    """A Dawid-Skene model that allows a family of confusions smaller than all of them."""

    def _climb(self, problem: Problem, state: State) -> Fit:
        # Given confusions need not belong to the family; what follows a step does, and so do
        # the extrapolations from there, since the families are closed under products.
        _, state = problem.step(state)
        return super()._climb(problem, state)
