"""Votes that are too many for one machine: the same passes over parts, on a Dask cluster.

Needs Dask (``python -m pip install 'crowd-aggregate[dask]'``), which is imported when votes are
read, not before.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aggregate.distributed.annotations import DaskAnnotations
    from aggregate.distributed.errors import ClusterError
    from aggregate.distributed.moments import label_shares, pair_moments, triple_moments

# Workers import this package with every task: its names resolve on first use (PEP 562).
_HOME = {
    "ClusterError": "errors",
    "DaskAnnotations": "annotations",
    "label_shares": "moments",
    "pair_moments": "moments",
    "triple_moments": "moments",
}

__all__ = ["ClusterError", "DaskAnnotations", "label_shares", "pair_moments", "triple_moments"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'aggregate.distributed' has no attribute {name!r}")
    value = getattr(import_module(f"aggregate.distributed.{_HOME[name]}"), name)
    globals()[name] = value
    return value
