"""GeoCrowdNet(F): among classifiers that explain the votes, the one that fills most volume."""

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


def log_det_f(log_f: torch.Tensor, *, jitter: float = JITTER) -> torch.Tensor:
    r"""Return :math:`\log\det \sum_i f_i f_i^\top` over the items of a batch.

    Parameters
    ----------
    log_f : Tensor of shape (B, K)
        Log probabilities of the classes; B at least K.
    jitter : float
        See `aggregate.learning.torch.log_det.log_det_gram`.

    Returns
    -------
    Tensor
        A double-precision scalar.

    Raises
    ------
    ValueError
        If the batch holds fewer items than there are classes: the matrix is then singular
        whatever the classifier does.
    """
    n_items, n_classes = log_f.shape
    if n_items < n_classes:
        raise ValueError(
            f"log det of F'F needs at least as many items in a batch as there are classes, "
            f"{n_classes}; got {n_items}. Use larger batches (several times {n_classes})."
        )
    f = log_f.double().exp()
    return log_det_gram(f.T @ f, jitter=jitter)


def geocrowdnet_f_loss(
    log_f: torch.Tensor,
    log_confusion: torch.Tensor,
    votes: VoteBatch,
    strength: float,
    weight: torch.Tensor | None = None,
) -> torch.Tensor:
    r"""Return the coupled cross-entropy minus :math:`\lambda \log\det F^\top F` of the batch.

    Use where every class has items that leave no doubt (anchors), whoever the annotators are; λ
    too large makes every item look certain, votes or not.

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
    >>> from aggregate.learning.torch import VoteBatch, geocrowdnet_f_loss
    >>> votes = VoteBatch(*torch.tensor([[0, 1], [0, 0], [0, 1]]))  # item, annotator, label
    >>> log_f = torch.tensor([[0.9, 0.1], [0.2, 0.8]]).log()
    >>> perfect = torch.tensor([[[1.0, 1e-9], [1e-9, 1.0]]]).log()
    >>> round(float(geocrowdnet_f_loss(log_f, perfect, votes, strength=0.0)), 4)
    0.1643
    >>> round(float(geocrowdnet_f_loss(log_f, perfect, votes, strength=0.1)), 4)
    0.2356
    """
    fit = coupled_cross_entropy(log_f, log_confusion, votes, weight)
    return fit - (strength * log_det_f(log_f)).to(fit.dtype)


class GeoCrowdNetFHead(CoupledHead):
    """Coupled cross-entropy whose penalty is minus λ log det F'F.

    Parameters
    ----------
    sizes : Sizes
    strength : float, default=0.001
        λ.
    init : float, optional
        See `ConfusionLayer`.
    """

    needs_a_batch_of_classes = True

    def __init__(self, sizes: Sizes, *, strength: float = 1e-3, init: float | None = None) -> None:
        super().__init__(sizes, init=init)
        check_number("strength", strength, low=0)
        self.strength = strength

    def penalty(self, batch: Batch, epoch: int) -> torch.Tensor | float:
        """Return minus λ log det F'F of the batch."""
        return -self.strength * log_det_f(batch.free_log_f)
