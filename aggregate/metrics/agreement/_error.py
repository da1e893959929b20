"""Standard errors and intervals of coefficients of agreement, over items drawn anew.

A coefficient is a function of how many items show each pattern. Its derivative in those numbers
gives the standard error (the infinitesimal jackknife, which for the coefficients of the kappa
family is Gwet's linearisation, see below); drawing the numbers from a multinomial distribution
is the bootstrap over items, at the cost of the patterns and not of the items.

Gwet takes the number of items with two labels as given; here it varies with the items drawn, as
it does where labels are missing at random. Without items of one label, the errors are the same.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from aggregate._validation import check_choice, check_number
from aggregate.metrics.agreement._patterns import Patterns
from aggregate.metrics.agreement.result import Agreement

Float = NDArray[np.float64]


_FAR = 50.0  # as a power of e: beyond any interval


class Measured(NamedTuple):
    """Observed and expected agreement."""

    observed: float
    expected: float

    @property
    def value(self) -> float:
        """The share of the agreement left by chance that is there; NaN if chance leaves none."""
        left = 1.0 - self.expected
        return (self.observed - self.expected) / left if left > 0 else float("nan")


class Coefficient(Protocol):
    """What a coefficient must be able to do."""

    name: str
    patterns: Patterns
    counted: NDArray[np.bool_]

    def measure(self, frequency: Float) -> Measured:
        """Return the coefficient's parts if patterns are so frequent."""

    def influence(self, frequency: Float) -> Float:
        """Return its derivative in the frequencies, shape (U,)."""


class Interval(NamedTuple):
    """How error and interval are to be computed."""

    method: str
    level: float
    n_bootstrap: int
    random_state: int | np.random.Generator | None

    def check(self) -> None:
        """Refuse what makes no sense."""
        check_choice("method", self.method, ("analytic", "bootstrap"))
        check_number("level", self.level, low=0, high=1, low_open=True)
        if self.level >= 1:
            raise ValueError(f"level must be below 1; got {self.level!r}.")
        check_number("n_bootstrap", self.n_bootstrap, low=2, integer=True)


class Spread(NamedTuple):
    """Standard error and interval."""

    error: float
    low: float
    high: float
    note: str = ""


def summarise(coefficient: Coefficient, how: Interval, *, warn: bool = True) -> Agreement:
    """Return a coefficient with its error and interval; where undefined, the note says so."""
    how.check()
    patterns = coefficient.patterns
    frequency = patterns.frequency.astype(np.float64)
    measured = coefficient.measure(frequency)
    paired = patterns.size >= 2
    value = measured.value
    if np.isnan(value):
        value, spread = 0.0, _undefined(patterns)
        if warn:
            warnings.warn(f"{coefficient.name}: {spread.note}.", UserWarning, stacklevel=3)
    else:
        items = frequency * coefficient.counted
        influence = coefficient.influence(frequency)
        spread = _spread(coefficient, measured, items, influence, how)
    return Agreement(
        name=coefficient.name,
        value=float(value),
        standard_error=spread.error,
        low=spread.low,
        high=spread.high,
        level=how.level,
        method=how.method,
        observed=float(measured.observed),
        expected=float(measured.expected),
        n_items=int(patterns.frequency[paired].sum()),
        n_labels=int((patterns.frequency * patterns.size)[paired].sum()),
        note=spread.note,
    )


def _undefined(patterns: Patterns) -> Spread:
    used = np.flatnonzero(patterns.pool(patterns.frequency.astype(np.float64)))
    which = f"every label is {patterns.classes[used[0]]!s}" if len(used) == 1 else "nothing varies"
    note = f"{which}: chance would agree as well, so nothing is known; 0 by convention"
    return Spread(float("inf"), -1.0, 1.0, note)


def _spread(
    coefficient: Coefficient, measured: Measured, items: Float, influence: Float, how: Interval
) -> Spread:
    value, n_items = measured.value, items.sum()
    centre = (items @ influence) / n_items
    total = items @ np.square(influence - centre)
    if n_items < 2 or total <= 1e-24 * max(1.0, value * value):
        return _alike(measured, n_items, how.level)
    if how.method == "bootstrap":
        return _bootstrap(coefficient, items, how)
    error = float(np.sqrt(total * n_items / (n_items - 1)))
    low, high = limits(value, error, n_items, how.level)
    return Spread(error, max(float(low), _least(measured)), float(high))


def _least(measured: Measured) -> float:
    """Return the value without any agreement, or -1 if that is less."""
    return max(Measured(0.0, measured.expected).value, -1.0)


def limits(value: Any, error: Any, n_items: Any, level: float) -> tuple[Float, Float]:
    """Return intervals that are symmetric in the logarithm of 1 less the coefficient.

    That is the logarithm of disagreement over chance disagreement; see
    ``benchmarks/agreement_coverage.py`` for why.
    """
    left = np.maximum(1 - np.asarray(value), np.finfo(float).tiny)
    reach = np.minimum(stdtrit(n_items - 1, (1 + level) / 2) * error / left, _FAR)
    return 1 - left * np.exp(reach), 1 - left * np.exp(-reach)


def _alike(measured: Measured, n_items: float, level: float) -> Spread:
    """Bound the share of items unlike those seen, where all items seen agree to one degree."""
    unlike = 1 - (1 - level) ** (1 / n_items)
    observed, expected = measured
    low = Measured(observed - unlike * observed, expected).value
    high = Measured(observed + unlike * (1 - observed), expected).value
    note = (
        f"all items agree to the same degree, so they tell no error; the interval allows for "
        f"{unlike:.1%} of other items"
    )
    return Spread(0.0, max(low, -1.0), min(high, 1.0), note)


def _bootstrap(coefficient: Coefficient, items: Float, how: Interval) -> Spread:
    random = np.random.default_rng(how.random_state)
    n_items = round(items.sum())
    drawn = np.empty(how.n_bootstrap)
    for b in range(how.n_bootstrap):
        frequency = random.multinomial(n_items, items / items.sum()).astype(np.float64)
        drawn[b] = coefficient.measure(frequency).value
    defined = drawn[~np.isnan(drawn)]
    if len(defined) < 2:
        return Spread(float("inf"), -1.0, 1.0, "the bootstrap drew hardly any labels that vary")
    tail = (1 - how.level) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    lost = how.n_bootstrap - len(defined)
    note = f"{lost} of {how.n_bootstrap} bootstrap draws did not vary; left out" if lost else ""
    return Spread(float(defined.std(ddof=1)), float(low), float(high), note)
