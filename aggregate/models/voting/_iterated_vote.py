"""Truth discovery as a loop: vote, weigh annotators by their losses, vote again."""

from __future__ import annotations

import warnings
from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from aggregate._validation import check_number
from aggregate.annotations import Annotations
from aggregate.models.voting._voting import BaseVote, Weights, agreement

Float = NDArray[np.float64]


class IteratedVote(BaseVote):
    """A weighted vote whose weights are a function of each annotator's losses against it.

    A subclass has the parameter ``max_iter`` besides those of the base, and says by ``_weigh``
    what weight follows from the losses. The loop starts at equal weights, stops when no winner
    changes, and shares the loss of a tied vote among the tied classes.
    """

    @abstractmethod
    def _weigh(self, loss: Float, given: Float) -> Float:
        """Return weights of at least 0 from the sums of 0/1 losses and the numbers of labels."""

    def _learn_weights(self, annotations: Annotations, gold: NDArray[np.int32] | None) -> Weights:
        check_number("max_iter", self.max_iter, low=1, integer=True)
        given = annotations.labels_per_annotator.astype(np.float64)
        consensus = self._consensus(annotations, None, gold)
        weight = np.ones(len(given))
        for n_iter in range(1, self.max_iter + 1):
            weight = self._weights(given - agreement(annotations, consensus), given)
            following = self._consensus(annotations, weight, gold)
            if np.array_equal(following, consensus):
                return Weights(weight, n_iter, True)
            consensus = following
        warnings.warn(
            f"the winners of the vote still changed after max_iter={self.max_iter} rounds; raise "
            "max_iter, or use ZenCrowd or DawidSkene if they go round in circles.",
            ConvergenceWarning,
            stacklevel=5,
        )
        return Weights(weight, self.max_iter, False)

    def _weights(self, loss: Float, given: Float) -> Float:
        """Weigh those who gave labels; the others get the mean, and all one if nobody counts."""
        active = given > 0
        weight = np.zeros(len(given))
        weight[active] = self._weigh(np.maximum(loss[active], 0.0), given[active])
        if not weight.any():
            return np.ones(len(given))
        weight[~active] = weight[active].mean()
        return weight
