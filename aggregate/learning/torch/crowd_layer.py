"""The crowd layer: a free linear map per annotator on top of any classifier."""

from __future__ import annotations

from typing import Final

import torch
from torch import nn

from aggregate._validation import check_choice
from aggregate.learning.torch._logs import refuse_what_are_no_probabilities
from aggregate.learning.torch.votes import VoteBatch

KINDS: Final = {
    "matrix": "matrix",
    "MW": "matrix",
    "vector": "vector",
    "VW": "vector",
    "bias": "bias",
    "VB": "bias",
    "vector+bias": "vector+bias",
    "VW+B": "vector+bias",
}


class CrowdLayer(nn.Module):
    r"""Scores of what each annotator would say, from the classifier's probabilities.

    .. math:: z_j(x) = W_j^\top f(x), \quad w_j \odot f(x), \quad f(x) + b_j \quad\text{or}\quad
              w_j \odot f(x) + b_j

    with a matrix, a vector, a bias or both per annotator, and :math:`P(y \mid x, j)` the softmax of
    :math:`z_j(x)`. Trained with `masked_cross_entropy`; afterwards the layer is taken off and
    the classifier predicts. Matrices start as the identity, vectors as ones, biases as zeros.

    Nothing holds the maps to be tables of probabilities: they are no confusion matrices, and f is
    determined by the start alone. It fails where that start is far from the annotators
    (adversaries), and where few labels meet many parameters ("matrix" with many annotators:
    choose "vector" or "bias").

    Parameters
    ----------
    n_annotators, n_classes : int
        M and K.
    kind : {"matrix", "vector", "bias", "vector+bias"}
        What each annotator has; the published names MW, VW, VB and VW+B do too.

    References
    ----------
    F. Rodrigues, F. Pereira, Deep learning from crowds, AAAI 2018.

    Examples
    --------
    >>> import torch
    >>> from aggregate.learning.torch import CrowdLayer
    >>> layer = CrowdLayer(n_annotators=2, n_classes=3)
    >>> layer(torch.tensor([[0.7, 0.2, 0.1]])).shape  # items, annotators, labels
    torch.Size([1, 2, 3])
    >>> sum(p.numel() for p in CrowdLayer(2, 3, kind="vector").parameters())
    6
    """

    def __init__(self, n_annotators: int, n_classes: int, *, kind: str = "matrix") -> None:
        super().__init__()
        check_choice("kind", kind, list(KINDS))
        self.kind = KINDS[kind]
        self.n_annotators, self.n_classes = n_annotators, n_classes
        if self.kind == "matrix":
            self.weight = nn.Parameter(torch.eye(n_classes).repeat(n_annotators, 1, 1))
        elif self.kind != "bias":
            self.weight = nn.Parameter(torch.ones(n_annotators, n_classes))
        if "bias" in self.kind:
            self.bias = nn.Parameter(torch.zeros(n_annotators, n_classes))

    def forward(self, f: torch.Tensor, votes: VoteBatch | None = None) -> torch.Tensor:
        """Return scores of reports.

        Parameters
        ----------
        f : Tensor of shape (B, K)
            Probabilities of the classes.
        votes : VoteBatch, optional
            Labels that were given.

        Returns
        -------
        Tensor of shape (B, M, K), or (E, K) with votes
            Scores of what each annotator would say about each item, or of what could have been
            said in place of each label given; their softmax are probabilities.
        """
        refuse_what_are_no_probabilities(f)
        if votes is None:
            annotator = torch.arange(self.n_annotators, device=f.device)
            return self._scores(f[:, None, :], annotator)
        return self._scores(f.index_select(0, votes.item), votes.annotator)

    def _scores(self, f: torch.Tensor, annotator: torch.Tensor) -> torch.Tensor:
        scores = f
        if self.kind == "matrix":
            weight = self.weight.index_select(0, annotator)
            scores = (f[..., :, None] * weight).sum(dim=-2)
        elif self.kind != "bias":
            scores = f * self.weight.index_select(0, annotator)
        if "bias" in self.kind:
            scores = scores + self.bias.index_select(0, annotator)
        return scores
