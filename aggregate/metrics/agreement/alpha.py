"""Krippendorff's alpha: agreement on nominal, ordinal, interval and ratio labels, with gaps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import check_choice
from aggregate.metrics.agreement._error import Interval, Measured, summarise
from aggregate.metrics.agreement._patterns import Patterns, find_patterns, read_votes
from aggregate.metrics.agreement._scales import (
    SCALES,
    Disagreement,
    IntervalScale,
    Nominal,
    OrdinalScale,
    RatioScale,
    Scale,
)
from aggregate.metrics.agreement.result import Agreement

Float = NDArray[np.float64]


class Alpha:
    """Alpha as a function of how many items show each pattern.

    Parameters
    ----------
    patterns : Patterns
    scale : {"nominal", "ordinal", "interval", "ratio"}
    """

    def __init__(self, patterns: Patterns, scale: str) -> None:
        kinds: dict[str, type[Scale]] = {
            "nominal": Nominal,
            "ordinal": OrdinalScale,
            "interval": IntervalScale,
            "ratio": RatioScale,
        }
        self.name = f"Krippendorff's alpha, {scale}"
        self.patterns = patterns
        self.counted = patterns.size >= 2
        self.scale = kinds[scale](patterns)

    def measure(self, frequency: Float) -> Measured:
        """Return observed and expected agreement."""
        pooled, found = self._compare(frequency)
        total = pooled.sum()
        if found.between <= 0:
            return Measured(1.0, 1.0)
        seen = (frequency * self.counted) @ found.within / total
        chance = found.between / (total * (total - 1))
        return Measured(1 - seen / found.largest, 1 - chance / found.largest)

    def influence(self, frequency: Float) -> Float:
        """Return the derivative of alpha in the frequencies; zero for items with one label."""
        pooled, found = self._compare(frequency)
        patterns, total = self.patterns, pooled.sum()
        counted = frequency * self.counted
        within = counted @ found.within
        change = -(total - 1) * found.within - patterns.size * within
        slope = 2 * (total - 1) * within / found.between * found.of_class
        if isinstance(self.scale, OrdinalScale):
            inside, across = self.scale.slopes(pooled, counted)
            slope += (total - 1) * (within / found.between * across - inside)
        change += patterns.gather(patterns.count * slope[patterns.label])
        return change / found.between * self.counted

    def _compare(self, frequency: Float) -> tuple[Float, Disagreement]:
        pooled = self.patterns.pool(frequency * self.counted)
        return pooled, self.scale.disagreement(pooled)


def krippendorff_alpha(
    votes: Any,
    *,
    scale: str = "nominal",
    method: str = "analytic",
    level: float = 0.95,
    n_bootstrap: int = 1000,
    random_state: int | np.random.Generator | None = 0,
    n_jobs: int | None = None,
) -> Agreement:
    r"""Return Krippendorff's alpha: disagreement within items, against that between any labels.

    .. math::

        \alpha = 1 - \frac{D_o}{D_e}, \quad
        D_o = \frac{1}{n} \sum_i \frac{1}{m_i - 1} \sum_{a, b \in i} \delta^2(a, b), \quad
        D_e = \frac{1}{n (n - 1)} \sum_{a, b} \delta^2(a, b)

    over the n labels of all items that have two or more; item i has :math:`m_i`. Two labels
    differ by :math:`\delta^2`: 1 if they are not the same ("nominal"), the squared difference
    of their mid-ranks among all labels ("ordinal"), of their values ("interval"), or
    :math:`((a - b) / (a + b))^2` ("ratio"). Any number of annotators, any gaps. The cost follows
    the number of labels, on every scale (on the ratio scale, with the square of the different
    labels within an item).

    It says how far labels can be repeated, not how far they are right; where one class is nearly
    all there is, it is low however seldom annotators differ, since little is left to agree on.

    Parameters
    ----------
    votes : Annotations or array-like of shape (N, M)
        In a table, NaN and None are missing; so is -1 on the nominal and ordinal scales. An
        annotator's repeated labels of an item are compared with each other like any two.
    scale : {"nominal", "ordinal", "interval", "ratio"}
        What labels mean. On the ordinal scale, classes count in the order of ``classes``; on
        the last two they must be numbers (not negative on the ratio scale).
    method : {"analytic", "bootstrap"}
        Standard error by linearisation and an interval from Student's distribution, on the
        scale of :math:`\log (1 - \alpha)`; or both by drawing items with replacement
        (percentiles). Both are conditional on the annotators.
    level : float, default=0.95
        Coverage of the interval.
    n_bootstrap : int, default=1000
        Draws.
    random_state : int or Generator, optional
        Seed of the draws.
    n_jobs : int, optional
        Threads.

    Returns
    -------
    Agreement
        If all labels are the same, alpha is 0 / 0: the value is then 0 with the interval
        from -1 to 1, the note says why, and so does a warning.

    Raises
    ------
    ValueError
        If no item has two labels, or labels are not what the scale needs.

    References
    ----------
    K. Krippendorff, Content analysis: an introduction to its methodology, second edition,
    Sage, 2004, chapter 11.

    K. L. Gwet, On Krippendorff's alpha coefficient, working paper, 2011 (standard error).

    Examples
    --------
    >>> from aggregate.metrics import krippendorff_alpha
    >>> votes = [[1, 1, None], [2, 2, 3], [3, 3, 3], [1, 2, 1], [2, 2, 2]]
    >>> print(krippendorff_alpha(votes))
    Krippendorff's alpha, nominal: 0.594 (95% interval ... to 0.924; 14 labels of 5 items)
    >>> round(float(krippendorff_alpha(votes, scale="interval")), 3)
    0.768
    """
    check_choice("scale", scale, SCALES)
    how = Interval(method, level, n_bootstrap, random_state)
    how.check()
    annotations = read_votes(votes, numeric=scale in ("interval", "ratio"))
    return summarise(Alpha(find_patterns(annotations, n_jobs), scale), how)
