"""Bayesian aggregators: distributions over annotators, groups of items, communities."""

from aggregate.models.bayesian.ebcc import EBCC
from aggregate.models.bayesian.ibcc import IBCC

__all__ = ["EBCC", "IBCC"]
