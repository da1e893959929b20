"""Binary methods on any number of ordered classes: one question per threshold, one vote each."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from aggregate.annotations import Annotations
from aggregate.fusion.posterior import clamp
from aggregate.models._base import BaseAggregator
from aggregate.models.voting._coins import agreement_log_likelihood
from aggregate.models.voting._voting import agreement

Float = NDArray[np.float64]


class Direction(NamedTuple):
    """How to answer one question: signed weights of the annotators, and an offset."""

    weight: Float
    offset: float = 0.0
    n_iter: int = 1
    converged: bool = True


class ThresholdVote(BaseAggregator):
    r"""A binary method, asked K - 1 times whether the class is above a threshold.

    Question c turns labels into :math:`u_{ij} = \pm 1`, +1 where the label's code is above c.
    A subclass answers it by ``_direction``: weights :math:`w_j`, possibly negative, and an
    offset b. The answer's margin is the weighted vote

    .. math:: m_{ic} = \frac{\sum_j w_j u_{ij} - b}{\sum_j |w_j| + |b|} \in [-1, 1],

    summed over the labels of item i. With shares :math:`p_{ic} = (1 + m_{ic}) / 2`, class k
    is supported by :math:`\min(p_{i0}, \dots, p_{i,k-1}, 1 - p_{ik})`, and the soft label is
    the support divided by its sum: with two classes the share itself, and in general the
    class ahead is that of the first question answered no.
    """

    @abstractmethod
    def _direction(self, votes: Annotations) -> Direction | None:
        """Learn weights and offset from votes on two classes; None if there is no direction."""

    def _fit(self, annotations: Annotations, gold: NDArray[np.int32] | None, **data: Any) -> None:
        n_annotators, n_questions = annotations.n_annotators, annotations.n_classes - 1
        found = [self._answer(annotations, c) for c in range(n_questions)]
        self.annotator_weight_ = np.array([each.weight for each in found])
        self.annotator_weight_ = self.annotator_weight_.reshape(n_questions, n_annotators)
        self.offset_ = np.array([each.offset for each in found])
        self.n_iter_ = max((each.n_iter for each in found), default=1)
        self.converged_ = all(each.converged for each in found)
        soft = clamp(self._support(annotations), gold)
        labelled = annotations.labels_per_item > 0
        n_classes = annotations.n_classes
        self.class_prior_ = (
            soft[labelled].mean(axis=0) if labelled.any() else np.full(n_classes, 1 / n_classes)
        )
        agreed, given = agreement(annotations, soft), annotations.labels_per_annotator
        self.annotator_skill_ = np.divide(
            agreed, given, out=np.full(len(given), self.class_prior_.max()), where=given > 0
        )

    def _answer(self, annotations: Annotations, threshold: int) -> Direction:
        """Answer one question; by the majority where the method finds nothing to go by."""
        votes = replace(
            annotations,
            label=(annotations.label > threshold).astype(np.int32),
            classes=np.arange(2),
        )
        equal = Direction(np.ones(annotations.n_annotators))
        if not len(votes.label) or votes.label.min() == votes.label.max():
            return equal  # everybody gives the same answer
        found = self._direction(votes)
        if found is None or not np.any(found.weight):
            warnings.warn(
                f"{type(self).__name__} finds no common direction in the votes on whether the "
                f"class is above {annotations.classes.tolist()[threshold]!r}, as when hardly any "
                "item has two labels; the majority decides it.",
                UserWarning,
                stacklevel=6,
            )
            return equal
        return found

    def _support(self, annotations: Annotations) -> Float:
        """Return the soft labels; those of items without labels mean nothing."""
        n_items, n_classes = annotations.n_items, len(self.classes_)
        support, above = np.empty((n_items, n_classes)), np.ones(n_items)
        for c in range(n_classes - 1):
            share = (1 + self._margin(annotations, c)) / 2
            support[:, c] = np.minimum(above, 1 - share)
            above = np.minimum(above, share)
        support[:, -1] = above
        return np.asarray(support / support.sum(axis=1, keepdims=True))

    def _margin(self, annotations: Annotations, threshold: int) -> Float:
        weight, offset = self.annotator_weight_[threshold], self.offset_[threshold]
        own = np.append(weight, weight.mean() if len(weight) else 1.0)[annotations.annotator]
        signed = np.where(annotations.label > threshold, own, -own)
        total = np.bincount(annotations.item, signed, minlength=annotations.n_items) - offset
        size = np.bincount(annotations.item, abs(own), minlength=annotations.n_items) + abs(offset)
        margin = np.divide(total, size, out=np.zeros(annotations.n_items), where=size > 0)
        margin[abs(margin) < _TIED] = 0.0
        return np.asarray(np.clip(margin, -1.0, 1.0))

    def _soft_labels(self, annotations: Annotations, gold: NDArray[np.int32] | None) -> Float:
        soft = self._support(annotations)
        soft[annotations.labels_per_item == 0] = self.class_prior_
        return clamp(soft, gold)

    def _log_likelihood(self, annotations: Annotations) -> Float:
        """Take each annotator for a coin that is right as often as it agreed with the answer."""
        return agreement_log_likelihood(
            annotations, self.annotator_skill_, self.class_prior_, self.n_jobs
        )


def signed_table(votes: Annotations) -> csr_array:
    """Return the (N, M) table of votes on two classes as -1 and +1, in linear memory."""
    signs = 2.0 * votes.label - 1
    shape = votes.n_items, votes.n_annotators
    return csr_array((signs, votes.annotator, votes.item_ptr), shape=shape)


_TIED = 1e-12
