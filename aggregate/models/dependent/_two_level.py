"""The likelihood of a crowd in groups, as something EM can climb."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggregate._blocks import fill_blocks, item_blocks, run_blocks
from aggregate._tables import row_codes
from aggregate.annotations import Annotations
from aggregate.kernels.groups import group_em_pass, group_log_joint
from aggregate.models._class_prior import ClassPrior
from aggregate.models._confusions import Confusions
from aggregate.models._em import Fit, State, run_em

Float = NDArray[np.float64]
Groups = NDArray[np.int32]

_NO_GOLD = np.empty(0, dtype=np.int32)


class TwoLevel:
    """Votes of annotators in known groups.

    A state's table holds the annotators' confusions and, behind them, the groups' (see
    `aggregate.kernels.groups`).

    Parameters
    ----------
    annotations : Annotations
    groups : ndarray of int32, shape (M,)
        Group of each annotator, -1 for none.
    gold : ndarray of int32, shape (N,), or None
    n_jobs : int or None
    """

    def __init__(
        self,
        annotations: Annotations,
        groups: Groups,
        gold: NDArray[np.int32] | None = None,
        n_jobs: int | None = None,
    ) -> None:
        by_entry = groups[annotations.annotator]
        order = np.lexsort((by_entry, annotations.item))  # an item's labels by group
        self.item_ptr, self.group = annotations.item_ptr, by_entry[order]
        self.n_classes, self.n_items = annotations.n_classes, annotations.n_items
        self.code = row_codes(
            annotations.annotator[order],
            annotations.label[order],
            annotations.n_annotators,
            annotations.n_classes,
        )
        self.gold, self.n_jobs = (_NO_GOLD if gold is None else gold), n_jobs
        self.base = annotations.n_annotators * annotations.n_classes
        n_tables = annotations.n_annotators + int(groups.max(initial=-1)) + 1
        self.shape = (n_tables * annotations.n_classes, annotations.n_classes)
        self.bounds = item_blocks(self.item_ptr, table_size=self.shape[0])

    def expect(self, state: State) -> tuple[float, Float, Float]:
        """Return the log likelihood and the expected counts and class sizes."""
        log_table = np.log(state.table)

        def block(first: int, last: int) -> tuple[float, Float, Float]:
            counts, mass = np.zeros(self.shape), np.zeros(self.n_classes)
            value = group_em_pass(
                self.item_ptr, self.code, self.group, self.gold, state.prior, state.table,
                log_table, self.base, first, last, counts, mass,
            )  # fmt: skip
            return value, counts, mass

        value, counts, mass = 0.0, np.zeros(self.shape), np.zeros(self.n_classes)
        for part in run_blocks(block, self.bounds, self.n_jobs):
            value += part[0]
            counts += part[1]
            mass += part[2]
        return value, counts, mass

    def climb(
        self,
        start: State,
        confusions: Confusions,
        class_prior: ClassPrior,
        *,
        max_iter: int,
        tol: float,
    ) -> Fit:
        """Run EM from a start."""

        def step(state: State) -> tuple[float, State]:
            value, counts, mass = self.expect(state)
            value += confusions.log_prior(state.table) + class_prior.log_prior(state.prior)
            return value, State(class_prior.maximise(mass), confusions.maximise(counts))

        return run_em(step, start, max_iter=max_iter, tol=tol, accelerate=True)

    def log_joint(self, state: State) -> Float:
        """Return the log probability of each class together with the item's labels, (N, K)."""
        joint, log_table = np.empty((self.n_items, self.n_classes)), np.log(state.table)
        fill_blocks(
            lambda first, last: group_log_joint(
                self.item_ptr, self.code, self.group, state.prior, state.table, log_table,
                self.base, first, last, joint,
            ),
            item_blocks(self.item_ptr),
            self.n_jobs,
        )  # fmt: skip
        return joint
