"""Models in which annotators may share their mistakes."""

from aggregate.models.dependent.groups import DependentGroups

__all__ = ["DependentGroups"]
