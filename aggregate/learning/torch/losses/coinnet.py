"""COINNet: confusion matrices that hold for most items, and exceptions for a few of them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from aggregate._validation import check_number
from aggregate.learning.torch._logs import refuse_what_are_no_logs
from aggregate.learning.torch.losses._head import Batch, Sizes
from aggregate.learning.torch.losses.coupled_cross_entropy import CoupledHead, mean_loss
from aggregate.learning.torch.losses.geocrowdnet_f import log_det_f
from aggregate.learning.torch.votes import VoteBatch, VoteTensors

LEAST = 1e-10


def coinnet_loss(
    log_f: torch.Tensor,
    log_confusion: torch.Tensor,
    exception: torch.Tensor,
    votes: VoteBatch,
    weight: torch.Tensor | None = None,
) -> torch.Tensor:
    r"""Return the cross-entropy with a term of its own for each label given.

    .. math:: P(y \mid x_i, j) \propto \max\bigl(\textstyle\sum_k f_{ik} A_j[k, y]
              + e_{ij}[y] - \bar e_{ij},\ 10^{-10}\bigr)

    where :math:`\bar e_{ij}` is the mean of :math:`e_{ij}` over the K labels it could have been.

    Parameters
    ----------
    log_f : Tensor of shape (B, K)
    log_confusion : Tensor of shape (M, K, K)
    exception : Tensor of shape (E, K)
        :math:`e_{ij}` of the item and annotator behind each label, before its mean is taken off.
    votes : VoteBatch
    weight : Tensor of shape (E,), optional

    Returns
    -------
    Tensor

    References
    ----------
    T. Nguyen, S. Ibrahim, X. Fu, Noisy label learning with instance-dependent outliers:
    identifiability via crowd wisdom, NeurIPS 2024.

    Examples
    --------
    >>> import torch
    >>> from aggregate.learning.torch import VoteBatch, coinnet_loss
    >>> votes = VoteBatch(*torch.tensor([[0], [0], [1]]))  # item, annotator, label
    >>> log_f = torch.tensor([[1.0, 1e-9]]).log()
    >>> confusion = torch.tensor([[[0.9, 0.1], [0.1, 0.9]]]).log()
    >>> none, moved = torch.zeros(1, 2), torch.tensor([[0.0, 0.8]])
    >>> round(float(coinnet_loss(log_f, confusion, none, votes)), 4)
    2.3026
    >>> round(float(coinnet_loss(log_f, confusion, moved, votes)), 4)
    0.6931
    """
    refuse_what_are_no_logs(log_f=log_f, log_confusion=log_confusion)
    f = log_f.exp().index_select(0, votes.item)
    table = log_confusion.exp().index_select(0, votes.annotator)
    regular = (f[:, :, None] * table).sum(dim=1)
    chance = (regular + centred(exception)).clamp_min(LEAST)
    given = chance.gather(1, votes.label[:, None])[:, 0]
    return mean_loss(chance.sum(dim=1).log() - given.log(), weight)


def centred(exception: torch.Tensor) -> torch.Tensor:
    """Take the mean over the labels off, so that probabilities still sum to one."""
    return exception - exception.mean(dim=1, keepdim=True)


def squared_norm(exception: torch.Tensor, item: torch.Tensor, n_items: int) -> torch.Tensor:
    """Return the squared Frobenius norm of each item's exceptions, shape (B,)."""
    start = exception.new_zeros(n_items)
    return start.index_add(0, item, centred(exception).square().sum(dim=1))


def outlier_penalty(
    exception: torch.Tensor, item: torch.Tensor, n_items: int, power: float = 0.2
) -> torch.Tensor:
    r"""Return the mean over items of :math:`(\lVert E_i \rVert_F^2 + 10^{-10})^{p}`.

    A power below one half makes the sum small by making most terms small: few items are exceptions,
    instead of all of them a little.

    Parameters
    ----------
    exception : Tensor of shape (E, K)
    item : Tensor of int64, shape (E,)
        Whose exceptions they are, from 0 to ``n_items - 1``.
    n_items : int
    power : float

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import torch
    >>> from aggregate.learning.torch import outlier_penalty
    >>> exception = torch.tensor([[1.0, -1.0], [0.0, 0.0]])
    >>> round(float(outlier_penalty(exception, torch.tensor([0, 1]), 2)), 4)
    0.5793
    """
    return (squared_norm(exception, item, n_items) + LEAST).pow(power).mean()


class CoinNetHead(CoupledHead):
    r"""Confusion matrices, an exception for every label that trains, and two penalties.

    .. math:: -\lambda_1 \log\det F^\top F + \lambda_2 \frac1B \sum_i (\lVert E_i \rVert_F^2
              + 10^{-10})^p

    The exceptions are free numbers, zero at the start, that only labels that train have: rows set
    aside are judged without. One annotator alone cannot tell exceptions from confusion.

    Parameters
    ----------
    sizes : Sizes
    strength : float, default=0.01
        λ1.
    sparsity : float, default=0.01
        λ2.
    power : float, default=0.2
    init : float, optional
        See `ConfusionLayer`.
    """

    needs_a_batch_of_classes = True
    warm_up_epochs = 3  # exceptions explain anything while the classifier knows nothing

    def __init__(
        self,
        sizes: Sizes,
        *,
        strength: float = 1e-2,
        sparsity: float = 1e-2,
        power: float = 0.2,
        init: float | None = None,
    ) -> None:
        super().__init__(sizes, init=init)
        check_number("strength", strength, low=0)
        check_number("sparsity", sparsity, low=0)
        check_number("power", power, low=0, high=1, low_open=True)
        self.strength, self.sparsity, self.power = strength, sparsity, power
        self.exception = nn.Parameter(torch.zeros(sizes.n_annotations, sizes.n_classes))

    def data(self, batch: Batch) -> torch.Tensor:
        """Return the cross-entropy with the exceptions."""
        if not self.training:
            return super().data(batch)
        exception = self.exception.index_select(0, batch.votes.entry)
        return coinnet_loss(batch.log_f, self.annotators.log_confusion(), exception, batch.votes)

    def penalty(self, batch: Batch, epoch: int) -> torch.Tensor | float:
        """Return both penalties."""
        exception = self.exception.index_select(0, batch.votes.entry)
        item, n_items = batch.votes.item, len(batch.log_f)
        sparse = outlier_penalty(exception, item, n_items, self.power)
        return self.sparsity * sparse - self.strength * log_det_f(batch.free_log_f)

    def extras(self, votes: VoteTensors) -> dict[str, Any]:
        """Return how far each item is an exception: the norm of its term."""
        norm = squared_norm(self.exception, *votes.item_of_entry()).sqrt()
        return {"outlier_score_": norm.double().cpu().numpy()}
