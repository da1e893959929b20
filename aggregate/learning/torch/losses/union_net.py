"""UnionNet: all annotators' labels of an item as draws from one distribution over their union."""

from __future__ import annotations

import torch
from torch import nn

from aggregate.learning.torch._logs import refuse_what_are_no_logs
from aggregate.learning.torch.confusion_layer import start_logit
from aggregate.learning.torch.losses._head import Batch, Head, Sizes
from aggregate.learning.torch.losses.coupled_cross_entropy import mean_loss
from aggregate.learning.torch.votes import VoteBatch


def union_net_loss(
    log_f: torch.Tensor,
    log_transition: torch.Tensor,
    votes: VoteBatch,
    weight: torch.Tensor | None = None,
) -> torch.Tensor:
    r"""Return the cross-entropy of pairs (annotator, label) given the class.

    .. math:: -\frac1E \sum_e \log \sum_k f_{i_e k} T[k, (j_e, y_e)]

    T has one row per class that sums to one over *all* pairs, so who labels is part of what is
    explained. The published loss is a sum per item, which differs by the factor of labels per item.

    Parameters
    ----------
    log_f : Tensor of shape (B, K)
    log_transition : Tensor of shape (K, M * K)
        log T; the column of annotator j and label y is j K + y.
    votes : VoteBatch
    weight : Tensor of shape (E,), optional

    Returns
    -------
    Tensor

    References
    ----------
    H. Wei, R. Xie, L. Feng, B. Han, B. An, Deep learning from multiple noisy annotators as a union,
    IEEE Transactions on Neural Networks and Learning Systems, 2022, equations 6 and 7.

    Examples
    --------
    >>> import torch
    >>> from aggregate.learning.torch import VoteBatch, union_net_loss
    >>> votes = VoteBatch(*torch.tensor([[0], [1], [0]]))  # item, annotator, label
    >>> log_f = torch.tensor([[1.0, 1e-9]]).log()
    >>> transition = torch.tensor([[0.4, 0.1, 0.4, 0.1], [0.1, 0.4, 0.1, 0.4]])
    >>> round(float(union_net_loss(log_f, transition.log(), votes)), 4)
    0.9163
    """
    refuse_what_are_no_logs(log_f=log_f, log_transition=log_transition)
    n_classes = log_f.shape[1]
    columns = votes.annotator * n_classes + votes.label
    joint = log_f.index_select(0, votes.item) + log_transition.T.index_select(0, columns)
    return mean_loss(-torch.logsumexp(joint, dim=1), weight)


class UnionNetHead(Head):
    """One transition matrix, kept stochastic by a softmax over all pairs.

    Parameters
    ----------
    sizes : Sizes
    init : float, optional
        Logit of the right label at the start, as in `ConfusionLayer`.
    """

    def __init__(self, sizes: Sizes, *, init: float | None = None) -> None:
        super().__init__()
        self.n_annotators, self.n_classes = sizes.n_annotators, sizes.n_classes
        if sizes.start_from_votes:
            table = torch.as_tensor(sizes.confusion, dtype=torch.get_default_dtype())
            blocks = table.clamp_min(1e-6).log()
        else:
            strength = start_logit(self.n_classes) if init is None else float(init)
            blocks = (strength * torch.eye(self.n_classes)).expand(self.n_annotators, -1, -1)
        self.logits = nn.Parameter(blocks.transpose(0, 1).flatten(1).clone())

    def log_transition(self) -> torch.Tensor:
        """Return log T, shape (K, M * K)."""
        return torch.log_softmax(self.logits, dim=1)

    def data(self, batch: Batch) -> torch.Tensor:
        """Return the cross-entropy of the batch."""
        return union_net_loss(batch.log_f, self.log_transition(), batch.votes)

    def confusion(self) -> torch.Tensor:
        """Return each annotator's block, its rows brought to a sum of one."""
        blocks = self.logits.reshape(self.n_classes, self.n_annotators, self.n_classes)
        return torch.softmax(blocks.transpose(0, 1), dim=2)
