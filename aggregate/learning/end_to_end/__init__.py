"""Classifier and annotators learned at once, by the coupled cross-entropy."""

from aggregate.learning.end_to_end.ccem import CCEMClassifier
from aggregate.learning.end_to_end.conditions import IdentifiabilityConditions

__all__ = ["CCEMClassifier", "IdentifiabilityConditions"]
