"""What all models with a confusion matrix per annotator share once the matrices are known."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from aggregate._tables import to_confusion
from aggregate.annotations import Annotations
from aggregate.fusion import log_joint, posterior
from aggregate.models._base import BaseAggregator
from aggregate.models._responses import responses_of

Float = NDArray[np.float64]


class ConfusionModel(BaseAggregator):
    """A model that says ``confusion_`` and ``class_prior_``; `aggregate.fusion` does the rest.

    A subclass has the parameter ``annotator_correlation`` besides those of the base, sets the
    two attributes through `_keep_confusions`, and says by ``_stranger`` what it expects of an
    annotator it has never seen.
    """

    @abstractmethod
    def _stranger(self) -> Float:
        """Return the confusion matrix (K, K) expected of an unknown annotator."""

    def _keep_confusions(self, confusion: Float, class_prior: Float) -> None:
        self.confusion_ = confusion
        self.class_prior_ = class_prior / class_prior.sum()
        self.annotator_skill_ = np.einsum("jkk,k->j", self.confusion_, self.class_prior_)

    def _keep_table(self, table: Float, class_prior: Float) -> None:
        """Do the same from a kernels' table."""
        self._keep_confusions(to_confusion(table), class_prior)

    def _confusions_with_stranger(self) -> Float:
        """Append the unknown annotator, whose code is M."""
        return np.concatenate([self.confusion_, self._stranger()[np.newaxis]])

    def _soft_labels(self, annotations: Annotations, gold: NDArray[np.int32] | None) -> Float:
        return posterior(
            responses_of(annotations),
            self._confusions_with_stranger(),
            self.class_prior_,
            annotator_correlation=self.annotator_correlation,
            gold=gold,
            n_jobs=self.n_jobs,
        )

    def _log_joint(self, annotations: Annotations) -> Float:
        """Return log P(class, labels) of each item, shape (N, K)."""
        return log_joint(
            responses_of(annotations),
            self._confusions_with_stranger(),
            self.class_prior_,
            n_jobs=self.n_jobs,
        )

    def _log_likelihood(self, annotations: Annotations) -> Float:
        return np.asarray(np.logaddexp.reduce(self._log_joint(annotations), axis=1))
