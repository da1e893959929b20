"""GeoCrowdNet(W): among annotators that explain the votes, those who fill most volume."""

from __future__ import annotations

import torch

from aggregate._validation import check_number
from aggregate.learning.torch.log_det import JITTER, log_det_gram
from aggregate.learning.torch.losses._head import Batch, Sizes
from aggregate.learning.torch.losses.coupled_cross_entropy import (
    CoupledHead,
    coupled_cross_entropy,
)
from aggregate.learning.torch.votes import VoteBatch


def log_det_w(log_confusion: torch.Tensor, *, jitter: float = JITTER) -> torch.Tensor:
    r"""Return :math:`\log\det \sum_j A_j A_j^\top`, the volume of all annotators together.

    Parameters
    ----------
    log_confusion : Tensor of shape (M, K, K)
    jitter : float
        See `aggregate.learning.torch.log_det.log_det_gram`.

    Returns
    -------
    Tensor
        A double-precision scalar.
    """
    stacked = log_confusion.double().exp().transpose(0, 1).flatten(1)  # K, M x K
    return log_det_gram(stacked @ stacked.T, jitter=jitter)


def geocrowdnet_w_loss(
    log_f: torch.Tensor,
    log_confusion: torch.Tensor,
    votes: VoteBatch,
    strength: float,
    weight: torch.Tensor | None = None,
) -> torch.Tensor:
    r"""Return the coupled cross-entropy minus :math:`\lambda \log\det \sum_j A_j A_j^\top`.

    Use where some annotators know some classes for sure (specialists) and items are few.

    Parameters
    ----------
    log_f, log_confusion, votes, weight
        See `coupled_cross_entropy`.
    strength : float
        λ; .001 is the published default.

    Returns
    -------
    Tensor

    References
    ----------
    S. Ibrahim, T. Nguyen, X. Fu, Deep learning from crowdsourced labels: coupled cross-entropy
    minimization, identifiability, and regularization, ICLR 2023.

    Examples
    --------
    >>> import torch
    >>> from aggregate.learning.torch import VoteBatch, geocrowdnet_w_loss
    >>> votes = VoteBatch(*torch.tensor([[0], [0], [0]]))  # item, annotator, label
    >>> log_f = torch.tensor([[1.0, 1e-9]]).log()
    >>> sure = torch.tensor([[[0.9, 0.1], [0.1, 0.9]]]).log()
    >>> round(float(geocrowdnet_w_loss(log_f, sure, votes, strength=0.1)), 4)
    0.15
    """
    fit = coupled_cross_entropy(log_f, log_confusion, votes, weight)
    return fit - (strength * log_det_w(log_confusion)).to(fit.dtype)


class GeoCrowdNetWHead(CoupledHead):
    """Coupled cross-entropy whose penalty is minus λ log det of the stacked confusions.

    Parameters
    ----------
    sizes : Sizes
    strength : float, default=0.001
        λ.
    init : float, optional
        See `ConfusionLayer`.
    """

    def __init__(self, sizes: Sizes, *, strength: float = 1e-3, init: float | None = None) -> None:
        super().__init__(sizes, init=init)
        check_number("strength", strength, low=0)
        self.strength = strength

    def penalty(self, batch: Batch, epoch: int) -> torch.Tensor | float:
        """Return minus λ log det of the stacked confusions."""
        return -self.strength * log_det_w(self.annotators.log_confusion())
