"""Aggregators made of aggregators: several averaged, one calibrated."""

from aggregate.models.ensembles.auto import Auto
from aggregate.models.ensembles.calibrated import Calibrated
from aggregate.models.ensembles.correlation import estimate_correlation

__all__ = ["Auto", "Calibrated", "estimate_correlation"]
