"""A confusion matrix per annotator, as a layer: what each would say, given the classifier."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from aggregate._validation import check_number
from aggregate.learning.torch.votes import VoteBatch, response_rows


def start_logit(n_classes: int, diagonal: float = 0.8) -> float:
    """Return the logit on the diagonal that makes a row-softmax start at this probability.

    Examples
    --------
    >>> from aggregate.learning.torch.confusion_layer import start_logit
    >>> round(start_logit(10, 0.8), 3)
    3.584
    """
    return math.log((n_classes - 1) * diagonal / (1 - diagonal)) if n_classes > 1 else 0.0


class ConfusionLayer(nn.Module):
    r"""Annotators' confusion matrices, kept stochastic by a softmax over each row.

    .. math:: A_j[k, y] = \frac{\exp P_j[k, y]}{\sum_{y'} \exp P_j[k, y']}

    and :math:`P(y \mid x, j) = \sum_k f_k(x) A_j[k, y]`. Before training,
    :math:`P_j = s I`.

    Parameters
    ----------
    n_annotators, n_classes : int
        M and K.
    init : float, optional
        The start s. The published start is s = 1, whose diagonal is e / (e + K - 1), only .23
        with ten classes; None takes the s whose diagonal is .8.
    confusion : array-like of shape (M, K, K), optional
        Start from these tables instead.

    Attributes
    ----------
    logits : Parameter of shape (M, K, K)
        ``logits[j, k, y]``, truth in the rows.

    References
    ----------
    S. Ibrahim, T. Nguyen, X. Fu, Deep learning from crowdsourced labels: coupled cross-entropy
    minimization, identifiability, and regularization, ICLR 2023.

    Examples
    --------
    >>> import torch
    >>> from aggregate.learning.torch import ConfusionLayer
    >>> layer = ConfusionLayer(2, 3)
    >>> layer.log_confusion().exp()[0].detach().numpy().round(2)
    array([[0.8, 0.1, 0.1],
           [0.1, 0.8, 0.1],
           [0.1, 0.1, 0.8]], dtype=float32)
    >>> layer(torch.eye(3)[:1].log()).exp().detach().numpy().round(2)  # item, annotator, label
    array([[[0.8, 0.1, 0.1],
            [0.8, 0.1, 0.1]]], dtype=float32)
    """

    def __init__(
        self,
        n_annotators: int,
        n_classes: int,
        *,
        init: float | None = None,
        confusion: Any = None,
    ) -> None:
        super().__init__()
        if init is not None:
            check_number("init", init)
        strength = start_logit(n_classes) if init is None else float(init)
        if confusion is None:
            logits = (strength * torch.eye(n_classes)).expand(n_annotators, -1, -1)
        else:
            table = torch.as_tensor(confusion, dtype=torch.get_default_dtype())
            if table.shape != (n_annotators, n_classes, n_classes):
                raise ValueError(
                    f"confusion must have the shape {(n_annotators, n_classes, n_classes)}; got "
                    f"{tuple(table.shape)}."
                )
            logits = table.clamp_min(1e-6).log()
        self.logits = nn.Parameter(logits.clone())

    def log_confusion(self) -> torch.Tensor:
        """Return log A, shape (M, K, K)."""
        return torch.log_softmax(self.logits, dim=2)

    def forward(self, log_f: torch.Tensor, votes: VoteBatch | None = None) -> torch.Tensor:
        """Return log probabilities of reports.

        Parameters
        ----------
        log_f : Tensor of shape (B, K)
            Log probabilities of the classes (``log_softmax`` of a network's output).
        votes : VoteBatch, optional
            Labels that were given.

        Returns
        -------
        Tensor of shape (B, M, K), or (E,) with votes
            log P(annotator j says y about item i), for all or for the labels given.
        """
        if votes is None:
            return torch.logsumexp(log_f[:, None, :, None] + self.log_confusion(), dim=2)
        return log_report(log_f, self.log_confusion(), votes)


def log_report(log_f: torch.Tensor, log_confusion: torch.Tensor, votes: VoteBatch) -> torch.Tensor:
    r"""Return :math:`\log \sum_k f_k(x_i) A_j[k, y]` for each label given, shape (E,)."""
    joint = log_f.index_select(0, votes.item) + response_rows(log_confusion, votes)
    return torch.logsumexp(joint, dim=1)
