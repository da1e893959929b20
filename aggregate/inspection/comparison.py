"""Models side by side, always with majority vote, which they have to beat."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._model_names import BASELINE
from aggregate._validation import check_choice
from aggregate.annotations import Annotations
from aggregate.metrics import accuracy, credit, expected_calibration_error, log_loss
from aggregate.models import make_model, model_names
from aggregate.models._base import BaseAggregator
from aggregate.models._gold import gold_codes

Float = NDArray[np.float64]
Models = Iterable[str] | Mapping[str, BaseAggregator]


@dataclass(frozen=True)
class ComparisonRow:
    """How one model did.

    Attributes
    ----------
    model : str
    accuracy, log_loss, calibration_error : float or None
        Against the truth (see `aggregate.metrics`), None without one.
    disagreement : float
        Share of the items whose label is not that of majority vote.
    confidence : float
        Mean probability of the label.
    seconds : float
    passes : int
        Passes over the votes.
    gain : float or None
        Accuracy above majority vote's.
    gain_error : float or None
        Standard error of the gain over items.
    """

    model: str
    accuracy: float | None
    log_loss: float | None
    calibration_error: float | None
    disagreement: float
    confidence: float
    seconds: float
    passes: int
    gain: float | None = None
    gain_error: float | None = None


@dataclass(frozen=True)
class Comparison:
    """What `compare` returns; printing it gives a table and what to make of it.

    Attributes
    ----------
    rows : tuple of ComparisonRow
        Majority vote first.
    n_items, n_known : int
        Items, and those whose truth is known.
    refused : dict
        Models that could not be fitted to these votes, and why.
    """

    rows: tuple[ComparisonRow, ...]
    n_items: int
    n_known: int
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """What the figures say, in words."""
        others = self.rows[1:]
        if not others:
            return "Majority vote alone was fitted; there is nothing to compare it with."
        if self.n_known == 0:
            most = max(others, key=lambda row: row.disagreement)
            if most.disagreement == 0:
                return "All models give the same labels, so the choice matters for confidence only."
            return (
                "Without a truth nobody can say which is right.\n"
                f"{most.model} departs most from majority vote, on {most.disagreement:.1%} of the "
                "items."
            )
        return self._against_truth(others)

    def _against_truth(self, others: tuple[ComparisonRow, ...]) -> str:
        best = max(others, key=lambda row: (round(row.gain or 0.0, 9), -(row.log_loss or 0.0)))
        gain, error = best.gain or 0.0, best.gain_error or 0.0
        known = f"the {self.n_known:,} items with known truth"
        if gain <= 0:
            words = f"Nothing beats majority vote on {known}."
        elif gain < 2 * error:
            words = (
                f"{best.model} is ahead of majority vote by {100 * gain:.2f} points on {known}, "
                "which may be luck: nothing clearly beats the vote."
            )
        else:
            words = f"{best.model} beats majority vote by {100 * gain:.2f} points on {known}."
        honest = min(self.rows, key=lambda row: row.log_loss or 0.0)
        return (
            f"{words}\nThe most trustworthy probabilities (log loss) are those of {honest.model}."
        )

    def __str__(self) -> str:
        """Write the table and the verdict."""
        heads = [
            "model",
            "accuracy",
            "log loss",
            "ECE",
            "differs",
            "confidence",
            "passes",
            "seconds",
        ]
        body = [_cells(row) for row in self.rows]
        if self.n_known == 0:
            keep = [0, 4, 5, 6, 7]
            heads, body = [heads[c] for c in keep], [[row[c] for c in keep] for row in body]
        widths = [max(map(len, column)) for column in zip(heads, *body, strict=True)]
        lines = [
            "  ".join(
                cell.ljust(width) if place == 0 else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in (heads, *body)
        ]
        absent = [f"{name} was not fitted: {why}" for name, why in self.refused.items()]
        return "\n".join([*lines, "", *absent, self.verdict])


def _cells(row: ComparisonRow) -> list[str]:
    def share(value: float | None) -> str:
        return "" if value is None else f"{value:.2%}"

    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.3f}"

    return [
        row.model,
        share(row.accuracy),
        number(row.log_loss),
        number(row.calibration_error),
        share(row.disagreement),
        number(row.confidence),
        str(row.passes),
        f"{row.seconds:.2f}",
    ]


def compare(
    annotations: Annotations,
    models: Models | None = None,
    truth: Any = None,
    *,
    n_jobs: int | None = None,
) -> Comparison:
    """Fit several models to the same votes and set them side by side.

    Parameters
    ----------
    annotations : Annotations
    models : iterable of names, or mapping name -> model, optional
        See `aggregate.models.model_names`; by default all of them that these votes allow.
        Majority vote is always added. Models of a mapping are fitted as they are.
    truth : mapping item -> class or array-like of shape (N,), optional
        Known truth of some items; the models do not see it.
    n_jobs : int, optional
        Threads of the models that are made here.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If a model is unknown, or the truth fits no item or holds a class nobody used.

    Examples
    --------
    >>> from aggregate import compare, load_dataset
    >>> demo = load_dataset("demo")
    >>> found = compare(demo.annotations, ["dawid-skene"], demo.truth)
    >>> [row.model for row in found.rows]
    ['majority-vote', 'dawid-skene']
    >>> found.rows[1].gain > 0
    True
    """
    codes = gold_codes(truth, annotations)
    if truth is not None and codes is None:
        raise ValueError("truth is missing for every item; leave it out, or give some.")
    chosen = _chosen(models, n_jobs)
    baseline: BaseAggregator | None = None
    rows: list[ComparisonRow] = []
    refused: dict[str, str] = {}
    for name, model in chosen.items():
        start = perf_counter()
        try:
            model.fit(annotations)
        except ValueError as error:
            if models is not None or baseline is None:
                raise
            refused[name] = str(error)
            continue
        seconds = perf_counter() - start
        baseline = baseline if baseline is not None else model
        rows.append(_row(name, model, baseline, codes, seconds))
    n_known = 0 if codes is None else int((codes >= 0).sum())
    return Comparison(tuple(rows), annotations.n_items, n_known, refused)


def _chosen(models: Models | None, n_jobs: int | None) -> dict[str, BaseAggregator]:
    """Return the models by name, majority vote first."""
    if isinstance(models, Mapping):
        given = dict(models)
    else:
        names = model_names() if models is None else tuple(models)
        for name in names:
            check_choice("models", name, model_names())
        given = {name: make_model(name, n_jobs=n_jobs, random_state=0) for name in names}
        for name in given:
            _warm_up(name)
    vote = given.pop(BASELINE, None) or make_model(BASELINE, n_jobs=n_jobs)
    return {BASELINE: vote, **given}


def _warm_up(name: str) -> None:
    """Compile what the model needs, which is not part of its time."""
    with warnings.catch_warnings(), suppress(ValueError):
        warnings.simplefilter("ignore")
        make_model(name).fit([[0, 0, 0], [1, 1, 1], [0, 0, 1]])


def _row(
    name: str,
    model: Any,
    baseline: Any,
    codes: NDArray[np.int32] | None,
    seconds: float,
) -> ComparisonRow:
    probas = model.probas_
    scores: dict[str, Any] = {"accuracy": None, "log_loss": None, "calibration_error": None}
    if codes is not None:
        known = np.flatnonzero(codes >= 0)
        earned = credit(probas[known], codes[known])
        gains = earned - credit(baseline.probas_[known], codes[known])
        scores = {
            "accuracy": accuracy(probas, codes),
            "log_loss": log_loss(probas, codes),
            "calibration_error": expected_calibration_error(probas, codes),
            "gain": float(gains.mean()),
            "gain_error": float(gains.std() / np.sqrt(len(known))),
        }
    return ComparisonRow(
        model=name,
        disagreement=float(np.mean(model.labels_ != baseline.labels_)),
        confidence=float(probas.max(axis=1).mean()) if len(probas) else float("nan"),
        seconds=seconds,
        passes=int(getattr(model, "n_iter_", 1)),
        **scores,
    )
