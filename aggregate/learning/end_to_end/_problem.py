"""The penalised coupled cross-entropy of a data set as a function of one flat vector."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from aggregate._blocks import run_blocks
from aggregate.kernels.coupled import coupled_pass, softmax_rows, softmax_slope
from aggregate.learning.end_to_end._crowd import Crowd
from aggregate.learning.end_to_end._networks import Network
from aggregate.learning.end_to_end._objective import (
    from_table,
    kernel_table,
    log_det_f,
    log_det_w,
    trace,
)

Float = NDArray[np.float64]

_LEAST_KNOWN = 1e-4  # of a row of confusions, so that none is to move without bounds
_RIDGE = 1e-9  # of the largest that a Gram matrix can be: keeps its logarithm finite


class Penalties(NamedTuple):
    """What is added to the coupled cross-entropy.

    Attributes
    ----------
    alpha : float
        Of half the squared weights, in labels.
    anchor : float
        Pseudo-labels per row of a confusion matrix.
    target : ndarray of shape (K, K)
        Their distribution, truth in the rows.
    regularizer : str or None
    strength : float
        λ.
    """

    alpha: float
    anchor: float
    target: Float
    regularizer: str | None = None
    strength: float = 0.0

    def replaced(self, name: str, value: float) -> Penalties:
        """Return the same with another ``"alpha"`` or ``"strength"``."""
        return self._replace(alpha=value) if name == "alpha" else self._replace(strength=value)


class CoupledProblem:
    """The objective, its gradient, and how its coordinates are laid out.

    Parameters
    ----------
    X : ndarray or csr_array of shape (N, D)
        Features, scaled.
    crowd : Crowd
    network : Network
    penalties : Penalties
    n_jobs : int or None
    """

    def __init__(
        self, X: Any, crowd: Crowd, network: Network, penalties: Penalties, n_jobs: int | None
    ) -> None:
        self.crowd, self.network, self.penalties, self.n_jobs = crowd, network, penalties, n_jobs
        self.rows, self.entries = crowd.blocks()
        bounds = zip(self.rows[:-1], self.rows[1:], strict=True)
        self.parts = [X[first:last] for first, last in bounds]
        self.mask = network.penalised()
        self.known = np.flatnonzero(crowd.gold >= 0)
        self.known_class = crowd.gold[self.known]

    def split(self, point: Float) -> tuple[Float, Float]:
        """Return the network's numbers and the logits of the confusions, (M, K, K)."""
        n_classes, size = self.crowd.n_classes, self.network.size
        return point[:size], point[size:].reshape(-1, n_classes, n_classes)

    def scale(self) -> Float:
        """Return about how far each coordinate is to move: the less is known of it, the farther."""
        crowd, penalties = self.crowd, self.penalties
        share = crowd.uses().sum(axis=1) / crowd.total / crowd.n_classes
        known = share + penalties.anchor / crowd.total
        by_table = np.repeat((known + _LEAST_KNOWN) ** -0.5, crowd.n_classes**2)
        by_weight = (1 + penalties.alpha / crowd.total * self.mask) ** -0.5
        return np.concatenate([by_weight, by_table])

    def objective(self, point: Float) -> tuple[float, Float]:
        """Return the value at a point and the gradient."""
        weights, logits = self.split(point)
        confusion = softmax(logits, axis=2)
        soft, hidden = self._forward(weights)
        extra, to_soft, to_confusion = self._regularise(soft, confusion)
        value, to_weights, to_table = self._labels(weights, soft, hidden, confusion, to_soft)
        to_confusion += from_table(to_table)
        to_logits = to_confusion - (confusion * to_confusion).sum(axis=2, keepdims=True)
        to_logits *= confusion
        value += extra + self._pull(weights, logits, confusion, to_weights, to_logits)
        return value, np.concatenate([to_weights, to_logits.ravel()])

    def _forward(self, weights: Float) -> tuple[Float, list[Float | None]]:
        """Return the classifier's probabilities of all rows and the hidden values of each block."""
        soft = np.empty((self.crowd.n_rows, self.crowd.n_classes))

        def forward(block: int, _: int) -> Float | None:
            scores, hidden = self.network.scores(weights, self.parts[block])
            softmax_rows(scores)
            soft[self.rows[block] : self.rows[block + 1]] = scores
            return hidden

        return soft, list(run_blocks(forward, np.arange(len(self.rows)), self.n_jobs))

    def _regularise(self, soft: Float, confusion: Float) -> tuple[float, Float, Float]:
        """Return λ times the regulariser, and its derivatives by both arguments."""
        name, strength = self.penalties.regularizer, self.penalties.strength
        to_soft, to_confusion = np.zeros_like(soft), np.zeros_like(confusion)
        value = 0.0
        if strength == 0:
            return value, to_soft, to_confusion
        if name == "geocrowdnet-f":
            weight = self.crowd.row_weight
            value, to_soft = log_det_f(soft, weight=weight, ridge=_RIDGE * weight.sum())
        elif name == "geocrowdnet-w":
            value, to_confusion = log_det_w(confusion, ridge=_RIDGE * len(confusion))
        elif name == "trace":
            value, to_confusion = trace(confusion)
        signed = strength if name == "trace" else -strength
        return signed * value, signed * to_soft, signed * to_confusion

    def _labels(
        self,
        weights: Float,
        soft: Float,
        hidden: list[Float | None],
        confusion: Float,
        to_soft: Float,
    ) -> tuple[float, Float, Float]:
        """Return the cross-entropy and the slopes of everything by weights and table."""
        crowd, table = self.crowd, kernel_table(confusion)
        given, value = self._known_classes(soft, to_soft)
        rate, total = crowd.weight / crowd.total, np.zeros_like(table)

        def backward(block: int, _: int) -> tuple[float, Float, Float]:
            first, last = int(self.rows[block]), int(self.rows[block + 1])
            by_table, by_labels = np.zeros_like(table), np.zeros_like(soft[first:last])
            begin, end = int(self.entries[block]), int(self.entries[block + 1])
            found = coupled_pass(
                crowd.item[begin:end] - first, crowd.code[begin:end], rate[begin:end],
                given[first:last], table, 0, end - begin, by_labels, by_table,
            )  # fmt: skip
            by_labels[crowd.gold[first:last] >= 0] = 0.0
            by_labels += to_soft[first:last]
            softmax_slope(soft[first:last], by_labels)
            slope = self.network.slope(weights, self.parts[block], hidden[block], by_labels)
            return found, slope, by_table

        to_weights = np.zeros_like(weights)
        for found, slope, by_table in run_blocks(backward, np.arange(len(self.rows)), self.n_jobs):
            value += found
            to_weights += slope
            total += by_table
        return value, to_weights, total

    def _known_classes(self, soft: Float, to_soft: Float) -> tuple[Float, float]:
        """Return what the annotators were shown, and the classifier's loss on known classes.

        A known class is what the annotators saw, whatever the classifier says, and is one more
        label to the classifier itself.
        """
        if not len(self.known):
            return soft, 0.0
        given = soft.copy()
        given[self.known] = 0.0
        given[self.known, self.known_class] = 1.0
        chance = np.maximum(soft[self.known, self.known_class], 1e-300)
        rate = self.crowd.row_weight[self.known] / self.crowd.total
        to_soft[self.known, self.known_class] -= rate / chance
        return given, -float(rate @ np.log(chance))

    def _pull(
        self, weights: Float, logits: Float, confusion: Float, to_weights: Float, to_logits: Float
    ) -> float:
        """Return the penalties of large weights and of confusions far from the anchor.

        Their gradients are added in place.
        """
        alpha = self.penalties.alpha / self.crowd.total
        anchor = self.penalties.anchor / self.crowd.total
        target = self.penalties.target
        to_weights += alpha * self.mask * weights
        value = 0.5 * alpha * float((self.mask * weights**2).sum())
        if anchor:
            to_logits += anchor * (confusion - target)
            logs = logits - np.logaddexp.reduce(logits, axis=2, keepdims=True)
            value -= anchor * float((target * logs).sum())
        return value
