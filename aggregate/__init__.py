"""Turn noisy labels from many annotators into soft labels that can be trusted."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aggregate.annotations import Annotations
    from aggregate.models import DawidSkene, IterativeWeightedVote, MajorityVote, Wawa

__version__ = "0.1.0.dev0"

# Names resolve on first use (PEP 562), so that importing the package does no work.
_HOME = {
    "Annotations": "aggregate.annotations",
    "DawidSkene": "aggregate.models",
    "IterativeWeightedVote": "aggregate.models",
    "MajorityVote": "aggregate.models",
    "Wawa": "aggregate.models",
}

__all__ = ["Annotations", "DawidSkene", "IterativeWeightedVote", "MajorityVote", "Wawa"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'aggregate' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
