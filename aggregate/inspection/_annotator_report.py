"""What `annotator_report` returns: a table of people, and the same in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import first_few
from aggregate.inspection._estimates import Estimates
from aggregate.inspection.drift import DriftTest
from aggregate.inspection.spammers import SpammerReport
from aggregate.inspection.speed import Speed

Float = NDArray[np.float64]

_TOLD = 0.05  # a class said too often by less than this is not worth a word


@dataclass(frozen=True, eq=False)
class AnnotatorReport:
    """What `annotator_report` returns; printing it gives a few lines.

    Attributes
    ----------
    annotators, classes : ndarray
        What the axes stand for.
    level : float
        Coverage of the intervals; false alarms are at most ``1 - level``.
    intervals : {"information", "bootstrap", "unknown"}
        Where the intervals come from; if unknown, those of skills and confusions are 0 to 1.
    n_labels : ndarray of int64, shape (M,)
        Labels given.
    worth : ndarray of shape (M,)
        Share of the doubt about a class that one label removes; see `label_worth`.
    effective_labels : ndarray of shape (M,)
        ``n_labels * worth``: how many labels that tell the class for certain carry as much.
    skill : Estimates of shape (M,)
        Chance of being right, with intervals.
    standing : ndarray of str, shape (M,)
        "adversary", "spammer", "better", "typical" or "worse" (than the median annotator), or
        "unknown".
    gold_given, gold_correct : ndarray of int64, shape (M,)
        Labels on gold items, and how many of them are right.
    gold_skill : Estimates of shape (M,)
        The share of right ones among them with Jeffreys' interval; NaN and 0 to 1 without gold.
    confusion : Estimates of shape (M, K, K)
        Truth in the rows.
    bias : Estimates of shape (M, K)
        How much more often a class is said than it is true, on items as they usually are: signed,
        each row sums to 0; intervals are -1 to 1 where they are unknown.
    over_reported : ndarray of object, shape (M,)
        The class said too often, None where none stands out.
    cost : ndarray of shape (M,)
        Expected cost of the best decision by one label; see `annotator_costs`.
    cost_without : float
        The same without any label.
    quality : ndarray of shape (M,)
        See `expected_cost_quality`.
    suspects : SpammerReport
        Scores and tests of spammers, adversaries and colluders.
    speed : Speed or None
        None where no times were given.
    drift : DriftTest or None
        None where no order was given.
    drifting : ndarray of bool, shape (M,)
    """

    annotators: NDArray[Any]
    classes: NDArray[Any]
    level: float
    intervals: str
    n_labels: NDArray[np.int64]
    worth: Float
    effective_labels: Float
    skill: Estimates
    standing: NDArray[Any]
    gold_given: NDArray[np.int64]
    gold_correct: NDArray[np.int64]
    gold_skill: Estimates
    confusion: Estimates
    bias: Estimates
    over_reported: NDArray[Any]
    cost: Float
    cost_without: float
    quality: Float
    suspects: SpammerReport
    speed: Speed | None
    drift: DriftTest | None
    drifting: NDArray[np.bool_]

    def to_table(self) -> dict[str, NDArray[Any]]:
        """Return one column per quantity and one row per annotator, ready for a data frame."""
        table: dict[str, NDArray[Any]] = {
            "annotator": self.annotators,
            "labels": self.n_labels,
            "effective_labels": self.effective_labels,
            "standing": self.standing,
            "skill": self.skill.value,
            "skill_low": self.skill.low,
            "skill_high": self.skill.high,
        }
        if self.gold_given.any():
            table |= {
                "gold_labels": self.gold_given,
                "gold_correct": self.gold_correct,
                "gold_low": self.gold_skill.low,
                "gold_high": self.gold_skill.high,
            }
        table |= {f"bias_{name}": self.bias.value[:, k] for k, name in enumerate(self.classes)}
        table |= {
            "over_reported": self.over_reported,
            "cost": self.cost,
            "quality": self.quality,
            "spammer_score": self.suspects.score,
            "spammer_p_value": self.suspects.p_value,
            "direction": self.suspects.direction,
        }
        if self.speed is not None:
            table |= {"seconds": self.speed.seconds, "fast": self.speed.fast}
        if self.drift is not None:
            table |= {"drift": self.drift.change, "drift_p_value": self.drift.p_value}
        return table

    def about(self, annotator: Any) -> str:
        """Say in sentences what is known of one annotator.

        Raises
        ------
        ValueError
            If there is nobody of that name.
        """
        found = [j for j, name in enumerate(self.annotators.tolist()) if name == annotator]
        if not found:
            raise ValueError(
                f"there is no annotator {annotator!r}; the annotators are "
                f"{first_few(self.annotators)}."
            )
        return " ".join(self._sentences(found[0]))

    def _sentences(self, j: int) -> Iterator[str]:
        yield (
            f"{self.annotators.tolist()[j]}: {self.n_labels[j]:,} labels, worth "
            f"{self.effective_labels[j]:,.1f} certain ones."
        )
        yield f"Right {_interval(self.skill, j)}: {_STANDING[self.standing[j]]}."
        if self.gold_given[j]:
            yield (
                f"On gold {self.gold_correct[j]:,} of {self.gold_given[j]:,} right, "
                f"{_interval(self.gold_skill, j)}."
            )
        if self.over_reported[j] is not None:
            excess = self.bias.value[j].max()
            yield f"Says {self.over_reported[j]} too often, by {excess:.0%} of all labels."
        yield from self._in_time(j)

    def _in_time(self, j: int) -> Iterator[str]:
        if self.speed is not None:
            seconds = self.speed.seconds[j]
            rush = ", suspiciously fast" if self.speed.fast[j] else ""
            known = f"{seconds:.3g} seconds per label{rush}" if seconds == seconds else "unknown"
            yield f"Speed: {known}."
        if self.drift is not None:
            p_value = self.drift.p_value[j]
            known = "unknown, too few or too uniform labels"
            if p_value == p_value:
                early, late = self.drift.early[j], self.drift.late[j]
                verdict = "a trend" if self.drifting[j] else "no trend that shows"
                known = f"agreement from {early:.2f} to {late:.2f}, {verdict} (p = {p_value:.2g})"
            yield f"Drift: {known}."

    def __str__(self) -> str:
        """Tell the crowd and who stands out, in a few lines."""
        names, skill = self.annotators, self.skill.value
        lines = [
            f"{len(names):,} annotators gave {int(self.n_labels.sum()):,} labels, worth "
            f"{self.effective_labels.sum():,.0f} certain ones"
        ]
        if len(names):
            low, middle, high = np.quantile(skill, [0, 0.5, 1])
            source = (
                "intervals unknown for this model"
                if self.intervals == "unknown"
                else f"{self.level:.0%} intervals by {self.intervals}"
            )
            lines.append(f"right {low:.2f} to {high:.2f}, median {middle:.2f}; {source}")
        groups = [(f"{_GROUPS[word]}: ", self.standing == word) for word in _GROUPS]
        named = np.array([each is not None for each in self.over_reported.tolist()], dtype=bool)
        biased = named & (self.bias.value.max(axis=1, initial=0) > _TOLD)
        groups.append(("over-report a class: ", biased))
        lines += [start + _names(names[chosen]) for start, chosen in groups]
        fast, drifting = "unknown without times=", "unknown without order="
        if self.speed is not None:
            fast = _names(names[self.speed.fast]) + _rest(self.speed.score)
        if self.drift is not None:
            drifting = _names(names[self.drifting]) + _rest(self.drift.p_value)
        return "\n".join([*lines, f"suspiciously fast: {fast}", f"drifting: {drifting}"])


_GROUPS = {
    "adversary": "adversaries, who contradict the others",
    "spammer": "spammers, whose labels do not depend on the item",
    "worse": "worse than the median annotator",
    "better": "better",
    "unknown": "unknown, for want of labels",
}

_STANDING = {
    "adversary": "contradicts the others",
    "spammer": "labels that do not depend on the item",
    "worse": "worse than the median annotator",
    "better": "better than the median annotator",
    "typical": "like the median annotator as far as can be told",
    "unknown": "too uncertain to judge",
}


def _interval(estimates: Estimates, j: int) -> str:
    value, low, high = (part[j] for part in (estimates.value, estimates.low, estimates.high))
    return f"{value:.0%} ({low:.0%} to {high:.0%})"


def _rest(values: Float) -> str:
    """Say of how many annotators nothing is known, if there are any."""
    unknown = int(np.isnan(values).sum())
    return f"; of {unknown:,} it is unknown" if unknown else ""


def _names(found: NDArray[Any]) -> str:
    return f"{len(found):,} ({first_few(found, most=5)})" if len(found) else "none"
