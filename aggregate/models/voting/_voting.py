"""What the voting models share: weights per annotator, shares of the weighted votes."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate.annotations import Annotations
from aggregate.fusion import log_joint, vote_shares
from aggregate.fusion.posterior import clamp
from aggregate.kernels.votes import agreement_sums
from aggregate.models._base import BaseAggregator

Float = NDArray[np.float64]

_TIED = 1e-9


class Weights(NamedTuple):
    """What a voting model learns: a weight per annotator, in how many rounds."""

    weight: Float
    n_iter: int = 1
    converged: bool = True


class BaseVote(BaseAggregator):
    """A model whose soft labels are shares of weighted votes."""

    @abstractmethod
    def _learn_weights(self, annotations: Annotations, gold: NDArray[np.int32] | None) -> Weights:
        """Return the weight of each annotator's vote, shape (M,)."""

    def _consensus(
        self, annotations: Annotations, weight: Float | None, gold: NDArray[np.int32] | None
    ) -> Float:
        """Return who wins the vote, one-hot; ties are split unless the first class takes them."""
        shares = vote_shares(annotations, weight, n_jobs=self.n_jobs)
        ahead = winners(shares)
        if self.ties == "first":
            ahead[:] = (ahead > 0) & (np.cumsum(ahead > 0, axis=1) == 1)
        return clamp(ahead, gold)

    def _fit(self, annotations: Annotations, gold: NDArray[np.int32] | None, **data: Any) -> None:
        learned = self._learn_weights(annotations, gold)
        mass, agreed = self._tally(annotations, learned.weight, gold)
        self._keep(learned, mass, agreed, annotations.labels_per_annotator)

    def _tally(
        self, annotations: Annotations, weight: Float, gold: NDArray[np.int32] | None
    ) -> tuple[Float, Float]:
        """Return the shares summed over the items, and over each annotator's own labels."""
        if annotations.on_disk:
            mass, agreed = np.zeros(annotations.n_classes), np.zeros(annotations.n_annotators)
            for first, last, part in annotations.blocks():
                known = None if gold is None else gold[first:last]
                for total, more in zip(
                    (mass, agreed), self._tally(part, weight, known), strict=True
                ):
                    total += more
            return mass, agreed
        shares = clamp(vote_shares(annotations, weight, n_jobs=self.n_jobs), gold)
        return shares.sum(axis=0), agreement(annotations, shares)

    def _keep(self, learned: Weights, mass: Float, agreed: Float, given: NDArray[np.int64]) -> None:
        """Set what follows from the weighted vote: its shares (K,), each annotator's part (M,)."""
        total, n_classes = mass.sum(), len(mass)
        self.class_prior_ = mass / total if total > 0 else np.full(n_classes, 1 / n_classes)
        self.annotator_weight_ = learned.weight
        self.annotator_skill_ = np.divide(
            agreed, given, out=np.full(len(given), self.class_prior_.max()), where=given > 0
        )
        # One agreement and one disagreement more, so that no likelihood is zero.
        self._coin = (agreed + 1) / (given + 2)
        self.n_iter_, self.converged_ = learned.n_iter, learned.converged

    def _soft_labels(self, annotations: Annotations, gold: NDArray[np.int32] | None) -> Float:
        weights = np.append(self.annotator_weight_, _typical(self.annotator_weight_, 1.0))
        shares = vote_shares(annotations, weights, n_jobs=self.n_jobs)
        shares[shares.sum(axis=1) == 0] = self.class_prior_
        return clamp(shares, gold)

    def _log_likelihood(self, annotations: Annotations) -> Float:
        """Take each annotator for a coin that is right as often as it agreed with the vote."""
        n_classes = len(self.classes_)
        coin = np.append(self._coin, _typical(self._coin, 0.5))
        confusion = np.ones((len(coin), n_classes, n_classes))
        if n_classes > 1:
            confusion *= ((1 - coin) / (n_classes - 1))[:, np.newaxis, np.newaxis]
            confusion[:, np.arange(n_classes), np.arange(n_classes)] = coin[:, np.newaxis]
        joint = log_joint(annotations, confusion, self.class_prior_, n_jobs=self.n_jobs)
        return np.asarray(np.logaddexp.reduce(joint, axis=1))


def agreement(annotations: Annotations, consensus: Float) -> Float:
    """Return the consensus mass of the labels that each annotator gave, shape (M,)."""
    agreed = np.zeros(annotations.n_annotators)
    item_ptr, annotator, label = annotations.item_ptr, annotations.annotator, annotations.label
    agreement_sums(item_ptr, annotator, label, consensus, 0, annotations.n_items, agreed)
    return agreed


def winners(shares: Float) -> Float:
    """Return one for the class ahead, split equally where several are; zero without votes.

    Examples
    --------
    >>> winners(np.array([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5]]))
    array([[0.5, 0.5, 0. ],
           [0. , 0. , 1. ]])
    """
    best = shares.max(axis=1, keepdims=True)
    ahead = (shares >= best * (1 - _TIED)) & (best > 0)
    return ahead / np.maximum(ahead.sum(axis=1, keepdims=True), 1)


def _typical(values: Float, alone: float) -> float:
    """Return the mean of the annotators' values; ``alone`` where there are no annotators."""
    return float(values.mean()) if len(values) else alone


def accuracies(annotations: Annotations, consensus: Float) -> Float:
    """Return how often each annotator agrees with the consensus; without labels, the mean."""
    return rates(agreement(annotations, consensus), annotations.labels_per_annotator)


def rates(agreed: Float, given: NDArray[np.int64]) -> Float:
    """Return agreements per label, shape (M,); without labels, the mean."""
    typical = agreed.sum() / max(given.sum(), 1)
    return np.divide(agreed, given, out=np.full(len(given), typical), where=given > 0)
