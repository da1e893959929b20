"""Confusions with one chance of being right, per annotator or per annotator and true class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggregate.kernels.em import FLOOR

Float = NDArray[np.float64]


class Coins:
    """Maximise over confusions whose wrong labels are all equally likely.

    An annotator says the true class k with probability p and each other class with
    probability (1 - p) / (K - 1). The counts are reduced to how often the label was right.

    Parameters
    ----------
    n_classes : int
    accuracy : float
        Share of the pseudo-labels that are right.
    strength : float
        Pseudo-labels per coin; 0 is maximum likelihood.
    per_class : bool
        A coin for each true class instead of one for all.
    history : ndarray of shape (M, K, K), optional
        Labels counted in earlier work, truth in the rows.
    """

    def __init__(
        self,
        n_classes: int,
        accuracy: float,
        strength: float,
        *,
        per_class: bool,
        history: Float | None = None,
    ) -> None:
        self.n_classes, self.accuracy, self.per_class = n_classes, accuracy, per_class
        self.right: float | Float = strength * accuracy
        self.wrong: float | Float = strength * (1 - accuracy)
        if history is not None:
            right, wrong = self._tally(np.ascontiguousarray(history.transpose(0, 2, 1)))
            self.right, self.wrong = self.right + right, self.wrong + wrong

    def maximise(self, counts: Float) -> Float:
        """Return the table of probabilities that the counts make likeliest."""
        n_classes = self.n_classes
        if n_classes == 1:
            return np.ones_like(counts)
        right, wrong = self._tally(counts.reshape(-1, n_classes, n_classes))
        right, wrong = right + self.right, wrong + self.wrong
        total = right + wrong
        unknown = np.full(total.shape, self.accuracy)
        coin = np.divide(right, total, out=unknown, where=total > 0)[:, np.newaxis, :]
        table = np.empty((len(coin), n_classes, n_classes))
        table[:] = (1 - coin) / (n_classes - 1)
        classes = np.arange(n_classes)
        table[:, classes, classes] = coin[:, 0, :]
        return np.maximum(table.reshape(counts.shape), FLOOR)

    def log_prior(self, table: Float) -> float:
        """Return the log density of the table, up to a constant."""
        if self.n_classes == 1:
            return 0.0
        blocks = table.reshape(-1, self.n_classes, self.n_classes)
        coins = np.arange(self.n_classes if self.per_class else 1)
        right = np.log(blocks[:, coins, coins])
        wrong = np.log(blocks[:, (coins + 1) % self.n_classes, coins])
        return float((self.right * right + self.wrong * wrong).sum())

    def _tally(self, blocks: Float) -> tuple[Float, Float]:
        """Return right and wrong labels, shape (M, K) or (M, 1), of counts ``[j, y, k]``."""
        right = np.einsum("jkk->jk", blocks)
        wrong = blocks.sum(axis=1) - right
        wrong = np.maximum(wrong, 0.0)  # the difference of two sums may miss zero
        if self.per_class:
            return right, wrong
        return right.sum(axis=1, keepdims=True), wrong.sum(axis=1, keepdims=True)
