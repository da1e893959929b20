"""Door checks: the wording of errors and the scalar checks that every public function shares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray


def first_few(values: Iterable[Any], most: int = 5) -> str:
    """Write at most ``most`` of the values and how many more there are.

    Examples
    --------
    >>> first_few([3, 1, 4, 1, 5, 9], most=3)
    '3, 1, 4 and 3 more'
    """
    values = list(values)
    shown = ", ".join(repr(_plain(value)) for value in values[:most])
    rest = len(values) - most
    return f"{shown} and {rest} more" if rest > 0 else shown


def _plain(value: Any) -> Any:
    """Unwrap a NumPy scalar, so that messages read 3 and not np.int64(3)."""
    return value.item() if isinstance(value, np.generic) else value


def check_number(
    name: str,
    value: Any,
    *,
    low: float = -np.inf,
    high: float = np.inf,
    low_open: bool = False,
    integer: bool = False,
) -> None:
    """Refuse a parameter that is no number, not finite or out of its range.

    Raises
    ------
    TypeError
        If ``value`` is not a real number (an integer where ``integer``).
    ValueError
        If it lies outside the interval.

    Examples
    --------
    >>> check_number("tol", -1.0, low=0)
    Traceback (most recent call last):
        ...
    ValueError: tol must be a number of at least 0; got -1.0.
    """
    kind = Integral if integer else Real
    word = "an integer" if integer else "a number"
    if isinstance(value, bool | np.bool_) or not isinstance(value, kind):
        raise TypeError(f"{name} must be {word}; got {value!r}.")
    number: Any = value  # numbers.Real declares no comparison with float
    inside = (low < number if low_open else low <= number) and number <= high
    if not inside:  # also catches NaN, which compares false
        parts = []
        if np.isfinite(low):
            parts.append(f"above {low}" if low_open else f"of at least {low}")
        if np.isfinite(high):
            parts.append(f"at most {high}")
        raise ValueError(f"{name} must be {word} {' and '.join(parts)}; got {value!r}.")


def check_number_or_auto(
    name: str, value: Any, *, low: float = -np.inf, low_open: bool = False
) -> None:
    """Refuse a parameter that is neither such a number nor "auto", which leaves it to the data.

    Examples
    --------
    >>> check_number_or_auto("C", "automatic", low=0, low_open=True)
    Traceback (most recent call last):
        ...
    ValueError: C must be a number or 'auto'; got 'automatic'.
    """
    if isinstance(value, str):
        if value != "auto":
            raise ValueError(f"{name} must be a number or 'auto'; got {value!r}.")
    else:
        check_number(name, value, low=low, low_open=low_open)


def check_choice(name: str, value: Any, choices: Sequence[Any]) -> None:
    """Refuse a parameter that is not one of the listed choices.

    Examples
    --------
    >>> check_choice("ties", "last", ["prior", "first"])
    Traceback (most recent call last):
        ...
    ValueError: ties must be one of 'prior', 'first'; got 'last'.
    """
    if not any(value is choice or _equal(value, choice) for choice in choices):
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}; got {value!r}.")


def _equal(value: Any, choice: Any) -> bool:
    return isinstance(value, type(choice)) and value == choice


def check_distribution(
    name: str, value: Any, n_classes: int, *, classes: Sequence[Any] | NDArray[Any] | None = None
) -> NDArray[np.float64]:
    """Return a probability vector over the classes, or say what is wrong with it.

    Parameters
    ----------
    name : str
        What the user calls it.
    value : array-like of shape (n_classes,) or mapping class -> probability
        The probabilities; a mapping is put in the order of ``classes``.
    n_classes : int
        How many there must be.
    classes : sequence, optional
        The classes that a mapping's keys must name, each once.

    Returns
    -------
    ndarray of shape (n_classes,)
        Non-negative, summing to one.

    Raises
    ------
    ValueError
        If a value is missing, negative or not finite, or the sum is not one.

    Examples
    --------
    >>> check_distribution("class_prior", {"a": 0.2, "b": 0.8}, 2, classes=["a", "b"])
    array([0.2, 0.8])
    """
    if isinstance(value, Mapping):
        wanted = list(range(n_classes)) if classes is None else [_plain(c) for c in classes]
        given = {_plain(key): number for key, number in value.items()}
        wrong = [key for key in given if key not in wanted]
        lacking = [key for key in wanted if key not in given]
        if wrong or lacking:
            raise ValueError(
                f"{name} must give one probability to each class ({first_few(wanted)}); "
                f"missing: {first_few(lacking) or 'none'}; unknown: {first_few(wrong) or 'none'}."
            )
        value = [given[key] for key in wanted]
    array = np.asarray(value, dtype=np.float64)
    if array.shape != (n_classes,):
        raise ValueError(
            f"{name} must hold one probability per class, {n_classes} in all; "
            f"got an array of shape {array.shape}."
        )
    if not np.isfinite(array).all() or (array < 0).any() or abs(array.sum() - 1) > 1e-6:
        raise ValueError(f"{name} must be non-negative and sum to 1; got {array.tolist()}.")
    return array / array.sum()
