"""Bayesian aggregators: distributions over annotators, groups of items, communities."""

from aggregate.models.bayesian.bwa import BWA
from aggregate.models.bayesian.cbcc import CBCC
from aggregate.models.bayesian.ebcc import EBCC
from aggregate.models.bayesian.ibcc import IBCC
from aggregate.models.bayesian.mace import MACE

__all__ = ["BWA", "CBCC", "EBCC", "IBCC", "MACE"]
