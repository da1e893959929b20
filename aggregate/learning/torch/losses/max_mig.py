"""Max-MIG: classifier and votes share as much information about the truth as they can."""

from __future__ import annotations

import torch
from torch import nn

from aggregate.learning.torch._logs import refuse_what_are_no_logs
from aggregate.learning.torch.losses._head import Batch, Head, Sizes
from aggregate.learning.torch.votes import VoteBatch, response_rows


def max_mig_loss(log_f: torch.Tensor, log_g: torch.Tensor, log_prior: torch.Tensor) -> torch.Tensor:
    r"""Return minus the mutual information gain between two soft labels of the same items.

    .. math:: -\frac1B \sum_i (1 + \log R_{ii}) + \frac{1}{B (B - 1)} \sum_{i \ne i'} R_{ii'},
              \qquad R_{ii'} = \sum_k \frac{f_k(x_i)\, g_k(y_{i'})}{p_k}

    f comes from the features, g from the votes. At the optimum both are the posterior of the
    only thing that features and votes have in common, the truth; annotators may err together.
    Classes are known up to a permutation only, which the start of g decides. The sum over pairs is
    taken class by class, in time and memory proportional to B K.

    Parameters
    ----------
    log_f, log_g : Tensor of shape (B, K)
        Log soft labels from the features and from the votes; B at least 2.
    log_prior : Tensor of shape (K,)
        Log of the class prior p.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If there is only one item: there is no pair to compare it with.

    References
    ----------
    P. Cao, Y. Xu, Y. Kong, Y. Wang, Max-MIG: an information theoretic approach for joint learning
    from crowds, ICLR 2019 (the gain of the Kullback-Leibler divergence).

    Examples
    --------
    >>> import torch
    >>> from aggregate.learning.torch import max_mig_loss
    >>> sure = torch.tensor([[0.999, 0.001], [0.001, 0.999]]).log()
    >>> prior = torch.tensor([0.5, 0.5]).log()
    >>> round(float(max_mig_loss(sure, sure, prior)), 3)  # the most there is: -log 2
    -1.687
    """
    refuse_what_are_no_logs(log_f=log_f, log_g=log_g, log_prior=log_prior)
    n_items = len(log_f)
    if n_items < 2:
        raise ValueError("Max-MIG compares pairs of items; got a batch of one. Use larger ones.")
    log_same = torch.logsumexp(log_f + log_g - log_prior, dim=1)
    all_pairs = ((log_f - log_prior).exp().sum(dim=0) * log_g.exp().sum(dim=0)).sum()
    others = (all_pairs - log_same.exp().sum()) / (n_items * (n_items - 1))
    return others - (1 + log_same).mean()


class MaxMIGHead(Head):
    r"""The gain, with :math:`g(y) = \mathrm{softmax}_k(\log p_k + \sum_e W_{j_e}[k, y_e])`.

    W starts at the log confusion matrices that the votes alone give, p is held at the prior they
    give.

    Parameters
    ----------
    sizes : Sizes
    """

    needs_soft_labels = True

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        real = torch.get_default_dtype()
        start = torch.as_tensor(sizes.confusion, dtype=real).clamp_min(1e-4).log()
        self.weight = nn.Parameter(start.clone())
        prior = torch.as_tensor(sizes.class_prior, dtype=real).clamp_min(1e-4)
        self.register_buffer("log_prior", (prior / prior.sum()).log())

    def log_g(self, votes: VoteBatch, n_items: int) -> torch.Tensor:
        """Return log soft labels from the votes alone, shape (B, K)."""
        evidence = response_rows(self.weight, votes)
        start = self.log_prior.expand(n_items, -1)
        return torch.log_softmax(start.index_add(0, votes.item, evidence), dim=1)

    def data(self, batch: Batch) -> torch.Tensor:
        """Return minus the gain."""
        return max_mig_loss(batch.log_f, self.log_g(batch.votes, len(batch.log_f)), self.log_prior)
