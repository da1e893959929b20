"""Models made by name, as the command line and `aggregate.compare` call them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from aggregate._model_names import MODEL_CLASSES
from aggregate._validation import check_choice
from aggregate.models._base import BaseAggregator


def model_names() -> tuple[str, ...]:
    """Return the names that `make_model` knows, the simplest model first.

    Examples
    --------
    >>> from aggregate.models import model_names
    >>> model_names()[:3]
    ('majority-vote', 'wawa', 'iterative-weighted-vote')
    """
    return tuple(MODEL_CLASSES)


def make_model(name: str, **options: Any) -> BaseAggregator:
    """Return a new model.

    Parameters
    ----------
    name : str
        One of `model_names`.
    **options
        Parameters; those that the model does not have (``verbose`` of a vote) are left out.

    Returns
    -------
    BaseAggregator

    Raises
    ------
    ValueError
        If there is no such model.

    Examples
    --------
    >>> from aggregate.models import make_model
    >>> make_model("dawid-skene", n_jobs=2, verbose=False)
    DawidSkene(n_jobs=2)
    >>> make_model("wawa", n_jobs=2, verbose=False)
    Wawa(n_jobs=2)
    """
    check_choice("model", name, model_names())
    model: BaseAggregator = getattr(import_module("aggregate.models"), MODEL_CLASSES[name])()
    known = model.get_params(deep=False)
    model.set_params(**{key: value for key, value in options.items() if key in known})
    return model
