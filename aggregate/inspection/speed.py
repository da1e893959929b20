"""Who labels much faster than the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import first_few
from aggregate.annotations import Annotations
from aggregate.inspection._entries import per_entry

Float = NDArray[np.float64]

FEWEST = 5
"""Timed labels of an annotator, and timed annotators, below which nothing is said."""

_FAR = 3.5
_SHORTEST = 1e-3  # seconds; a time of zero has no logarithm
_NORMAL = 1.4826  # standard deviations in a median absolute deviation
_NORMAL_MEAN = 1.2533  # and in a mean absolute deviation


@dataclass(frozen=True, eq=False)
class Speed:
    """What `labelling_speed` returns.

    Attributes
    ----------
    n_labels : ndarray of int64, shape (M,)
        Labels with a known time.
    seconds : ndarray of shape (M,)
        Median per label; NaN where no time is known.
    score : ndarray of shape (M,)
        How far the logarithm of ``seconds`` is from the crowd's median, in robust standard
        deviations, negative for the faster; NaN where there is too little to compare.
    fast : ndarray of bool, shape (M,)
        Whether the score is below -3.5.
    """

    n_labels: NDArray[np.int64]
    seconds: Float
    score: Float
    fast: NDArray[np.bool_]


def labelling_speed(annotations: Annotations, times: Any) -> Speed:
    """Compare the median time per label of annotators with that of the crowd.

    The logarithm of each annotator's median is compared with the median annotator, in units of
    1.4826 times the median absolute deviation (of the mean absolute deviation where that is
    zero); 3.5 below is called fast. Fast is no fault: look at the skill. Medians over annotators
    break down where half of the crowd rushes.

    Parameters
    ----------
    annotations : Annotations
    times : array-like of shape (E,), mapping, or three columns
        Seconds spent on each label, in the order of the entries; a mapping (item, annotator) ->
        seconds; or a tuple of columns (items, annotators, seconds). NaN where unknown.

    Returns
    -------
    Speed

    Raises
    ------
    ValueError
        If a time is negative or infinite.

    References
    ----------
    B. Iglewicz and D. C. Hoaglin, How to Detect and Handle Outliers, ASQC Quality Press 1993,
    section 3.3 (the modified z-score and 3.5).

    Examples
    --------
    >>> from aggregate import Annotations
    >>> votes = Annotations.from_matrix(np.zeros((5, 6), dtype=int))
    >>> seconds = np.array([8, 10, 9, 11, 10, 0.5])[votes.annotator]
    >>> labelling_speed(votes, seconds).fast
    array([False, False, False, False, False,  True])
    """
    seconds = per_entry("times", times, annotations)
    wrong = (seconds < 0) | np.isinf(seconds)
    if wrong.any():
        raise ValueError(
            f"times must be seconds from 0 up; got {first_few(seconds[wrong])} in "
            f"{int(wrong.sum()):,} places. Moments in time belong to order=; unknown times are NaN."
        )
    known = ~np.isnan(seconds)
    who = annotations.annotator[known]
    n_labels = np.bincount(who, minlength=annotations.n_annotators)
    median = _medians(who, seconds[known], n_labels)
    compared = n_labels >= FEWEST
    score = np.full(len(n_labels), np.nan)
    if compared.sum() >= FEWEST:
        score[compared] = _robust_score(np.log(np.maximum(median[compared], _SHORTEST)))
    return Speed(n_labels, median, score, score < -_FAR)


def _medians(who: NDArray[np.int32], values: Float, n_labels: NDArray[np.int64]) -> Float:
    """Return the median of each annotator's values, NaN where there is none."""
    ranked = values[np.lexsort((values, who))]
    first = np.cumsum(n_labels) - n_labels
    some = n_labels > 0
    low, high = (first + (n_labels - 1) // 2)[some], (first + n_labels // 2)[some]
    found = np.full(len(n_labels), np.nan)
    found[some] = (ranked[low] + ranked[high]) / 2
    return found


def _robust_score(values: Float) -> Float:
    away = values - np.median(values)
    unit = _NORMAL * np.median(np.abs(away)) or _NORMAL_MEAN * np.abs(away).mean()
    return np.asarray(away / unit) if unit > 0 else np.zeros_like(away)
