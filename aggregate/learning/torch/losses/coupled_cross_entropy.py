"""Coupled cross-entropy: a classifier and confusion matrices that explain the votes together."""

from __future__ import annotations

import torch

from aggregate.learning.torch._logs import refuse_what_are_no_logs
from aggregate.learning.torch.confusion_layer import ConfusionLayer, log_report
from aggregate.learning.torch.losses._head import Batch, Head, Sizes
from aggregate.learning.torch.votes import VoteBatch


def coupled_cross_entropy(
    log_f: torch.Tensor,
    log_confusion: torch.Tensor,
    votes: VoteBatch,
    weight: torch.Tensor | None = None,
) -> torch.Tensor:
    r"""Return the coupled cross-entropy of a classifier and its annotators.

    .. math:: L(f, A) = -\frac{1}{\sum_e w_e} \sum_e w_e \log \sum_k f_{i_e k} A_{j_e}[k, y_e]

    In logarithms throughout, so that no label is ever impossible to rounding. The same function
    in NumPy is `aggregate.learning.end_to_end._objective.coupled_cross_entropy`.

    Parameters
    ----------
    log_f : Tensor of shape (B, K)
        Log probabilities of the classes, ``log_softmax`` of a network's output.
    log_confusion : Tensor of shape (M, K, K)
        ``log_confusion[j, k, y]`` = log P(annotator j says y | truth k).
    votes : VoteBatch
        The E labels given to the batch.
    weight : Tensor of shape (E,), optional
        How often each label counts, by default once.

    Returns
    -------
    Tensor
        A scalar, zero where there is no label.

    References
    ----------
    F. Rodrigues, F. Pereira, Deep learning from crowds, AAAI 2018.

    S. Ibrahim, T. Nguyen, X. Fu, Deep learning from crowdsourced labels: coupled cross-entropy
    minimization, identifiability, and regularization, ICLR 2023.

    Examples
    --------
    >>> import torch
    >>> from aggregate.learning.torch import VoteBatch, coupled_cross_entropy
    >>> votes = VoteBatch(*torch.tensor([[0], [0], [1]]))  # item, annotator, label
    >>> confusion = torch.tensor([[[0.9, 0.1], [0.3, 0.7]]])
    >>> f = torch.tensor([[0.5, 0.5]])
    >>> round(float(coupled_cross_entropy(f.log(), confusion.log(), votes)), 4)
    0.9163
    """
    refuse_what_are_no_logs(log_f=log_f, log_confusion=log_confusion)
    return mean_loss(-log_report(log_f, log_confusion, votes), weight)


def mean_loss(losses: torch.Tensor, weight: torch.Tensor | None = None) -> torch.Tensor:
    """Return the weighted mean of losses, zero (with a gradient of zero) where there are none."""
    if weight is None:
        return losses.sum() / max(len(losses), 1)
    total = weight.sum()
    return (weight * losses).sum() / torch.where(total > 0, total, torch.ones_like(total))


class CoupledHead(Head):
    """The coupled cross-entropy with a `ConfusionLayer`, and no regulariser.

    Parameters
    ----------
    sizes : Sizes
    init : float, optional
        See `ConfusionLayer`.
    """

    def __init__(self, sizes: Sizes, *, init: float | None = None) -> None:
        super().__init__()
        start = sizes.confusion if sizes.start_from_votes else None
        self.annotators = ConfusionLayer(
            sizes.n_annotators, sizes.n_classes, init=init, confusion=start
        )

    def data(self, batch: Batch) -> torch.Tensor:
        """Return the coupled cross-entropy of the batch."""
        return coupled_cross_entropy(batch.log_f, self.annotators.log_confusion(), batch.votes)

    def confusion(self) -> torch.Tensor:
        """Return the layer's tables."""
        return self.annotators.log_confusion().exp()
