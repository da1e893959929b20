"""Dawid-Skene with other structures of confusion, and with hard labels inside."""

from aggregate.models.structures.class_conditional import ClassConditionalDawidSkene
from aggregate.models.structures.fast import FastDawidSkene
from aggregate.models.structures.hierarchical import HierarchicalDawidSkene
from aggregate.models.structures.hybrid import HybridDawidSkene
from aggregate.models.structures.logit_normal import LogitNormalDawidSkene
from aggregate.models.structures.one_coin import OneCoinDawidSkene
from aggregate.models.structures.pooled import PooledDawidSkene

__all__ = [
    "ClassConditionalDawidSkene",
    "FastDawidSkene",
    "HierarchicalDawidSkene",
    "HybridDawidSkene",
    "LogitNormalDawidSkene",
    "OneCoinDawidSkene",
    "PooledDawidSkene",
]
