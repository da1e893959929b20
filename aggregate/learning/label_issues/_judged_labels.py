"""What `aggregate.learning.find_label_issues` returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class JudgedLabels:
    """Labels and what is held against them.

    Attributes
    ----------
    item : ndarray of shape (n,)
        Name of the item.
    given : ndarray of shape (n,)
        The label judged; None where an item has none.
    suggested : ndarray of shape (n,)
        The class that is likeliest instead, or again.
    quality : ndarray of shape (n,)
        From 0, doubtful, to 1; NaN without a label.
    is_issue : ndarray of bool, shape (n,)
        Whether the label is called wrong.
    confident_joint : ndarray of shape (K, K)
        Labels y (rows) counted by the class that is confident.
    joint : ndarray of shape (K, K)
        Estimated shares of labels y whose truth is k.
    thresholds : ndarray of shape (K,)
        Mean probability of each class where it was given.
    annotator : ndarray of shape (n,) or None
        Who gave the label, of votes.
    """

    item: NDArray[Any]
    given: NDArray[Any]
    suggested: NDArray[Any]
    quality: Float
    is_issue: NDArray[np.bool_]
    confident_joint: Float
    joint: Float
    thresholds: Float
    annotator: NDArray[Any] | None = None

    @property
    def noise_rate(self) -> float:
        """Estimated share of wrong labels."""
        return float(1 - np.trace(self.joint))

    @property
    def ranked(self) -> NDArray[np.int64]:
        """Places of the labels called wrong, the most doubtful first."""
        places = np.flatnonzero(self.is_issue)
        return places[np.argsort(self.quality[places], kind="stable")]

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return the labels called wrong, the most doubtful first, as columns of a table."""
        named = {"item": self.item, "annotator": self.annotator, "given": self.given,
                 "suggested": self.suggested, "quality": self.quality}  # fmt: skip
        return {name: part[self.ranked] for name, part in named.items() if part is not None}


@dataclass(frozen=True, eq=False)
class LabelIssues:
    """What `find_label_issues` returns.

    Attributes
    ----------
    items : JudgedLabels
        One label per item, in the order of the items: the one given, or the majority's.
    votes : JudgedLabels or None
        The single votes, in the order of the entries of `Annotations`, where there are several
        annotators.
    """

    items: JudgedLabels
    votes: JudgedLabels | None = None

    def __str__(self) -> str:
        parts = [("labels of items", self.items), ("votes", self.votes)]
        lines = []
        for name, part in parts:
            if part is not None:
                lines.append(
                    f"{part.is_issue.sum()} of {len(part.item)} {name} are probably wrong "
                    f"(estimated: {part.noise_rate:.1%})"
                )
        columns = self.items.columns()
        rows = zip(*(columns[c][:10].tolist() for c in ("item", "given", "suggested", "quality")),
                   strict=True)  # fmt: skip
        lines += [f"  {item!s:>16}  {given!s} -> {new!s}  {q:.3f}" for item, given, new, q in rows]
        return "\n".join(lines)
