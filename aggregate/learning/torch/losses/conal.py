"""CoNAL: errors that annotators share, and errors of their own, told apart item by item."""

from __future__ import annotations

import torch
from torch import nn

from aggregate._validation import check_number
from aggregate.learning.torch._logs import refuse_what_are_no_logs
from aggregate.learning.torch.confusion_layer import ConfusionLayer, log_report
from aggregate.learning.torch.losses._head import Batch, Head, Sizes
from aggregate.learning.torch.losses.coupled_cross_entropy import mean_loss
from aggregate.learning.torch.standardise import Standardise
from aggregate.learning.torch.votes import VoteBatch


def conal_loss(
    log_f: torch.Tensor,
    log_confusion: torch.Tensor,
    log_common: torch.Tensor,
    share_logit: torch.Tensor,
    votes: VoteBatch,
    weight: torch.Tensor | None = None,
) -> torch.Tensor:
    r"""Return the cross-entropy of a mixture of shared and individual confusion.

    .. math:: -\frac1E \sum_e \log \sum_k f_{i_e k}
              \bigl(\omega_e C[k, y_e] + (1 - \omega_e) A_{j_e}[k, y_e]\bigr)

    Parameters
    ----------
    log_f : Tensor of shape (B, K)
    log_confusion : Tensor of shape (M, K, K)
        log A, each annotator's own confusion.
    log_common : Tensor of shape (K, K)
        log C, the confusion all share.
    share_logit : Tensor of shape (E,)
        The logit of ω, for each label.
    votes : VoteBatch
    weight : Tensor of shape (E,), optional

    Returns
    -------
    Tensor

    References
    ----------
    Z. Chu, J. Ma, H. Wang, Learning from crowds by modeling common confusions, AAAI 2021. There the
    tables are free matrices followed by no normalisation; here they are stochastic.

    Examples
    --------
    >>> import torch
    >>> from aggregate.learning.torch import VoteBatch, conal_loss
    >>> votes = VoteBatch(*torch.tensor([[0], [0], [0]]))  # item, annotator, label
    >>> log_f = torch.tensor([[1.0, 1e-9]]).log()
    >>> own = torch.tensor([[[0.9, 0.1], [0.1, 0.9]]]).log()
    >>> common = torch.tensor([[0.5, 0.5], [0.5, 0.5]]).log()
    >>> round(float(conal_loss(log_f, own, common, torch.zeros(1), votes)), 4)  # half and half
    0.3567
    """
    refuse_what_are_no_logs(log_f=log_f, log_confusion=log_confusion, log_common=log_common)
    shared = VoteBatch(votes.item, torch.zeros_like(votes.annotator), votes.label)
    common = log_report(log_f, log_common[None], shared)
    own = log_report(log_f, log_confusion, votes)
    log_share = nn.functional.logsigmoid(share_logit)
    log_rest = nn.functional.logsigmoid(-share_logit)
    return mean_loss(-torch.logaddexp(log_share + common, log_rest + own), weight)


class CoNALHead(Head):
    r"""The mixture with :math:`\omega_{ij} = \sigma(\langle u_j, v(x_i) \rangle)`.

    u is a vector per annotator and v a linear map of the features (flattened and
    standardised), both of length one.
    The penalty :math:`-\lambda \sum_j \lVert A_j - C \rVert_F` keeps the two kinds of tables apart.
    All u start equal: a random start would hang on the order of the annotators.

    Parameters
    ----------
    sizes : Sizes
    strength : float, default=1e-5
        λ.
    embedding : int, default=20
        Length of the vectors.
    init : float, optional
        See `ConfusionLayer`.
    """

    def __init__(
        self,
        sizes: Sizes,
        *,
        strength: float = 1e-5,
        embedding: int = 20,
        init: float | None = None,
    ) -> None:
        super().__init__()
        check_number("strength", strength, low=0)
        check_number("embedding", embedding, low=1, integer=True)
        self.strength = strength
        start = sizes.confusion if sizes.start_from_votes else None
        self.annotators = ConfusionLayer(
            sizes.n_annotators, sizes.n_classes, init=init, confusion=start
        )
        self.common = ConfusionLayer(1, sizes.n_classes, init=init)
        self.standardise = Standardise(sizes.n_values)
        self.item_map = nn.Linear(sizes.n_values, embedding)
        self.annotator_vector = nn.Parameter(
            torch.randn(1, embedding).repeat(sizes.n_annotators, 1)
        )

    def share_logit(self, x: torch.Tensor, votes: VoteBatch) -> torch.Tensor:
        """Return the logit of ω for each label, between -1 and 1."""
        v = nn.functional.normalize(self.item_map(self.standardise(x)))
        u = nn.functional.normalize(self.annotator_vector)
        return (v.index_select(0, votes.item) * u.index_select(0, votes.annotator)).sum(dim=1)

    def data(self, batch: Batch) -> torch.Tensor:
        """Return the cross-entropy of the mixture."""
        logit = self.share_logit(batch.x, batch.votes)
        own, common = self.annotators.log_confusion(), self.common.log_confusion()[0]
        return conal_loss(batch.log_f, own, common, logit, batch.votes)

    def penalty(self, batch: Batch, epoch: int) -> torch.Tensor | float:
        """Return minus λ times how far the annotators' tables are from the common one."""
        apart = self.annotators.log_confusion().exp() - self.common.log_confusion().exp()
        # The small number gives the norm a gradient (zero) where two tables are equal.
        return -self.strength * (apart.square().sum(dim=(1, 2)) + 1e-12).sqrt().sum()
