"""Masked cross-entropy: the loss of the crowd layer, over the labels that were given."""

from __future__ import annotations

import torch
from torch import nn

from aggregate.learning.torch.crowd_layer import CrowdLayer
from aggregate.learning.torch.losses._head import Batch, Head, Sizes
from aggregate.learning.torch.losses.coupled_cross_entropy import mean_loss
from aggregate.learning.torch.votes import VoteBatch


def masked_cross_entropy(
    scores: torch.Tensor, votes: VoteBatch, weight: torch.Tensor | None = None
) -> torch.Tensor:
    r"""Return the mean over the labels of :math:`-\log \mathrm{softmax}(z_{j_e}(x_{i_e}))_{y_e}`.

    The published loss takes a mean over items of a sum over annotators, which differs by the
    factor of labels per item.

    Parameters
    ----------
    scores : Tensor of shape (B, M, K), or (E, K)
        What a `CrowdLayer` returns, for all annotators or for the labels given.
    votes : VoteBatch
    weight : Tensor of shape (E,), optional

    Returns
    -------
    Tensor

    References
    ----------
    F. Rodrigues, F. Pereira, Deep learning from crowds, AAAI 2018.

    Examples
    --------
    >>> import torch
    >>> from aggregate.learning.torch import CrowdLayer, VoteBatch, masked_cross_entropy
    >>> votes = VoteBatch(*torch.tensor([[0], [1], [0]]))  # item, annotator, label
    >>> f = torch.tensor([[0.7, 0.3]])
    >>> round(masked_cross_entropy(CrowdLayer(2, 2)(f), votes).item(), 4)
    0.513
    """
    if scores.dim() == 3:
        scores = scores[votes.item, votes.annotator]
    losses = nn.functional.cross_entropy(scores, votes.label, reduction="none")
    return mean_loss(losses, weight)


class CrowdLayerHead(Head):
    """A `CrowdLayer` and its masked cross-entropy.

    Parameters
    ----------
    sizes : Sizes
    kind : str, default="matrix"
        See `CrowdLayer`.
    """

    warm_up_epochs = 3  # free maps merge classes that the classifier does not tell apart yet

    def __init__(self, sizes: Sizes, *, kind: str = "matrix") -> None:
        super().__init__()
        self.annotators = CrowdLayer(sizes.n_annotators, sizes.n_classes, kind=kind)

    def data(self, batch: Batch) -> torch.Tensor:
        """Return the masked cross-entropy of the batch."""
        scores = self.annotators(batch.log_f.exp(), batch.votes)
        return masked_cross_entropy(scores, batch.votes)
