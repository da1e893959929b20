"""Models in which items differ in difficulty."""

from aggregate.models.difficulty.glad import GLAD
from aggregate.models.difficulty.minimax_entropy import MinimaxEntropy

__all__ = ["GLAD", "MinimaxEntropy"]
