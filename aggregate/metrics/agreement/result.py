"""What a coefficient of agreement comes with: its error, its interval, what it was made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Agreement:
    """A coefficient of agreement; ``float`` gives its value.

    Attributes
    ----------
    name : str
        Which coefficient, on which scale.
    value : float
        1 is perfect agreement; 0, as much as chance gives; below 0, less.
    standard_error : float
        Over items drawn anew, the annotators staying the same; infinite where nothing is known.
    low, high : float
        Confidence interval.
    level : float
        Its nominal coverage.
    method : {"analytic", "bootstrap"}
        How error and interval were computed.
    observed, expected : float
        Agreement seen, and agreement by chance as the coefficient defines it, both as shares of
        perfect agreement: the value is ``(observed - expected) / (1 - expected)``.
    n_items : int
        Items with two labels or more.
    n_labels : int
        Labels of these items.
    note : str
        Empty, or which convention the value follows and why.
    """

    name: str
    value: float
    standard_error: float
    low: float
    high: float
    level: float
    method: str
    observed: float
    expected: float
    n_items: int
    n_labels: int
    note: str = ""

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        """Tell it in a line, or two."""
        line = (
            f"{self.name}: {self.value:.3f} ({self.level:.0%} interval {self.low:.3f} to "
            f"{self.high:.3f}; {self.n_labels:,} labels of {self.n_items:,} items)"
        )
        return f"{line}\n  {self.note}" if self.note else line
