"""Models in which items differ in difficulty."""

from aggregate.models.difficulty.glad import GLAD

__all__ = ["GLAD"]
