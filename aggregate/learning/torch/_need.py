"""The one place that says what to do when PyTorch is missing."""

from __future__ import annotations

try:
    import torch
except ImportError as error:
    raise ImportError(
        "aggregate.learning.torch needs PyTorch: "
        "python -m pip install 'crowd-aggregate[torch]'. (The rest of aggregate.learning does not.)"
    ) from error

__all__ = ["torch"]
