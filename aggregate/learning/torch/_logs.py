"""Probabilities and their logarithms, where a user may have passed the others, or raw scores."""

from __future__ import annotations

import torch

_ROUNDING = 1e-2  # of half precision


def refuse_what_are_no_logs(**tensors: torch.Tensor) -> None:
    """Refuse tensors with entries above zero: a loss of them would be a number, and wrong.

    Raises
    ------
    ValueError
        Naming the tensor.
    """
    for name, tensor in tensors.items():
        if tensor.numel() and float(tensor.detach().max()) > _ROUNDING:
            raise ValueError(
                f"{name} must hold logarithms of probabilities, which are never above zero; got "
                f"{float(tensor.detach().max()):.3g}. Take log_softmax of a network's scores, or "
                "log() of probabilities."
            )


def refuse_what_are_no_probabilities(f: torch.Tensor) -> None:
    """Refuse entries below zero or above one.

    Raises
    ------
    ValueError
    """
    if f.numel() == 0:
        return
    low, high = (float(bound) for bound in torch.aminmax(f.detach()))
    if low < 0 or high > 1 + _ROUNDING:
        raise ValueError(
            f"f must hold probabilities of the classes; got values from {low:.3g} to {high:.3g}. "
            "Take softmax of a network's scores."
        )
