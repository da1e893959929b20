"""Krippendorff's disagreements on four scales: within items, over all labels, and derivatives."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate.kernels.agreement import ratio_pairs
from aggregate.metrics.agreement._patterns import Patterns, class_values
from aggregate.metrics.agreement._ratio import ratio_distances

Float = NDArray[np.float64]

SCALES = ("nominal", "ordinal", "interval", "ratio")


class Disagreement(NamedTuple):
    """Sums of squared differences over ordered pairs of labels.

    Attributes
    ----------
    within : ndarray of shape (U,)
        Over the pairs within an item of each pattern, divided by its labels less one.
    between : float
        Over all pairs of labels.
    of_class : ndarray of shape (K,)
        Over the pairs of each class with all labels; half the derivative of ``between``.
    largest : float
        Largest difference.
    """

    within: Float
    between: float
    of_class: Float
    largest: float


class Scale:
    """Squared differences of labels that do not depend on how often classes occur."""

    def __init__(self, patterns: Patterns) -> None:
        self.patterns = patterns
        self.fewer = np.maximum(patterns.size - 1, 1)

    def disagreement(self, pooled: Float) -> Disagreement:
        """Return the disagreements if classes occur so often among the labels."""
        raise NotImplementedError

    def bend(self, within: Float, between: float) -> Float | None:
        """Return what the differences' own change adds to the derivative per class, if any."""
        return None


class Nominal(Scale):
    """Two classes differ by 1."""

    def __init__(self, patterns: Patterns) -> None:
        super().__init__(patterns)
        alike = patterns.gather(np.square(patterns.count))
        self.within = (np.square(patterns.size) - alike) / self.fewer

    def disagreement(self, pooled: Float) -> Disagreement:
        """Return the disagreements if classes occur so often among the labels."""
        of_class = pooled.sum() - pooled
        return Disagreement(self.within, float(pooled @ of_class), of_class, 1.0)


class IntervalScale(Scale):
    """Two classes differ by the square of the difference of their values."""

    def __init__(self, patterns: Patterns) -> None:
        super().__init__(patterns)
        values = class_values(patterns.classes, "interval")
        middle = values[np.unique(patterns.label)].mean() if len(patterns.label) else 0.0
        self.values = values - middle
        self.within = self._within(self.values)

    def _within(self, values: Float) -> Float:
        patterns = self.patterns
        of_entry = values[patterns.label]
        mean = patterns.gather(patterns.count * of_entry) / patterns.size
        spread = patterns.gather(patterns.count * np.square(of_entry - mean[patterns.owner]))
        return 2 * patterns.size * spread / self.fewer

    def disagreement(self, pooled: Float) -> Disagreement:
        """Return the disagreements if classes occur so often among the labels."""
        return self._moments(self.values, self.within, pooled)

    def _moments(self, values: Float, within: Float, pooled: Float) -> Disagreement:
        total = pooled.sum()
        centred = values - pooled @ values / total
        of_class = pooled @ np.square(centred) + total * np.square(centred)
        used = values[pooled > 0]
        largest = float(np.ptp(used)) ** 2 if len(used) else 0.0
        return Disagreement(within, float(pooled @ of_class), of_class, largest)


class OrdinalScale(IntervalScale):
    """Two classes differ by the square of the difference of their mid-ranks among the labels."""

    def __init__(self, patterns: Patterns) -> None:
        Scale.__init__(self, patterns)

    def disagreement(self, pooled: Float) -> Disagreement:
        """Return the disagreements if classes occur so often among the labels."""
        ranks = np.cumsum(pooled) - pooled / 2
        ranks -= pooled.sum() / 2
        return self._moments(ranks, self._within(ranks), pooled)

    def slopes(self, pooled: Float, frequency: Float) -> tuple[Float, Float]:
        """Return how both sums change with each class's count by way of the ranks, shape (K,).

        The first is the sum of ``within`` over items, the second ``between``.
        """
        patterns, total = self.patterns, pooled.sum()
        ranks = np.cumsum(pooled) - pooled / 2 - total / 2
        of_entry = ranks[patterns.label]
        mean = patterns.gather(patterns.count * of_entry) / patterns.size
        weight = (4 * patterns.size / self.fewer * frequency)[patterns.owner]
        pull = weight * patterns.count * (of_entry - mean[patterns.owner])
        inside = np.bincount(patterns.label, pull, minlength=patterns.n_classes).astype(float)
        across = 4 * total * pooled * (ranks - pooled @ ranks / total)
        return _through_ranks(inside), _through_ranks(across)


def _through_ranks(slope: Float) -> Float:
    """Return the derivative in the counts: more of a class raises its own rank by half."""
    above = np.cumsum(slope[::-1])[::-1] - slope
    return np.asarray(above + slope / 2)


class RatioScale(Scale):
    """Two classes differ by the square of their difference over their sum."""

    def __init__(self, patterns: Patterns) -> None:
        super().__init__(patterns)
        self.values = class_values(patterns.classes, "ratio")
        pairs = np.empty(len(patterns.frequency))
        ratio_pairs(patterns.pointers, patterns.label, patterns.count, self.values, pairs)
        self.within = pairs / self.fewer

    def disagreement(self, pooled: Float) -> Disagreement:
        """Return the disagreements if classes occur so often among the labels."""
        of_class = ratio_distances(self.values, pooled)
        used = self.values[pooled > 0]
        low, high = (float(used.min()), float(used.max())) if len(used) else (0.0, 0.0)
        largest = ((high - low) / (high + low)) ** 2 if high > 0 else 0.0
        return Disagreement(self.within, float(pooled @ of_class), of_class, largest)
