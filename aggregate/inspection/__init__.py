"""Looking at votes and models: the health of the data, models side by side."""

from __future__ import annotations

from aggregate.inspection.comparison import Comparison, ComparisonRow, compare
from aggregate.inspection.health import Health, check_health

__all__ = ["Comparison", "ComparisonRow", "Health", "check_health", "compare"]
