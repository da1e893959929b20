"""The fits behind a comparison: whole, and with labels set aside."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from aggregate.annotations import Annotations
from aggregate.inspection.heldout import HeldOut, folds, log_probabilities, without
from aggregate.metrics import accuracy, credit, expected_calibration_error, log_loss

Part = tuple[NDArray[np.bool_], Annotations]

_MOST_CLASSES = 16


@dataclass(frozen=True)
class ComparisonRow:
    """How one model did; None where nothing could be measured.

    Attributes
    ----------
    model : str
    accuracy, log_loss, calibration_error : float or None
        Against the truth (see `aggregate.metrics`).
    gain, gain_error : float or None
        Accuracy above majority vote's, and the standard error of that over items.
    held_out, held_out_error : float or None
        Mean log probability of labels set aside, in nats, and its standard error.
    held_out_gain, held_out_gain_error : float or None
        The same above majority vote's.
    disagreement : float or None
        Share of the items whose label is not that of majority vote.
    confidence : float or None
        Mean probability of the label.
    seconds : float or None
        Of the fit to all votes, compiled code warm.
    passes : int or None
        Passes over the votes.
    problem : str or None
        Why the model could not be fitted.
    notes : tuple of str
        What the model warned of, and why no labels could be set aside for it.
    """

    model: str
    accuracy: float | None = None
    gain: float | None = None
    gain_error: float | None = None
    log_loss: float | None = None
    calibration_error: float | None = None
    held_out: float | None = None
    held_out_error: float | None = None
    held_out_gain: float | None = None
    held_out_gain_error: float | None = None
    disagreement: float | None = None
    confidence: float | None = None
    seconds: float | None = None
    passes: int | None = None
    problem: str | None = None
    notes: tuple[str, ...] = ()


class Runs:
    """Fit one model after the other to the same votes; the first is the one to beat.

    Parameters
    ----------
    annotations : Annotations
    codes : ndarray of int32, shape (N,), or None
        Class of each item, -1 where unknown.
    n_folds : int
        Parts of the labels that are set aside in turn.
    bar : tqdm
        Told of every fit.
    """

    def __init__(
        self,
        annotations: Annotations,
        codes: NDArray[np.int32] | None,
        n_folds: int,
        bar: Any,
    ) -> None:
        self.annotations, self.codes, self.n_folds, self.bar = annotations, codes, n_folds, bar
        self._baseline: Any = None
        self._baseline_held_out: HeldOut | None = None

    @cached_property
    def parts(self) -> list[Part]:
        """Which labels are set aside, and the votes without them."""
        if not self.n_folds:
            return []
        fold = folds(self.annotations, self.n_folds)
        asides = [fold == part for part in range(self.n_folds)]
        return [(aside, without(self.annotations, aside)) for aside in asides if aside.any()]

    @property
    def n_held_out(self) -> int:
        """How many labels are set aside, each once."""
        return sum(int(aside.sum()) for aside, _ in self.parts)

    def row(self, name: str, model: Any) -> ComparisonRow:
        """Fit a model and say how it did; what goes wrong is told in the row.

        Only the first model, majority vote, has to be possible.
        """
        self.bar.set_description(name)
        try:
            _warm_up(model, self.annotations.n_classes)
            with _noted() as notes:
                start = perf_counter()
                model.fit(self.annotations)
                seconds = perf_counter() - start
        except Exception as error:
            if self._baseline is None:
                raise
            self.bar.update(1 + len(self.parts))
            return ComparisonRow(name, problem=_reason(error))
        self.bar.update()
        if self._baseline is None:
            self._baseline = model
        row = self._scored(ComparisonRow(name, seconds=seconds), model)
        held_out, further = self._held_out(model)
        row = replace(row, notes=tuple(notes or further))
        return self._predicted(row, held_out)

    def _scored(self, row: ComparisonRow, model: Any) -> ComparisonRow:
        """Add what the fit to all votes shows."""
        probas = model.probas_
        row = replace(
            row,
            disagreement=float(np.mean(model.labels_ != self._baseline.labels_)),
            confidence=float(probas.max(axis=1).mean()),
            passes=int(getattr(model, "n_iter_", 1)),
        )
        if self.codes is None:
            return row
        known = np.flatnonzero(self.codes >= 0)
        truth = self.codes[known]
        gains = credit(probas[known], truth) - credit(self._baseline.probas_[known], truth)
        return replace(
            row,
            accuracy=accuracy(probas, self.codes),
            log_loss=log_loss(probas, self.codes),
            calibration_error=expected_calibration_error(probas, self.codes),
            gain=float(gains.mean()),
            gain_error=float(gains.std() / np.sqrt(len(known))),
        )

    def _held_out(self, model: Any) -> tuple[HeldOut | None, list[str]]:
        """Predict the labels set aside by further fits; also say what went wrong in those."""
        logs: list[NDArray[np.float64]] = []
        items: list[NDArray[np.int32]] = []
        told: list[str] = []
        for aside, kept in self.parts:
            try:
                with _noted() as notes:
                    fitted = clone(model).fit(kept)
            except Exception as error:
                self.bar.update(len(self.parts) - len(logs))
                return None, [f"not fitted without the labels set aside: {_reason(error)}"]
            self.bar.update()
            logs.append(log_probabilities(fitted.probas_, kept, self.annotations, aside))
            items.append(self.annotations.item[aside])
            told += [f"without some labels: {note}" for note in notes]
        if not logs:
            return None, []
        return HeldOut(np.concatenate(logs), np.concatenate(items)), told[:1]

    def _predicted(self, row: ComparisonRow, held_out: HeldOut | None) -> ComparisonRow:
        """Add how well the labels set aside were predicted."""
        if held_out is None:
            return row
        if self._baseline_held_out is None:
            self._baseline_held_out = held_out
        gain, error = held_out.gain(self._baseline_held_out)
        return replace(
            row,
            held_out=held_out.mean,
            held_out_error=held_out.error,
            held_out_gain=gain,
            held_out_gain_error=error,
        )


def _warm_up(model: Any, n_classes: int) -> None:
    """Compile what the model needs, which is not part of its time.

    Some kernels are compiled for a number of classes. A model that refuses these votes may
    still fit the real ones; what it says of those counts.
    """
    n_classes = min(n_classes, _MOST_CLASSES)
    item, annotator = np.arange(4 * n_classes)[:, np.newaxis], np.arange(5)
    votes = (item + (item * annotator % 7 == 1)) % n_classes
    with suppress(Exception), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clone(model).fit(Annotations.from_matrix(votes))


@contextmanager
def _noted() -> Iterator[list[str]]:
    """Collect the distinct warnings given inside, to be told beside the table."""
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield notes
    for warning in caught:
        text = " ".join(str(warning.message).split())
        if text not in notes:
            notes.append(text)


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, ValueError) and text else f"{type(error).__name__}: {text}"
