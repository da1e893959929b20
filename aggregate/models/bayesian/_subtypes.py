"""Variational Bayes where every class has subtypes with confusions of their own."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate._tables import row_codes
from aggregate.annotations import Annotations
from aggregate.kernels.dirichlet import expect_log
from aggregate.kernels.em import posterior_counts
from aggregate.kernels.mixture import mixture_pass
from aggregate.models._em import Counts, Fit, State, run_em
from aggregate.models._passes import Passes

Float = NDArray[np.float64]

_ALIVE = 1e-6  # items; a subtype with fewer has a log probability that forbids it to grow
_ITEMS_AT_ONCE = 8192  # random starts are drawn in chunks: memory stays linear in the labels


class Logs(NamedTuple):
    """Expected logarithms under a state, and its divergence from the priors."""

    prior: Float
    table: Float
    divergence: float


class Subtypes:
    """Dirichlet priors on classes, subtypes and confusions of a data set.

    A state's prior holds the parameters of the classes' distribution (K,), then those of the
    subtypes', (K, G); its table those of the confusions, ``[j·K + y, k·L + g]``, of the L
    first subtypes of each class. L is G to begin with. Most subtypes soon lose all items and
    cannot regain any; sorted by their items, they leave the table at the end and cost nothing.

    Parameters
    ----------
    annotations : Annotations
    gold : ndarray of int32, shape (N,), or None
    class_pseudo : ndarray of shape (K,)
    subtype_pseudo : ndarray of shape (K, G)
    pseudo : ndarray of shape (K, K)
        Parameters ``[y, k]`` of a confusion matrix, the same for all subtypes.
    """

    def __init__(
        self,
        annotations: Annotations,
        gold: NDArray[np.int32] | None,
        class_pseudo: Float,
        subtype_pseudo: Float,
        pseudo: Float,
    ) -> None:
        self.n_classes, self.n_groups = subtype_pseudo.shape
        code = row_codes(
            annotations.annotator, annotations.label, annotations.n_annotators, self.n_classes
        )
        self.passes = Passes(annotations, code, gold, None)
        self.n_rows = self.passes.shape[0]
        self.class_pseudo, self.subtype_pseudo = class_pseudo, subtype_pseudo
        self.pseudo = pseudo

    def unsplit(self, soft_labels: Float) -> State:
        """Return the state with one subtype per class, which no round can split again."""
        counts = self.passes.count(soft_labels)
        return self.learn(counts.mass, counts.table)

    def start(self, soft_labels: Float, random: np.random.Generator) -> State:
        """Return the state after splitting every item's soft label at random over subtypes."""
        passes = self.passes
        total = self._zeros(self.n_groups)
        for first in range(0, len(soft_labels), _ITEMS_AT_ONCE):
            chunk = soft_labels[first : first + _ITEMS_AT_ONCE]
            split = random.standard_exponential((*chunk.shape, self.n_groups))
            split *= (chunk / split.sum(axis=2))[:, :, np.newaxis]
            posterior = split.reshape(len(chunk), -1)
            pointers = passes.item_ptr[first : first + len(chunk) + 1]
            posterior_counts(
                pointers, passes.code, posterior, 0, len(chunk), total.table, total.mass
            )
        return self.learn(total.mass, total.table)

    def learn(self, mass: Float, counts: Float) -> State:
        """Return the posteriors that expected counts make of the priors."""
        items = mass.reshape(self.n_classes, -1)
        order = np.argsort(-items, axis=1, kind="stable")
        n_alive = max(1, int((items > _ALIVE).sum(axis=1).max()))
        if n_alive < items.shape[1]:
            order = order[:, :n_alive]
            columns = order + items.shape[1] * np.arange(self.n_classes)[:, np.newaxis]
            items = np.take_along_axis(items, order, axis=1)
            counts = np.ascontiguousarray(counts[:, columns.ravel()])
        classes = items.sum(axis=1) + self.class_pseudo
        subtypes = self.subtype_pseudo.copy()
        subtypes[:, : items.shape[1]] += items
        counts += np.tile(self.repeated_pseudo(items.shape[1]), (self.n_rows // self.n_classes, 1))
        return State(np.concatenate([classes, subtypes.ravel()]), counts)

    def repeated_pseudo(self, n_groups: int) -> Float:
        """Return the confusions' pseudo-counts with one column per class and subtype."""
        return np.repeat(self.pseudo, n_groups, axis=1)

    def split(self, prior: Float) -> tuple[Float, Float]:
        """Return the parameters of the classes, (K,), and of the subtypes, (K, G)."""
        subtypes = prior[self.n_classes :].reshape(self.n_classes, self.n_groups)
        return prior[: self.n_classes], subtypes

    def logs(self, state: State) -> Logs:
        """Return the expected logarithms under a state."""
        classes, subtypes = self.split(state.prior)
        class_logs, one = _expect(classes[:, np.newaxis], self.class_pseudo[:, np.newaxis])
        subtype_logs, two = _expect(
            np.ascontiguousarray(subtypes.T), np.ascontiguousarray(self.subtype_pseudo.T)
        )
        n_alive = state.table.shape[1] // self.n_classes
        table, three = _expect(state.table, self.repeated_pseudo(n_alive))
        prior = class_logs + subtype_logs.T[:, :n_alive]
        return Logs(prior.ravel(), table, one + two + three)

    def step(self, state: State) -> tuple[float, State]:
        """Return the lower bound at a state and the state after one round."""
        logs = self.logs(state)
        passes = self.passes
        n_alive = len(logs.prior) // self.n_classes

        def block(first: int, last: int) -> Counts:
            counts = self._zeros(n_alive)
            value = mixture_pass(
                passes.item_ptr, passes.code, passes.gold, n_alive, logs.prior, logs.table,
                first, last, counts.table, counts.mass,
            )  # fmt: skip
            return counts._replace(log_likelihood=value)

        counts = passes._sum(block)
        return counts.log_likelihood - logs.divergence, self.learn(counts.mass, counts.table)

    def climb(self, start: State, *, max_iter: int, tol: float) -> Fit:
        """Go round from a start until the bound hardly rises."""
        return run_em(self.step, start, max_iter=max_iter, tol=tol, accelerate=False)

    def _zeros(self, n_groups: int) -> Counts:
        n_columns = self.n_classes * n_groups
        return Counts(np.zeros(n_columns), np.zeros((self.n_rows, n_columns)), 0.0)


def _expect(weights: Float, pseudo: Float) -> tuple[Float, float]:
    logs = np.empty_like(weights)
    divergence = expect_log(weights, pseudo, len(pseudo), logs)
    return logs, float(divergence)
