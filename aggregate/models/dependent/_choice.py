"""Choose among partitions of the annotators by the Bayesian information criterion."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate.annotations import Annotations
from aggregate.kernels.em import FLOOR
from aggregate.models._class_prior import ClassPrior
from aggregate.models._confusions import Confusions
from aggregate.models._em import Fit, State
from aggregate.models.dependent._partition import Groups, drop_single, partitions
from aggregate.models.dependent._two_level import TwoLevel

Float = NDArray[np.float64]

_ROUGH = 1e-6  # enough to compare partitions
_ROUGH_PASSES = 200
_NO_EVIDENCE = 3.0  # difference of log likelihoods below which two models are alike


class Crowd(NamedTuple):
    """Votes and priors, under which partitions of the annotators are compared.

    Parameters
    ----------
    annotations : Annotations
    gold : ndarray of int32, shape (N,), or None
    expected : ndarray of shape (K, K)
        Mean of the prior of every confusion.
    strength : float
        Pseudo-labels per row.
    class_prior : ClassPrior
    n_jobs : int or None
    """

    annotations: Annotations
    gold: NDArray[np.int32] | None
    expected: Float
    strength: float
    class_prior: ClassPrior
    n_jobs: int | None

    def fit(self, groups: Groups, max_iter: int, tol: float) -> Fit:
        """Run EM for a partition, from confusions of the prior's mean."""
        problem = TwoLevel(self.annotations, groups, self.gold, self.n_jobs)
        n_classes = self.annotations.n_classes
        start = State(
            self.class_prior.maximise(np.ones(n_classes)),
            np.tile(np.maximum(self.expected.T, FLOOR), (problem.shape[0] // n_classes, 1)),
        )
        confusions = Confusions(self.expected, self.strength)
        return problem.climb(start, confusions, self.class_prior, max_iter=max_iter, tol=tol)

    def criterion(self, groups: Groups) -> tuple[float, Float]:
        """Return how well a partition pays, and how well each group agrees with itself.

        The first is the objective less half a logarithm of N per number that groups add; the
        second the mean chance of a member to report the group's reading.
        """
        state, path, _, _ = self.fit(groups, _ROUGH_PASSES, _ROUGH)
        n_classes = self.annotations.n_classes
        n_groups = int(groups.max(initial=-1)) + 1
        labelled = int((self.annotations.labels_per_item > 0).sum())
        numbers = n_groups * n_classes * (n_classes - 1)
        # The prior's terms of the groups' own tables are no evidence against them.
        pseudo = self.strength * (self.expected * np.log(np.maximum(self.expected, FLOOR))).sum()
        value = path[-1] - n_groups * pseudo - 0.5 * numbers * np.log(max(labelled, 2))
        stack = state.table.reshape(-1, n_classes, n_classes)[: len(groups)]
        faith = np.einsum("jkk->j", stack) / n_classes
        return float(value), np.array([faith[groups == g].mean() for g in range(n_groups)])

    def choose(self, compared: NDArray[np.int64], scores: Float, most: int) -> Groups:
        """Return the best partition that clustering the scores and dissolving groups finds.

        Parameters
        ----------
        compared : ndarray of int, shape (C,)
            Annotators to whom the scores belong; others are alone.
        scores : ndarray of shape (C, C)
        most : int
            Most clusters tried.
        """
        best = np.full(self.annotations.n_annotators, -1, dtype=np.int32)
        if not scores.any():
            return best
        highest, _ = self.criterion(best)
        for found in partitions(scores, most):
            groups = np.full_like(best, -1)
            groups[compared] = found
            value, _ = self.criterion(groups)
            if value > highest:
                best, highest = groups, value
        best, highest = self._dissolve(best, highest)
        return self._turn(best, highest, compared)

    def _dissolve(self, groups: Groups, highest: float) -> tuple[Groups, float]:
        """Send the members of groups that do not pay for themselves to look at the truth."""
        _, faith = self.criterion(groups)
        kept = groups
        for g in np.argsort(faith, kind="stable"):  # those who agree least go first
            fewer = np.where(groups == g, np.int32(-1), kept).astype(np.int32)
            value, _ = self.criterion(drop_single(fewer))
            if value > highest:
                kept, highest = fewer, value
        return drop_single(kept), highest

    def _turn(self, groups: Groups, highest: float, compared: NDArray[np.int64]) -> Groups:
        """Let the only group and those who are alone change places, if that is as likely.

        One set looks at the truth, the other at a reading of it: from the votes alone, either
        may be which. The set that agrees more with itself is taken for the dependent one.
        """
        turned = np.full_like(groups, -1)
        turned[compared] = np.where(groups[compared] < 0, np.int32(0), np.int32(-1))
        if groups.max(initial=-1) != 0 or (turned == 0).sum() < 2:
            return groups
        value, faith = self.criterion(turned)
        _, before = self.criterion(groups)
        return turned if value > highest - _NO_EVIDENCE and faith[0] > before[0] else groups
