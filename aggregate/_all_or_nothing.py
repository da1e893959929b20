"""A fit that fails leaves an estimator as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def all_or_nothing(estimator: Any) -> Iterator[None]:
    """Undo what a block did to an estimator's attributes if the block fails.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> model = SimpleNamespace(classes_=[0, 1])
    >>> try:
    ...     with all_or_nothing(model):
    ...         model.classes_ = [0, 1, 2]
    ...         raise ValueError("no such file")
    ... except ValueError:
    ...     print(model.classes_)
    [0, 1]
    """
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:  # also an interrupt: never half of one fit and half of another
        estimator.__dict__.clear()
        estimator.__dict__.update(before)
        raise
