"""Cross-entropy against soft labels that were made before: first aggregate, then train."""

from __future__ import annotations

import torch

from aggregate.learning.torch._logs import refuse_what_are_no_logs
from aggregate.learning.torch.losses._head import Batch, Head, Sizes


def soft_cross_entropy(log_f: torch.Tensor, soft: torch.Tensor) -> torch.Tensor:
    r"""Return :math:`-\frac1B \sum_{ik} q_{ik} \log f_{ik}`.

    Parameters
    ----------
    log_f : Tensor of shape (B, K)
        Log probabilities of the classes.
    soft : Tensor of shape (B, K)
        Soft labels; a row of zeros does not count, nor in the mean.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import torch
    >>> from aggregate.learning.torch import soft_cross_entropy
    >>> f, soft = torch.tensor([[0.5, 0.5]]), torch.tensor([[0.9, 0.1]])
    >>> round(float(soft_cross_entropy(f.log(), soft)), 4)
    0.6931
    """
    refuse_what_are_no_logs(log_f=log_f)
    counted = (soft.sum(dim=1) > 0).sum().clamp_min(1)
    return -(torch.where(soft > 0, soft * log_f, torch.zeros_like(soft))).sum() / counted


class SoftHead(Head):
    """Soft labels as targets; no annotator has any parameter.

    Parameters
    ----------
    sizes : Sizes
    """

    needs_soft_labels = True

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()

    def data(self, batch: Batch) -> torch.Tensor:
        """Return the cross-entropy against the soft labels."""
        return soft_cross_entropy(batch.log_f, batch.soft)
