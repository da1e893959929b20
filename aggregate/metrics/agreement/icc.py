"""Intraclass correlation: how far numeric ratings tell items apart, by analysis of variance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc, fdtri

from aggregate._validation import check_choice, check_number
from aggregate.annotations import Annotations
from aggregate.metrics.agreement._patterns import class_values, read_votes

Float = NDArray[np.float64]

FORMS = ("1,1", "2,1", "3,1", "1,k", "2,k", "3,k")


@dataclass(frozen=True)
class IntraclassCorrelation:
    """What `intraclass_correlation` returns; ``float`` gives its value.

    Attributes
    ----------
    form : str
        Which of Shrout and Fleiss's six.
    value : float
    low, high : float
        Confidence interval, from F distributions.
    level : float
        Its coverage.
    f_value, p_value : float
        Test of no difference between items.
    degrees : (float, float)
        Its degrees of freedom.
    n_items : int
        Items that were used.
    n_left_out : int
        Items that were not, for want of ratings.
    n_ratings : float
        Ratings per item, k; with unequal numbers, their effective mean.
    note : str
        Empty, or which convention the value follows and why.
    """

    form: str
    value: float
    low: float
    high: float
    level: float
    f_value: float
    p_value: float
    degrees: tuple[float, float]
    n_items: int
    n_left_out: int
    n_ratings: float
    note: str = ""

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        """Tell it in a line, or two."""
        line = (
            f"ICC({self.form}): {self.value:.3f} ({self.level:.0%} interval {self.low:.3f} to "
            f"{self.high:.3f}; {self.n_items:,} items, {self.n_ratings:.3g} ratings each)"
        )
        return f"{line}\n  {self.note}" if self.note else line


class _Variance(NamedTuple):
    """Mean squares between items, within them, between annotators, and of what is left."""

    items: float
    within: float
    annotators: float
    rest: float
    n_items: int
    n_ratings: float
    n_labels: int


def intraclass_correlation(
    votes: Any, form: str = "2,1", *, level: float = 0.95
) -> IntraclassCorrelation:
    r"""Return the share of the variance of numeric ratings that is due to the items.

    With mean squares between items B, within items W, between annotators J and of the
    residuals E, of n items with k ratings,

    .. math::

        \mathrm{ICC}(1,1) = \frac{B - W}{B + (k - 1) W}, \quad
        \mathrm{ICC}(2,1) = \frac{B - E}{B + (k - 1) E + k (J - E) / n}, \quad
        \mathrm{ICC}(3,1) = \frac{B - E}{B + (k - 1) E};

    form "1,k", "2,k" and "3,k" is the reliability of the mean of k ratings. Form 1: each item has
    annotators of its own, who need not be the same (gaps are no matter; k is then the effective
    mean :math:`(L - \sum_i m_i^2 / L) / (n - 1)` of L ratings, and the interval approximate).
    Form 2: the same annotators rate all items and stand for others; a constant leniency counts
    as error. Form 3: these annotators and no others; leniency does not count.

    It needs ratings with about normal errors, and depends on how different the items are: the
    same annotators look worse on items that are alike.

    Parameters
    ----------
    votes : Annotations or array-like of shape (N, M)
        Numbers; in a table, NaN and None are missing (-1 is a number).
    form : {"1,1", "2,1", "3,1", "1,k", "2,k", "3,k"}
    level : float, default=0.95
        Coverage of the interval.

    Returns
    -------
    IntraclassCorrelation
        Forms 2 and 3 use the items that every annotator rated once, and say how many were left
        out. If no rating differs, the value is 0 with the interval from -1 to 1, and a note.

    Raises
    ------
    ValueError
        If labels are no numbers, or fewer than two items have two ratings (forms 2 and 3: one by
        each of at least two annotators).

    References
    ----------
    P. E. Shrout and J. L. Fleiss, Intraclass correlations: uses in assessing rater reliability,
    Psychological Bulletin 86(2):420-428, 1979.

    K. O. McGraw and S. P. Wong, Forming inferences about some intraclass correlation
    coefficients, Psychological Methods 1(1):30-46, 1996, table 7.

    Examples
    --------
    >>> from aggregate.metrics import intraclass_correlation
    >>> ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9]]
    >>> print(intraclass_correlation([*ratings, [6, 2, 4, 7]]))
    ICC(2,1): 0.290 (95% interval 0.019 to 0.761; 6 items, 4 ratings each)
    """
    check_choice("form", form, FORMS)
    check_number("level", level, low=0, high=1 - 1e-9, low_open=True)
    annotations = read_votes(votes, numeric=True)
    values = class_values(annotations.classes, "interval")
    one_way = form.startswith("1")
    found = _one_way(annotations, values) if one_way else _two_way(annotations, values)
    left_out = int((annotations.labels_per_item > 0).sum()) - found.n_items
    error = found.within if one_way else found.rest
    degrees = _degrees(found, one_way)
    sizes = (level, degrees, found.n_items, left_out, found.n_ratings)
    if error <= 0 and found.items <= 0:
        note = "no rating differs within or between items, so nothing is known; 0 by convention"
        return _result(form, (0.0, -1.0, 1.0), (0.0, 1.0), sizes, note)
    f_value = found.items / error if error > 0 else float("inf")
    single = _single(form[0], found)
    ends = _interval(form[0], found, f_value, degrees, level)
    note = "" if error > 0 else "ratings of an item never differ, so the interval has no width"
    numbers = (single, *ends)
    if form.endswith("k"):
        numbers = tuple(_mean_of(found.n_ratings, value) for value in numbers)  # type: ignore[assignment]
    return _result(form, numbers, (f_value, float(fdtrc(*degrees, f_value))), sizes, note)


def _result(
    form: str,
    numbers: tuple[float, float, float],
    test: tuple[float, float],
    sizes: tuple[float, tuple[float, float], int, int, float],
    note: str,
) -> IntraclassCorrelation:
    level, degrees, n_items, left_out, n_ratings = sizes
    value, low, high = (float(number) for number in numbers)
    return IntraclassCorrelation(
        form, value, low, high, level, *test, degrees, n_items, left_out, n_ratings, note
    )


def _one_way(votes: Annotations, values: Float) -> _Variance:
    """Return the mean squares between and within the items with two ratings or more."""
    n_labels = votes.labels_per_item.astype(np.float64)
    used = n_labels >= 2
    sizes = n_labels[used]
    if len(sizes) < 2:
        raise ValueError(
            f"intraclass_correlation needs two items with two ratings or more; got {len(sizes)}."
        )
    rating, item = values[votes.label], votes.item
    keep = used[item]
    rating, item = rating[keep], item[keep]
    total = np.bincount(item, rating, minlength=votes.n_items)
    mean = np.divide(total, n_labels, out=np.zeros_like(total), where=used)
    grand = rating.mean()
    within = float(np.square(rating - mean[item]).sum())
    between = float(sizes @ np.square(mean[used] - grand))
    n_items, ratings = len(sizes), sizes.sum()
    n_ratings = float((ratings - sizes @ sizes / ratings) / (n_items - 1))
    return _Variance(
        between / (n_items - 1), within / (ratings - n_items), 0.0, 0.0,
        n_items, n_ratings, int(ratings),
    )  # fmt: skip


def _two_way(votes: Annotations, values: Float) -> _Variance:
    """Return the mean squares of the items that every annotator rated once."""
    busy = np.flatnonzero(votes.labels_per_annotator > 0)
    n_raters = len(busy)
    ptr = votes.item_ptr
    candidates = np.flatnonzero(votes.labels_per_item == n_raters)
    entries = ptr[candidates][:, np.newaxis] + np.arange(n_raters)
    # Entries of an item are sorted by annotator: complete means that they are all of them.
    complete = (votes.annotator[entries] == busy).all(axis=1) if n_raters else np.zeros(0, bool)
    table = values[votes.label[entries[complete]]]
    if n_raters < 2 or len(table) < 2:
        raise ValueError(
            "forms 2 and 3 of intraclass_correlation need two items or more that each of two "
            f"annotators or more rated once; here {len(table):,} items were rated by all "
            f"{n_raters:,} annotators. Select annotators with common items, or use form '1,1'."
        )
    n_items = len(table)
    centred = table - table.mean()
    rows, columns = centred.mean(axis=1), centred.mean(axis=0)
    items = n_raters * float(rows @ rows) / (n_items - 1)
    annotators = n_items * float(columns @ columns) / (n_raters - 1)
    rest = centred - rows[:, np.newaxis] - columns
    residual = float(np.square(rest).sum()) / ((n_items - 1) * (n_raters - 1))
    return _Variance(items, 0.0, annotators, residual, n_items, float(n_raters), table.size)


def _degrees(found: _Variance, one_way: bool) -> tuple[float, float]:
    n_items = found.n_items
    if one_way:
        return n_items - 1.0, float(found.n_labels - n_items)
    return n_items - 1.0, (n_items - 1.0) * (found.n_ratings - 1)


def _single(kind: str, found: _Variance) -> float:
    k, between = found.n_ratings, found.items
    error = found.within if kind == "1" else found.rest
    bias = k * (found.annotators - found.rest) / found.n_items if kind == "2" else 0.0
    return (between - error) / (between + (k - 1) * error + bias)


def _mean_of(k: float, single: float) -> float:
    """Return the reliability of the mean of k ratings (Spearman-Brown)."""
    below = 1 + (k - 1) * single
    return k * single / below if below > 0 else -float("inf")


def _interval(
    kind: str, found: _Variance, f_value: float, degrees: tuple[float, float], level: float
) -> tuple[float, float]:
    top, k = (1 + level) / 2, found.n_ratings
    if kind == "2" and found.rest + found.annotators > 0:
        return _interval_of_two(found, top)
    if f_value == float("inf"):
        return 1.0, 1.0
    low = f_value / fdtri(*degrees, top)
    high = f_value * fdtri(degrees[1], degrees[0], top)
    return (low - 1) / (low + k - 1), (high - 1) / (high + k - 1)


def _interval_of_two(found: _Variance, top: float) -> tuple[float, float]:
    """Return the limits of ICC(2,1), with Satterthwaite's degrees of freedom."""
    n, k = found.n_items, found.n_ratings
    single = min(_single("2", found), 1 - 1e-12)
    a = k * single / (n * (1 - single))
    b = 1 + k * single * (n - 1) / (n * (1 - single))
    one, other = a * found.annotators, b * found.rest
    freedom = (one + other) ** 2 / (one**2 / (k - 1) + other**2 / ((n - 1) * (k - 1)))
    spread = k * found.annotators + (k * n - k - n) * found.rest
    below, above = fdtri(n - 1, freedom, top), fdtri(freedom, n - 1, top)
    low = n * (found.items - below * found.rest) / (below * spread + n * found.items)
    high = n * (above * found.items - found.rest) / (spread + n * above * found.items)
    return float(low), float(high)
