"""Features brought to mean zero and variance one, by what the training rows were."""

from __future__ import annotations

import torch
from torch import nn


class Standardise(nn.Module):
    """Flatten rows of any shape and standardise each number; `learn` says by what.

    Parameters
    ----------
    n_values : int
        Numbers per row.

    Examples
    --------
    >>> import torch
    >>> from aggregate.learning.torch.standardise import Standardise
    >>> layer = Standardise(2)
    >>> layer.learn(torch.tensor([[0.0, 5.0], [4.0, 5.0]]))
    >>> layer(torch.tensor([[4.0, 6.0]]))
    tensor([[1., 1.]])
    """

    def __init__(self, n_values: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_values))
        self.register_buffer("scale", torch.ones(n_values))

    def learn(self, x: torch.Tensor) -> None:
        """Take mean and scale from these rows; what never varies keeps its scale."""
        rows = x.reshape(len(x), -1).to(self.mean.dtype)
        self.mean.copy_(rows.mean(dim=0))
        scale = rows.std(dim=0, unbiased=False)
        self.scale.copy_(torch.where(scale > 0, scale, torch.ones_like(scale)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return rows of numbers, shape (B, n_values)."""
        return (x.reshape(len(x), -1).to(self.mean.dtype) - self.mean) / self.scale
