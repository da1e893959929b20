"""How many labels an item needs before its decision is right often enough."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from aggregate._validation import check_number
from aggregate.fusion import effective_labels
from aggregate.models import BaseAggregator

Float = NDArray[np.float64]

_MOST = 10**9


@dataclass(frozen=True, eq=False)
class LabelsNeeded:
    """What `labels_needed` returns.

    Attributes
    ----------
    n_labels : float
        Labels per item, a whole number; infinite if no number suffices.
    error : float
        The target.
    information : ndarray of shape (K, K)
        Chernoff information per independent label between any two classes, in nats.
    hardest : tuple
        The two classes that are told apart worst.
    annotator_correlation : float
    """

    n_labels: float
    error: float
    information: Float
    hardest: tuple[Any, Any]
    annotator_correlation: float

    def __str__(self) -> str:
        one, other = self.hardest
        pair = f"hardest to tell apart: {one} and {other}"
        if math.isinf(self.n_labels):
            return (
                f"no number of labels brings the error to {self.error:.3g}, as annotators err "
                f"together (correlation {self.annotator_correlation:.2f}); {pair}"
            )
        return f"{self.n_labels:.0f} labels per item for an error of {self.error:.3g}; {pair}"


def chernoff_information(confusion: Float, weights: Float | None = None) -> tuple[Float, Float]:
    r"""Return how well a label tells any two classes apart, and where the bound is tightest.

    .. math::

        C_{kl} = \max_{0 \le t \le 1} -\sum_j w_j \log \sum_y A_j[k, y]^{1-t} A_j[l, y]^t

    where A are the confusions and :math:`w_j` the share of annotator j's labels. The chance that
    r labels make k look like l falls as :math:`e^{-r C_{kl}}`.

    Parameters
    ----------
    confusion : ndarray of shape (M, K, K)
        Truth in the rows.
    weights : ndarray of shape (M,), optional
        Shares of the labels; by default equal.

    Returns
    -------
    information : ndarray of shape (K, K)
        In nats, symmetric, the diagonal zero; infinite where one label proves the class.
    tilt : ndarray of shape (K, K)
        The maximising t.

    References
    ----------
    C. Gao, Y. Lu and D. Zhou, Exact exponent in optimal rates for crowdsourcing, ICML 2016,
    equation (4).

    Examples
    --------
    >>> coin = np.array([[[0.8, 0.2], [0.2, 0.8]]])
    >>> chernoff_information(coin)[0].round(4)
    array([[0.    , 0.2231],
           [0.2231, 0.    ]])
    """
    n_annotators, n_classes = confusion.shape[:2]
    shares = np.full(n_annotators, 1 / max(n_annotators, 1)) if weights is None else weights
    shares = shares / shares.sum() if shares.sum() > 0 else shares
    information, tilt = np.zeros((n_classes, n_classes)), np.full((n_classes, n_classes), 0.5)
    asked = confusion[shares > 0]
    shares = shares[shares > 0]
    for k in range(n_classes):
        for other in range(k + 1, n_classes):
            value, place = _between(asked[:, k], asked[:, other], shares)
            information[k, other] = information[other, k] = value
            tilt[k, other], tilt[other, k] = place, 1 - place
    return information, tilt


def _between(one: Float, other: Float, shares: Float) -> tuple[float, float]:
    with np.errstate(divide="ignore"):
        log_one, log_other = np.log(one), np.log(other)
    common = np.isfinite(log_one) & np.isfinite(log_other)
    if not common.any(axis=1).all():
        return np.inf, 0.5  # somebody's label proves one of the two

    def exponent(t: float) -> float:
        mixed = np.where(common, (1 - t) * np.where(common, log_one, 0), -np.inf)
        mixed = mixed + t * np.where(common, log_other, 0)
        return float(shares @ np.logaddexp.reduce(mixed, axis=1))

    best = minimize_scalar(exponent, bounds=(0.0, 1.0), method="bounded")
    return max(-float(best.fun), 0.0), float(best.x)


def labels_needed(
    model: BaseAggregator, error: float, *, annotator_correlation: float | None = None
) -> LabelsNeeded:
    r"""Return how many labels per item bring the chance of a wrong decision to ``error``.

    By Chernoff's bound, summed over pairs of classes, r labels by the crowd's usual mixture of
    annotators decide wrongly with a chance of at most

    .. math:: \sum_{k < l} \pi_k^{1 - t_{kl}} \pi_l^{t_{kl}} e^{-n(r) C_{kl}}

    with :math:`\pi` the class prior, C and t from `chernoff_information` and
    :math:`n(r) = r / (1 + (r - 1) \rho)` independent labels' worth in r. As n never exceeds
    :math:`1 / \rho`, a crowd that errs together cannot reach every target.

    It is a bound: fewer labels may do, by a factor that is small when the target is. It trusts
    the confusions, and the mixture of annotators to stay as it was.

    Parameters
    ----------
    model : aggregator
        Fitted, with confusion matrices.
    error : float
        Target, between 0 and 1.
    annotator_correlation : float, optional
        ρ of the crowd; by default what the model has learned or was given.

    Returns
    -------
    LabelsNeeded

    Raises
    ------
    ValueError
        If the model has no confusion matrices.

    References
    ----------
    C. Gao, Y. Lu and D. Zhou, Exact exponent in optimal rates for crowdsourcing, ICML 2016.

    Examples
    --------
    >>> from aggregate import HierarchicalDawidSkene, labels_needed, simulate_annotations
    >>> crowd = simulate_annotations(500, 20, 2, labels_per_item=5, random_state=0)
    >>> model = HierarchicalDawidSkene().fit(crowd.annotations)
    >>> few, many = (labels_needed(model, e, annotator_correlation=0) for e in (0.1, 0.001))
    >>> few.n_labels < many.n_labels
    True
    """
    check_number("error", error, low=0, high=1, low_open=True)
    confusion = getattr(model, "confusion_", None)
    if confusion is None:
        raise ValueError(
            f"labels_needed needs confusion matrices, and {type(model).__name__} is not fitted or "
            "has none: fit Auto, HierarchicalDawidSkene or another model that has."
        )
    correlation = correlation_of(model, annotator_correlation)
    information, tilt = chernoff_information(confusion)
    classes = model.classes_.tolist()
    upper = np.triu_indices(len(classes), 1)
    exponents = information[upper]
    prior, t = model.class_prior_, tilt[upper]
    factors = prior[upper[0]] ** (1 - t) * prior[upper[1]] ** t
    pairs = list(zip(*upper, strict=True))
    first, second = pairs[int(exponents.argmin())] if pairs else (0, 0)
    return LabelsNeeded(
        _fewest(factors, exponents, error, correlation),
        float(error),
        information,
        (classes[first], classes[second]),
        correlation,
    )


def _fewest(factors: Float, exponents: Float, error: float, correlation: float) -> float:
    """Return the least number of labels whose bound is at most the error, by bisection."""

    def bound(n_labels: int) -> float:
        worth = float(effective_labels(n_labels, correlation))
        return float((factors * np.exp(-worth * exponents)).sum())

    if bound(0) <= error:
        return 0.0
    if bound(_MOST) > error:
        return math.inf
    low, high = 0, 1
    while bound(high) > error:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if bound(middle) <= error else (middle, high)
    return float(high)


def correlation_of(model: BaseAggregator, given: float | None) -> float:
    """Return the annotators' correlation that the user gives or the model knows."""
    if given is not None:
        check_number("annotator_correlation", given, low=0, high=1)
        return float(given)
    learned = getattr(model, "annotator_correlation_", None)
    return float(learned if learned is not None else model.get_params()["annotator_correlation"])
