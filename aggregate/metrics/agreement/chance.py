"""Observed agreement against chance: Fleiss, Gwet, Brennan-Prediger, and no chance at all."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate.kernels.agreement import weighted_pairs
from aggregate.metrics.agreement._error import Interval, Measured, summarise
from aggregate.metrics.agreement._patterns import Patterns, find_patterns, read_votes
from aggregate.metrics.agreement._weights import agreement_weights
from aggregate.metrics.agreement.result import Agreement

Float = NDArray[np.float64]

_NAMES = {
    "fleiss": "Fleiss' kappa",
    "gwet": "Gwet's AC1",
    "brennan-prediger": "Brennan-Prediger",
    "percent": "percent agreement",
}


class ChanceCorrected:
    """A coefficient of the kappa family as a function of how many items show each pattern.

    Parameters
    ----------
    patterns : Patterns
    rule : {"fleiss", "gwet", "brennan-prediger", "percent"}
        What chance is.
    weights : ndarray of shape (K, K) or None
    """

    def __init__(self, patterns: Patterns, rule: str, weights: Float | None) -> None:
        self.patterns, self.rule, self.weights = patterns, rule, weights
        weighted = "" if weights is None else ", weighted"
        self.name = _NAMES[rule].replace("AC1", "AC1" if weights is None else "AC2") + weighted
        self.counted = patterns.size >= 1
        self.paired = (patterns.size >= 2).astype(np.float64)
        if weights is None:
            pairs = patterns.gather(np.square(patterns.count))
        else:
            pairs = np.empty(len(patterns.frequency))
            weighted_pairs(patterns.pointers, patterns.label, patterns.count, weights, pairs)
        ways = patterns.size * (patterns.size - 1)
        self.agreed = np.divide(
            pairs - patterns.size, ways, out=np.zeros(len(ways)), where=ways > 0
        )

    def measure(self, frequency: Float) -> Measured:
        """Return observed and expected agreement."""
        expected, _ = self._chance(self._shares(frequency))
        return Measured(self._observed(frequency), expected)

    def influence(self, frequency: Float) -> Float:
        """Return the derivative of the coefficient in the frequencies."""
        patterns, shares = self.patterns, self._shares(frequency)
        observed = self._observed(frequency)
        expected, slope = self._chance(shares)
        seen = self.paired * (self.agreed - observed) / (frequency @ self.paired)
        own = patterns.gather(patterns.count * slope[patterns.label]) / patterns.size
        chance = (own - slope @ shares) / frequency.sum()
        value = Measured(observed, expected).value
        return np.asarray((seen - (1 - value) * chance) / (1 - expected))

    def _observed(self, frequency: Float) -> float:
        return float((frequency * self.paired) @ self.agreed / (frequency @ self.paired))

    def _shares(self, frequency: Float) -> Float:
        """Return the mean share of each class over the items."""
        return self.patterns.pool(frequency / self.patterns.size) / frequency.sum()

    def _chance(self, shares: Float) -> tuple[float, Float]:
        """Return the agreement by chance and its derivative in the shares."""
        n_classes, weights = len(shares), self.weights
        credit = float(n_classes) if weights is None else float(weights.sum())
        if self.rule == "fleiss":
            slope = shares if weights is None else weights @ shares
            return float(slope @ shares), 2 * slope
        if self.rule == "gwet" and n_classes > 1:
            scale = credit / (n_classes * (n_classes - 1))
            return scale * float(shares @ (1 - shares)), scale * (1 - 2 * shares)
        flat = 0.0 if self.rule == "percent" else credit / max(n_classes, 1) ** 2
        return flat, np.zeros(n_classes)


def _chance_corrected(votes: Any, rule: str, weights: Any, how: Interval, n_jobs: Any) -> Agreement:
    how.check()
    annotations = read_votes(votes)
    table = agreement_weights(weights, annotations.classes)
    return summarise(ChanceCorrected(find_patterns(annotations, n_jobs), rule, table), how)


def fleiss_kappa(
    votes: Any,
    *,
    weights: Any = None,
    method: str = "analytic",
    level: float = 0.95,
    n_bootstrap: int = 1000,
    random_state: int | np.random.Generator | None = 0,
    n_jobs: int | None = None,
) -> Agreement:
    r"""Return Fleiss' kappa, for any number of annotators and of labels per item.

    .. math::

        \kappa = \frac{p_o - p_e}{1 - p_e}, \quad
        p_o = \operatorname{mean}_{i : m_i \ge 2} \frac{\sum_y n_{iy} (\bar n_{iy} - 1)}
        {m_i (m_i - 1)}, \quad p_e = \sum_{y, y'} w_{yy'} \pi_y \pi_{y'}, \quad
        \pi_y = \operatorname{mean}_i \frac{n_{iy}}{m_i}

    where item i has :math:`m_i` labels, :math:`n_{iy}` of them y, and
    :math:`\bar n_{iy} = \sum_{y'} w_{yy'} n_{iy'}`. Items with one label tell of
    :math:`\pi` only. Two annotators who label all items: Scott's pi.

    Chance is that all annotators draw labels from the one distribution :math:`\pi`. Where one
    class is nearly all there is, kappa is therefore low even if annotators hardly ever differ
    (the kappa paradox; compare `gwet_ac`).

    Parameters
    ----------
    votes : Annotations or array-like of shape (N, M)
        In a table, NaN, None and -1 are missing.
    weights : None, "linear", "quadratic" or array-like of shape (K, K), optional
        Credit for labels that differ; none by default. Classes that are no numbers count by
        their places in ``classes``.
    method, level, n_bootstrap, random_state, n_jobs
        As in `krippendorff_alpha`.

    Returns
    -------
    Agreement
        Where all labels are the same: 0, with a note and a warning (see `krippendorff_alpha`).

    Raises
    ------
    ValueError
        If no item has two labels, or the weights are none.

    References
    ----------
    J. L. Fleiss, Measuring nominal scale agreement among many raters, Psychological Bulletin
    76(5):378-382, 1971.

    K. L. Gwet, Computing inter-rater reliability and its variance in the presence of high
    agreement, British Journal of Mathematical and Statistical Psychology 61(1):29-48, 2008.

    Examples
    --------
    >>> from aggregate.metrics import fleiss_kappa
    >>> found = fleiss_kappa([[0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 1, 0], [0, 0, -1]])
    >>> round(found.value, 3), round(found.observed, 3), round(found.expected, 3)
    (0.444, 0.733, 0.52)
    """
    how = Interval(method, level, n_bootstrap, random_state)
    return _chance_corrected(votes, "fleiss", weights, how, n_jobs)


def gwet_ac(
    votes: Any,
    *,
    weights: Any = None,
    method: str = "analytic",
    level: float = 0.95,
    n_bootstrap: int = 1000,
    random_state: int | np.random.Generator | None = 0,
    n_jobs: int | None = None,
) -> Agreement:
    r"""Return Gwet's AC1 or, with weights, AC2.

    The observed agreement of `fleiss_kappa` against

    .. math:: p_e = \frac{\sum_{y, y'} w_{yy'}}{K (K - 1)} \sum_y \pi_y (1 - \pi_y):

    chance is that an annotator guesses, evenly over the K classes, on an item that is hard, and
    few items can be hard where one class is nearly all there is. So AC1 stays high where kappa
    falls to 0; by the same token it says little there of whether the rare class is told apart.

    Parameters
    ----------
    votes, weights, method, level, n_bootstrap, random_state, n_jobs
        As in `fleiss_kappa`. Classes that nobody used count in K.

    Returns
    -------
    Agreement
        Where all labels are the same but there are other classes: 1.

    Raises
    ------
    ValueError
        If no item has two labels, or the weights are none.

    References
    ----------
    K. L. Gwet, Computing inter-rater reliability and its variance in the presence of high
    agreement, British Journal of Mathematical and Statistical Psychology 61(1):29-48, 2008.

    Examples
    --------
    >>> from aggregate.metrics import gwet_ac
    >>> round(gwet_ac([[0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 1, 0], [0, 0, -1]]).value, 3)
    0.487
    """
    how = Interval(method, level, n_bootstrap, random_state)
    return _chance_corrected(votes, "gwet", weights, how, n_jobs)


def brennan_prediger(
    votes: Any,
    *,
    weights: Any = None,
    method: str = "analytic",
    level: float = 0.95,
    n_bootstrap: int = 1000,
    random_state: int | np.random.Generator | None = 0,
    n_jobs: int | None = None,
) -> Agreement:
    """Return the coefficient of Brennan and Prediger: chance takes all classes alike.

    The observed agreement of `fleiss_kappa` against the mean weight, 1 / K without weights.

    Parameters
    ----------
    votes, weights, method, level, n_bootstrap, random_state, n_jobs
        As in `fleiss_kappa`. Classes that nobody used count in K.

    Returns
    -------
    Agreement

    Raises
    ------
    ValueError
        If no item has two labels, or the weights are none.

    References
    ----------
    R. L. Brennan and D. J. Prediger, Coefficient kappa: some uses, misuses, and alternatives,
    Educational and Psychological Measurement 41(3):687-699, 1981.

    Examples
    --------
    >>> from aggregate.metrics import brennan_prediger
    >>> round(brennan_prediger([[0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 1, 0]]).value, 3)
    0.333
    """
    how = Interval(method, level, n_bootstrap, random_state)
    return _chance_corrected(votes, "brennan-prediger", weights, how, n_jobs)


def percent_agreement(
    votes: Any,
    *,
    weights: Any = None,
    method: str = "analytic",
    level: float = 0.95,
    n_bootstrap: int = 1000,
    random_state: int | np.random.Generator | None = 0,
    n_jobs: int | None = None,
) -> Agreement:
    """Return how often two labels of an item agree, each item counting alike.

    Parameters
    ----------
    votes, weights, method, level, n_bootstrap, random_state, n_jobs
        As in `fleiss_kappa`.

    Returns
    -------
    Agreement
        Chance is 0 here.

    Raises
    ------
    ValueError
        If no item has two labels, or the weights are none.

    Examples
    --------
    >>> from aggregate.metrics import percent_agreement
    >>> round(percent_agreement([[0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 1, 0]]).value, 3)
    0.667
    """
    how = Interval(method, level, n_bootstrap, random_state)
    return _chance_corrected(votes, "percent", weights, how, n_jobs)
