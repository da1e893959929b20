"""Agreement of every pair of annotators: Cohen's kappa, Scott's pi, AC1, percent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import check_choice, check_number
from aggregate.metrics.agreement._error import limits
from aggregate.metrics.agreement._patterns import read_votes
from aggregate.metrics.agreement._weights import agreement_weights
from aggregate.moments import pair_moments

Float = NDArray[np.float64]

_NAMES = {
    "cohen": "Cohen's kappa",
    "scott": "Scott's pi",
    "gwet": "Gwet's AC1",
    "percent": "percent agreement",
}


@dataclass(frozen=True, eq=False)
class PairAgreement:
    """What `pair_agreement` returns; arrays have an entry per pair with enough common items.

    Attributes
    ----------
    name : str
        Which coefficient.
    annotators : ndarray of shape (M,)
    pairs : ndarray of int32, shape (P, 2)
        Codes of the annotators.
    shared : ndarray of shape (P,)
        Pairs of labels: common items, where nobody labels an item twice.
    value, standard_error, low, high : ndarray of shape (P,)
        The coefficient, its error (items drawn anew) and interval.
    observed, expected : ndarray of shape (P,)
    defined : ndarray of bool, shape (P,)
        Whether chance leaves anything to agree on; where not, the value is 0, the error
        infinite and the interval everything.
    level : float
        Coverage of the intervals.
    """

    name: str
    annotators: NDArray[Any]
    pairs: NDArray[np.int32]
    shared: Float
    value: Float
    standard_error: Float
    low: Float
    high: Float
    observed: Float
    expected: Float
    defined: NDArray[np.bool_]
    level: float

    def to_dict(self) -> dict[str, NDArray[Any]]:
        """Return one column per quantity, ready for a data frame, pairs in the rows."""
        return {
            "annotator": self.annotators[self.pairs[:, 0]],
            "other": self.annotators[self.pairs[:, 1]],
            "shared": self.shared,
            "value": self.value,
            "standard_error": self.standard_error,
            "low": self.low,
            "high": self.high,
            "observed": self.observed,
            "expected": self.expected,
            "defined": self.defined,
        }

    def __str__(self) -> str:
        """Tell it in a line."""
        told = self.value[self.defined]
        if not len(told):
            return f"{self.name}: no pair of annotators with enough items in common"
        low, middle, high = np.quantile(told, [0, 0.5, 1])
        return f"{self.name} of {len(told):,} pairs: {low:.3f} to {high:.3f}, median {middle:.3f}"


def pair_agreement(
    votes: Any,
    coefficient: str = "cohen",
    *,
    weights: Any = None,
    min_shared: int = 2,
    level: float = 0.95,
) -> PairAgreement:
    r"""Return a coefficient of agreement of every pair of annotators who share items.

    Over the joint frequencies :math:`p_{yz}` (one said y, the other z) with margins
    :math:`p_{y \cdot}` and :math:`p_{\cdot z}`, the coefficient is
    :math:`(p_o - p_e) / (1 - p_e)` with :math:`p_o = \sum_{yz} w_{yz} p_{yz}` and

    - "cohen": :math:`p_e = \sum_{yz} w_{yz} p_{y \cdot} p_{\cdot z}`,
    - "scott": the same with the mean of both margins in place of each,
    - "gwet": :math:`\sum w / (K (K - 1))` times :math:`\sum_y \pi_y (1 - \pi_y)` of that mean,
    - "percent": :math:`p_e = 0`.

    The standard error is the delta method's over items. Memory grows with the pairs that occur,
    K·K numbers for each.

    Parameters
    ----------
    votes : Annotations or array-like of shape (N, M)
        In a table, NaN, None and -1 are missing.
    coefficient : {"cohen", "scott", "gwet", "percent"}
    weights : None, "linear", "quadratic" or array-like of shape (K, K), optional
        As in `fleiss_kappa`.
    min_shared : int, default=2
        Common items that make a pair worth comparing.
    level : float, default=0.95
        Coverage of the intervals.

    Returns
    -------
    PairAgreement

    Raises
    ------
    ValueError
        If an argument is out of its range.

    References
    ----------
    J. Cohen, Weighted kappa: nominal scale agreement with provision for scaled disagreement or
    partial credit, Psychological Bulletin 70(4):213-220, 1968.

    J. L. Fleiss, J. Cohen and B. S. Everitt, Large sample standard errors of kappa and weighted
    kappa, Psychological Bulletin 72(5):323-327, 1969, equation 13.

    W. A. Scott, Reliability of content analysis: the case of nominal scale coding, Public
    Opinion Quarterly 19(3):321-325, 1955.

    Examples
    --------
    >>> from aggregate.metrics import pair_agreement
    >>> found = pair_agreement([[0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 1, 0], [0, 0, -1]])
    >>> found.pairs
    array([[0, 1],
           [0, 2],
           [1, 2]], dtype=int32)
    >>> found.value
    array([1., 0., 0.])
    >>> print(found)
    Cohen's kappa of 3 pairs: 0.000 to 1.000, median 0.000
    """
    check_choice("coefficient", coefficient, tuple(_NAMES))
    check_number("min_shared", min_shared, low=2, integer=True)
    check_number("level", level, low=0, high=1 - 1e-9, low_open=True)
    annotations = read_votes(votes)
    table = agreement_weights(weights, annotations.classes)
    moments = pair_moments(annotations)
    moments = moments.select(moments.totals >= min_shared)
    credit = np.eye(annotations.n_classes) if table is None else table
    expected, slope = _chance(coefficient, moments.blocks, credit)
    columns = _intervals(moments.blocks, moments.totals, (credit, expected, slope), level)
    return PairAgreement(
        name=_NAMES[coefficient] + ("" if table is None else ", weighted"),
        annotators=annotations.annotators,
        pairs=moments.pairs,
        shared=moments.totals,
        expected=expected,
        level=level,
        **columns,
    )


def _intervals(
    joint: Float, shared: Float, parts: tuple[Float, Float, Float], level: float
) -> dict[str, Any]:
    """Return value, error and interval of every pair."""
    credit, expected, slope = parts
    observed = np.einsum("pyz,yz->p", joint, credit)
    defined = 1 - expected > 1e-12
    left = np.where(defined, 1 - expected, 1.0)
    value = np.where(defined, (observed - expected) / left, 0.0)
    change = (credit - _deep(1 - value) * slope) / _deep(left)
    change -= _deep(np.einsum("pyz,pyz->p", joint, change))
    square = np.einsum("pyz,pyz->p", joint, np.square(change))
    error = np.sqrt(square / (shared - 1))
    ends = limits(value, error, shared, level)
    # Where all items agree to one degree, the share of items unlike those seen is bounded.
    flat = square <= 1e-24
    unlike = 1 - (1 - level) ** (1 / shared)
    low = np.where(flat, ((1 - unlike) * observed - expected) / left, ends[0])
    most = observed + unlike * (1 - observed)
    high = np.where(flat, (most - expected) / left, ends[1])
    return {
        "value": value,
        "standard_error": np.where(defined, error, np.inf),
        "low": np.where(defined, np.maximum(low, np.maximum(-expected / left, -1)), -1.0),
        "high": np.where(defined, np.minimum(high, 1), 1.0),
        "observed": observed,
        "defined": defined,
    }


def _deep(values: Float) -> Float:
    return values[:, np.newaxis, np.newaxis]


def _chance(coefficient: str, joint: Float, credit: Float) -> tuple[Float, Float]:
    """Return agreement by chance and its derivative in the joint frequencies."""
    n_classes = len(credit)
    rows, columns = joint.sum(axis=2), joint.sum(axis=1)
    if coefficient == "cohen":
        one, other = columns @ credit.T, rows @ credit  # slopes in the rows, in the columns
        return np.einsum("py,py->p", rows, one), one[:, :, np.newaxis] + other[:, np.newaxis]
    shares = (rows + columns) / 2
    if coefficient == "scott":
        slope = shares @ credit
        return np.einsum("py,py->p", shares, slope), slope[:, :, np.newaxis] + slope[:, np.newaxis]
    if coefficient == "gwet" and n_classes > 1:
        scale = credit.sum() / (n_classes * (n_classes - 1))
        slope = scale * (1 - 2 * shares) / 2
        expected = scale * (shares * (1 - shares)).sum(axis=1)
        return expected, slope[:, :, np.newaxis] + slope[:, np.newaxis]
    flat = float(coefficient == "gwet")  # a single class leaves nothing to agree on
    return np.full(len(joint), flat), np.zeros_like(joint)
