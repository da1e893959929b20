"""Models side by side, always with majority vote, which they have to beat."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tqdm import tqdm

from aggregate._model_names import BASELINE
from aggregate._validation import check_choice, check_number
from aggregate.annotations import Annotations
from aggregate.inspection._comparison_report import Comparison
from aggregate.inspection._comparison_runs import Runs
from aggregate.models import make_model, model_names
from aggregate.models._base import BaseAggregator
from aggregate.models._gold import gold_codes

Models = Iterable[str | BaseAggregator] | Mapping[str, BaseAggregator]

_FOLDS = 5


def compare(
    annotations: Annotations,
    models: Models | None = None,
    truth: Any = None,
    *,
    n_folds: int | None = None,
    n_jobs: int | None = None,
    verbose: bool = False,
) -> Comparison:
    """Fit several models to the same votes and set them side by side with majority vote.

    With a truth, models are scored against it. Without one they are judged by prediction: labels
    are set aside in turn, and the better a model's soft labels are, the better they predict them
    (`aggregate.inspection.heldout`). The ranking that this gives follows accuracy on most crowds,
    not on all: annotators who share a mistake are best predicted by soft labels that share it.

    Parameters
    ----------
    annotations : Annotations
    models : iterable of names or estimators, or mapping name -> estimator, optional
        See `aggregate.models.model_names`; by default all of them. Majority vote is always added.
        Estimators are fitted as they are. One that fails has its reason in its row.
    truth : mapping item -> class or array-like of shape (N,), optional
        Known truth of some items; the models do not see it.
    n_folds : int, optional
        How many parts of the labels are set aside in turn, each by a further fit; 0 for none. By
        default 5 without a truth and 0 with one.
    n_jobs : int, optional
        Threads of the models that are made here.
    verbose : bool, default=False
        Show a progress bar.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If a model is unknown, there is no label at all, or the truth fits no item or holds a
        class nobody used.
    TypeError
        If a model is neither a name nor an estimator.

    Examples
    --------
    >>> from aggregate import compare, load_dataset
    >>> demo = load_dataset("demo")
    >>> found = compare(demo.annotations, ["dawid-skene"], demo.truth)
    >>> [row.model for row in found.rows]
    ['majority-vote', 'dawid-skene']
    >>> found.rows[1].gain > 0
    True
    >>> compare(demo.annotations, ["dawid-skene"]).rows[1].held_out_gain > 0
    True
    """
    codes = gold_codes(truth, annotations)
    if truth is not None and codes is None:
        raise ValueError("truth is missing for every item; leave it out, or give some.")
    if n_folds is None:
        n_folds = _FOLDS if codes is None else 0
    if n_folds != 0:
        check_number("n_folds", n_folds, low=2, integer=True)
    chosen = _chosen(models, n_jobs)
    with tqdm(total=len(chosen) * (1 + n_folds), disable=not verbose, unit="fit") as bar:
        runs = Runs(annotations, codes, n_folds, bar)
        rows = tuple(runs.row(name, model) for name, model in chosen.items())
    n_known = 0 if codes is None else int((codes >= 0).sum())
    return Comparison(rows, annotations.n_items, n_known, runs.n_held_out)


def _chosen(models: Models | None, n_jobs: int | None) -> dict[str, BaseAggregator]:
    """Return the models by name, majority vote first."""
    given: dict[str, BaseAggregator] = {}
    if models is None:
        models = model_names()
    elif isinstance(models, str | BaseAggregator):
        models = [models]
    named: Iterable[tuple[Any, Any]]
    named = models.items() if isinstance(models, Mapping) else ((None, each) for each in models)
    for name, model in named:
        if isinstance(model, str):
            check_choice("models", model, model_names())
            name, model = name or model, make_model(model, n_jobs=n_jobs, random_state=0)
        if not isinstance(model, BaseAggregator):
            raise TypeError(
                "models must be names (see aggregate.models.model_names) or estimators such as "
                f"DawidSkene(); got {model!r}."
            )
        given[name or " ".join(repr(model).split())] = model
    vote = given.pop(BASELINE, None) or make_model(BASELINE, n_jobs=n_jobs)
    return {BASELINE: vote, **given}
