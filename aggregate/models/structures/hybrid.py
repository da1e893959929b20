"""Soft EM until the class prior settles, hard EM from there."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from aggregate.models._em import Fit, Run, Save, fresh_run
from aggregate.models._problem import Problem
from aggregate.models.dawid_skene import DawidSkene
from aggregate.models.structures.fast import harden

Float = NDArray[np.float64]

_SETTLED = 0.005  # sum of the changes of the class prior, as published


class HybridDawidSkene(DawidSkene):
    r"""Soft labels from votes by soft EM at first and hard EM at the end.

    The model of `DawidSkene`. Rounds of ordinary EM, on soft labels, go on until a round
    changes the class prior :math:`\pi` by no more than

    .. math:: \sum_k |\pi_k^{\text{new}} - \pi_k| \le 0.005,

    where k runs over the classes; hard EM (`FastDawidSkene`) finishes from there. The soft
    rounds keep it from believing undecided items at once, the hard ones end the slow crawl of
    EM. It fails where either does: items with few labels, annotators who err together.

    Parameters are those of `DawidSkene`, ``accelerate`` aside: the rounds are plain ones.

    Attributes
    ----------
    objective_path_ : ndarray
        The objective of `FastDawidSkene` after each hard round; it never falls.
    n_iter_ : int
        Rounds, soft and hard.
    confusion_, class_prior_, annotator_skill_, probas_, labels_ : ndarray
        As in `DawidSkene`, like all the others.

    References
    ----------
    V. B. Sinha, S. Rao and V. N. Balasubramanian, Fast Dawid-Skene: a fast vote aggregation
    scheme for sentiment classification, KDD workshop WISDOM, 2018, section 3.3.

    Examples
    --------
    >>> from aggregate import HybridDawidSkene
    >>> votes = [[0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 1, 0], [0, 0, -1]]
    >>> HybridDawidSkene().fit_predict(votes)
    array([0, 1, 0, 1, 0])
    """

    _streams: ClassVar[bool] = False

    def _climb(self, problem: Problem, run: Run, save: Save | None) -> Fit:
        if not len(run.objective_path):  # no hard round yet
            run = self._soften(problem, run, save)
        return harden(problem, run, max_iter=self.max_iter, tol=self.tol, save=save)

    def _soften(self, problem: Problem, run: Run, save: Save | None) -> Run:
        """Go through the soft rounds, whose objective is another and does not count."""
        change = np.inf
        while change > _SETTLED and run.n_iter < self.max_iter - 1:
            if save is not None:
                save(run)
            _, following = problem.step(run.state)
            change = float(np.abs(following.prior - run.state.prior).sum())
            run = fresh_run(following, run.n_iter + 1)
        return run
