"""Trace regularisation: among annotators that explain the votes, the least reliable ones."""

from __future__ import annotations

import torch

from aggregate._validation import check_number
from aggregate.learning.torch.losses._head import Batch, Sizes
from aggregate.learning.torch.losses.coupled_cross_entropy import (
    CoupledHead,
    coupled_cross_entropy,
)
from aggregate.learning.torch.votes import VoteBatch


def trace_loss(
    log_f: torch.Tensor,
    log_confusion: torch.Tensor,
    votes: VoteBatch,
    strength: float,
    weight: torch.Tensor | None = None,
) -> torch.Tensor:
    r"""Return the coupled cross-entropy plus :math:`\lambda \sum_j \operatorname{tr} A_j`.

    The trace is *minimised*: noise that either side could explain is then given to the annotators,
    so the classifier keeps what is certain. It presumes that the annotators are right more often
    than not on average, and that f has learned something first: `TraceHead` leaves the term out
    for some epochs. λ too large makes adversaries of everybody.

    Parameters
    ----------
    log_f, log_confusion, votes, weight
        See `coupled_cross_entropy`.
    strength : float
        λ; .01 is the published default.

    Returns
    -------
    Tensor

    References
    ----------
    R. Tanno, A. Saeedi, S. Sankaranarayanan, D. Alexander, N. Silberman, Learning from noisy labels
    by regularized estimation of annotator confusion, CVPR 2019.

    Examples
    --------
    >>> import torch
    >>> from aggregate.learning.torch import VoteBatch, trace_loss
    >>> votes = VoteBatch(*torch.tensor([[0], [0], [0]]))  # item, annotator, label
    >>> confusion = torch.tensor([[[0.9, 0.1], [0.1, 0.9]]])
    >>> log_f = torch.tensor([[1.0, 1e-9]]).log()
    >>> round(float(trace_loss(log_f, confusion.log(), votes, strength=0.01)), 4)
    0.1234
    """
    fit = coupled_cross_entropy(log_f, log_confusion, votes, weight)
    return fit + strength * trace(log_confusion)


def trace(log_confusion: torch.Tensor) -> torch.Tensor:
    """Return the sum of the traces of all confusion matrices."""
    return torch.diagonal(log_confusion, dim1=1, dim2=2).exp().sum()


class TraceHead(CoupledHead):
    """Coupled cross-entropy whose penalty is λ times the traces, after a warm-up.

    Parameters
    ----------
    sizes : Sizes
    strength : float, default=0.01
        λ.
    warm_up : int, default=10
        Epochs without the penalty.
    init : float, optional
        See `ConfusionLayer`.
    """

    def __init__(
        self,
        sizes: Sizes,
        *,
        strength: float = 1e-2,
        warm_up: int = 10,
        init: float | None = None,
    ) -> None:
        super().__init__(sizes, init=init)
        check_number("strength", strength, low=0)
        check_number("warm_up", warm_up, low=0, integer=True)
        self.strength, self.warm_up = strength, warm_up

    def penalty(self, batch: Batch, epoch: int) -> torch.Tensor | float:
        """Return λ times the sum of the traces, zero in the first epochs."""
        if epoch < self.warm_up:
            return 0.0
        return self.strength * trace(self.annotators.log_confusion())
