"""What `compare` returns: a table of models, and what to make of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from scipy.special import ndtri

from aggregate.inspection._comparison_runs import ComparisonRow

_NO_PROOF = (
    "That is evidence, not proof: a model that takes annotators who err together for right "
    "predicts their labels well. Known labels of some items (truth) would tell."
)


@dataclass(frozen=True)
class Comparison:
    """What `compare` returns; printing it gives a table and what to make of it.

    Attributes
    ----------
    rows : tuple of ComparisonRow
        Majority vote first, the others as they were given.
    n_items, n_known : int
        Items, and those whose truth is known.
    n_held_out : int
        Labels that were set aside in turn.
    """

    rows: tuple[ComparisonRow, ...]
    n_items: int
    n_known: int
    n_held_out: int = 0

    @property
    def verdict(self) -> str:
        """What the figures say, in words."""
        return _verdict(self)

    def to_table(self) -> dict[str, list[Any]]:
        """Return the figures as columns, for a data frame or `aggregate.io.write_table`."""
        rows = [asdict(row) | {"notes": "; ".join(row.notes) or None} for row in self.rows]
        return {name: [row[name] for row in rows] for name in rows[0]}

    def __str__(self) -> str:
        """Write the table and the verdict."""
        return f"{_table(self)}\n\n{self.verdict}"


def _verdict(found: Comparison) -> str:
    """Say whether anything beats majority vote."""
    others = [row for row in found.rows[1:] if row.problem is None]
    if not others:
        return "Majority vote alone was fitted; there is nothing to compare it with."
    if found.n_known:
        return _against_truth(found, others)
    if all(row.disagreement == 0 for row in others):
        return "All models give the same labels, so the choice matters for confidence only."
    most = max(others, key=lambda row: row.disagreement or 0.0)
    departs = (
        f"{most.model} departs most from majority vote, on {most.disagreement:.1%} of the items."
    )
    judged = [row for row in others if row.held_out_gain is not None]
    if judged:
        return f"{_by_prediction(found, judged)}\n{departs}\n{_NO_PROOF}"
    return f"Without a truth nobody can say which is right.\n{departs}"


def threshold(n_models: int) -> float:
    """Return how many standard errors the best of some models must be ahead.

    The best of many is ahead of the vote by luck more often than one is; with this bound it
    happens once in twenty comparisons at most (Bonferroni).

    Examples
    --------
    >>> round(threshold(1), 2), round(threshold(36), 2)
    (1.96, 3.2)
    """
    return float(ndtri(1 - 0.025 / n_models))


def _against_truth(found: Comparison, others: list[ComparisonRow]) -> str:
    best = max(others, key=lambda row: (round(row.gain or 0.0, 9), -(row.log_loss or 0.0)))
    gain, error = best.gain or 0.0, best.gain_error or 0.0
    known = f"the {found.n_known:,} items with known truth"
    points = f"{100 * gain:.2f} points (standard error {100 * error:.2f}) on {known}"
    if round(gain, 9) <= 0:
        words = f"Nothing beats majority vote on {known}."
    elif gain < threshold(len(others)) * error:
        words = (
            f"{best.model} is ahead of majority vote by {points}, "
            f"which {_may_be_luck(len(others))}: nothing clearly beats the vote."
        )
    else:
        words = f"{best.model} beats majority vote by {points}."
    fitted = [found.rows[0], *others]
    honest = min(fitted, key=lambda row: row.log_loss or 0.0)
    return f"{words}\nThe most trustworthy probabilities (log loss) are those of {honest.model}."


def _by_prediction(found: Comparison, judged: list[ComparisonRow]) -> str:
    best = max(judged, key=lambda row: row.held_out_gain or 0.0)
    gain, error = best.held_out_gain or 0.0, best.held_out_gain_error or 0.0
    what = f"the {found.n_held_out:,} labels set aside"
    nats = f"{gain:.4f} nats per label (standard error {error:.4f})"
    if round(gain, 9) <= 0:
        return f"Nothing beats majority vote at predicting {what}."
    if gain < threshold(len(judged)) * error:
        return (
            f"{best.model} predicts {what} better than majority vote by {nats}, which "
            f"{_may_be_luck(len(judged))}: nothing clearly beats the vote."
        )
    return f"{best.model} predicts {what} best, better than majority vote by {nats}."


def _may_be_luck(n_models: int) -> str:
    return "may be luck" if n_models == 1 else f"may be luck for the best of {n_models}"


def _table(found: Comparison) -> str:
    """Return the table: majority vote, then the best first, then what could not be fitted."""
    baseline, *others = found.rows
    fitted = [row for row in others if row.problem is None]
    failed = [row for row in others if row.problem is not None]
    fitted.sort(key=_worth, reverse=True)
    columns = _columns(found)
    body = [[show(row) for show in columns.values()] for row in (baseline, *fitted)]
    widths = [max(map(len, column)) for column in zip(columns, *body, strict=True)]
    first = max([widths[0], *(len(row.model) for row in failed)])
    lines = [
        "  ".join([row[0].ljust(first), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in (list(columns), *body)
    ]
    lines += [f"{row.model.ljust(first)}  not fitted: {row.problem}" for row in failed]
    notes = [f"{row.model}: {note}" for row in found.rows for note in row.notes]
    return "\n".join([*lines, *([""] if notes else []), *notes])


def _worth(row: ComparisonRow) -> tuple[float, float, float]:
    worst = float("-inf")
    return (
        worst if row.accuracy is None else row.accuracy,
        worst if row.held_out is None else row.held_out,
        worst if row.log_loss is None else -row.log_loss,
    )


def _columns(found: Comparison) -> dict[str, Callable[[ComparisonRow], str]]:
    """Return how each column is written; those that nothing is known of are left out."""
    columns: dict[str, Callable[[ComparisonRow], str]] = {"model": lambda row: row.model}
    if found.n_known:
        columns["accuracy"] = lambda row: _share(row.accuracy)
        columns["± vote"] = lambda row: _points(row.gain, row.gain_error)
        columns["log loss"] = lambda row: _number(row.log_loss)
        columns["ECE"] = lambda row: _number(row.calibration_error)
    if found.n_held_out:
        columns["held-out"] = lambda row: _number(row.held_out, 4)
        columns["gain"] = lambda row: _gain(row.held_out_gain, row.held_out_gain_error)
    columns["differs"] = lambda row: _share(row.disagreement)
    columns["confidence"] = lambda row: _number(row.confidence)
    columns["passes"] = lambda row: "" if row.passes is None else str(row.passes)
    columns["seconds"] = lambda row: _number(row.seconds, 2)
    return columns


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"


def _number(value: float | None, digits: int = 3) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _points(gain: float | None, error: float | None) -> str:
    return "" if not gain and not error else f"{100 * (gain or 0):+.2f} ± {100 * (error or 0):.2f}"


def _gain(gain: float | None, error: float | None) -> str:
    return "" if gain is None or not (gain or error) else f"{gain:+.4f} ± {error:.4f}"
