"""What stands between a classifier and the votes while it learns: a loss with its parameters."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from aggregate.learning.torch.votes import VoteBatch, VoteTensors

Float = NDArray[np.float64]


class Batch(NamedTuple):
    """A batch of items on its way into a loss.

    Attributes
    ----------
    log_f : Tensor of shape (B, K)
        Log probabilities of the classes; where the truth is known, (almost) zero for it.
    free_log_f : Tensor of shape (B, K)
        The same as the classifier gave them, also where the truth is known.
    votes : VoteBatch
    x : Tensor of shape (B, ...)
        Features.
    soft : Tensor of shape (B, K)
        Soft labels made of the votes alone.
    """

    log_f: torch.Tensor
    free_log_f: torch.Tensor
    votes: VoteBatch
    x: torch.Tensor
    soft: torch.Tensor


class Sizes(NamedTuple):
    """What a head is built for, and what the votes alone say, should it start from that.

    Attributes
    ----------
    n_annotators, n_classes, n_annotations : int
    n_values : int
        Numbers per item of X, flattened.
    confusion : ndarray of shape (M, K, K)
        As the votes alone give them.
    class_prior : ndarray of shape (K,)
        As the votes alone give it.
    start_from_votes : bool
        Whether confusion matrices start at ``confusion`` or near the identity.
    """

    n_annotators: int
    n_classes: int
    n_annotations: int
    n_values: int
    confusion: Float
    class_prior: Float
    start_from_votes: bool = False


class Head(nn.Module):
    """A loss over batches and the annotators' parameters that are learned with it.

    A subclass takes `Sizes` and its own keywords, fills `data`, and `penalty` and `confusion`
    where it has them. ``strength`` is the factor of its penalty.
    """

    needs_a_batch_of_classes = False
    """Whether a batch must hold K items at least (a log determinant of F'F is in the loss)."""

    needs_soft_labels = False
    """Whether `data`, or the start, asks for soft labels and confusions of the votes alone."""

    warm_up_epochs = 0
    """First epochs on soft labels of the votes alone, where the user does not say."""

    def data(self, batch: Batch) -> torch.Tensor:
        """Return what votes and soft labels say about the batch: lower is better."""
        raise NotImplementedError

    def penalty(self, batch: Batch, epoch: int) -> torch.Tensor | float:
        """Return what is added to `data` in training and left out when judging."""
        return 0.0

    def confusion(self) -> torch.Tensor | None:
        """Return confusion matrices of shape (M, K, K), truth in the rows, if there are any."""
        return None

    def extras(self, votes: VoteTensors) -> dict[str, Any]:
        """Return further attributes of the fitted classifier, for the votes of the fit."""
        return {}
