"""Hard EM: every item counts for its likeliest class alone."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from aggregate.annotations import Annotations
from aggregate.fusion import vote_shares
from aggregate.fusion.posterior import clamp
from aggregate.kernels.hard_em import hard_pass
from aggregate.models._em import Counts, Fit, Run, Save, State, run_em
from aggregate.models._passes import Passes
from aggregate.models._problem import Problem, Structure
from aggregate.models._start import Previous, Start
from aggregate.models._stored_passes import SharesOnDisk, StoredPasses
from aggregate.models.dawid_skene import DawidSkene
from aggregate.models.voting._voting import winners

Float = NDArray[np.float64]


class FastDawidSkene(DawidSkene):
    r"""Soft labels from votes by confusion matrices that are fitted to hard labels.

    The model of `DawidSkene`, fitted to the likeliest classes in place of the soft labels:
    maximise

    .. math::

        \sum_i \max_k \Bigl(\log \pi_k + \sum_{e \in i} \log A_{j_e}[k, y_e]\Bigr)
        + s \sum_{j,k,y} B[k, y] \log A_j[k, y] + \frac{s}{K} \sum_k \log \pi_k

    over the class prior :math:`\pi` and the confusions :math:`A_j`, where the inner sum runs
    over the labels :math:`y_e` of item i and s and B are the Dirichlet prior's strength and
    mean. Each round decides every item, then counts; it ends, mostly within ten rounds, when
    no decision changes. Where several classes are likeliest an item is shared out among them,
    so no order and no seed matters. The soft labels at the end are ordinary posteriors.

    On real crowds the decisions are as good as those of soft EM. It fails where single items
    are undecided (two or three labels each): a soft label waits for more evidence, a hard one
    is believed at once and stays.

    Parameters are those of `DawidSkene`, ``accelerate`` aside, which has no meaning here.

    Attributes
    ----------
    objective_path_ : ndarray
        The expression above after each round; it never falls.
    confusion_, class_prior_, annotator_skill_, probas_, labels_ : ndarray
        As in `DawidSkene`, like all the others.

    References
    ----------
    V. B. Sinha, S. Rao and V. N. Balasubramanian, Fast Dawid-Skene: a fast vote aggregation
    scheme for sentiment classification, KDD workshop WISDOM, 2018, algorithm 1.

    G. Celeux and G. Govaert, A classification EM algorithm for clustering and two stochastic
    versions, Computational Statistics and Data Analysis 14(3):315-332, 1992 (monotonicity).

    Examples
    --------
    >>> from aggregate import FastDawidSkene
    >>> votes = [[0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 1, 0], [0, 0, -1]]
    >>> model = FastDawidSkene().fit(votes)
    >>> model.labels_, model.n_iter_
    (array([0, 1, 0, 1, 0]), 3)
    """

    _streams: ClassVar[bool] = False

    def _start(
        self,
        annotations: Annotations,
        gold: NDArray[np.int32] | None,
        previous: Previous | None,
        history: Any,
    ) -> tuple[Start, Structure]:
        start, structure = super()._start(annotations, gold, previous, history)
        if previous is None and isinstance(self.init, str) and self.init == "votes":
            start = _FromWinners("votes", annotations, gold, start.default, None, self.n_jobs)
        return start, structure

    def _climb(self, problem: Problem, run: Run, save: Save | None) -> Fit:
        return harden(problem, run, max_iter=self.max_iter, tol=self.tol, save=save)


class _FromWinners(Start):
    """Start from who wins the vote, not from shares, as every later round does."""

    def _first(self, problem: Problem, random: np.random.Generator) -> State:
        if self.annotations.on_disk:
            return problem.from_soft_labels(SharesOnDisk(self.annotations, self.gold, winners))
        ahead = winners(vote_shares(self.annotations, n_jobs=self.n_jobs))
        return problem.from_soft_labels(clamp(ahead, self.gold))


def harden(problem: Problem, run: Run, *, max_iter: int, tol: float, save: Save | None) -> Fit:
    """Run hard EM from a start."""

    def step(state: State) -> tuple[float, State]:
        counts = expect_hard(problem.passes, state)
        objective = counts.log_likelihood + problem.log_prior(state)
        table = problem.structure.maximise(counts.table)
        return objective, State(problem.class_prior.maximise(counts.mass), table)

    return run_em(step, run, max_iter=max_iter, tol=tol, accelerate=False, save=save)


def expect_hard(passes: Passes, state: State) -> Counts:
    """Return the counts under each item's likeliest class, and their likelihood."""
    if isinstance(passes, StoredPasses):
        return passes.add_up(
            lambda bounds, pointers, code, into: hard_pass(
                pointers, code, passes.known(bounds), state.prior, state.table,
                0, len(pointers) - 1, into.table, into.mass,
            )
        )  # fmt: skip

    def block(first: int, last: int) -> Counts:
        counts = Counts(np.zeros(passes.shape[1]), np.zeros(passes.shape), 0.0)
        value = hard_pass(
            passes.item_ptr, passes.code, passes.gold, state.prior, state.table,
            first, last, counts.table, counts.mass,
        )  # fmt: skip
        return counts._replace(log_likelihood=value)

    return passes._sum(block)
