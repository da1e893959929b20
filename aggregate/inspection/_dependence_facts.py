"""What `dependence_report` answers, as arrays and in a few lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import check_choice, first_few

Float = NDArray[np.float64]

FEWEST = 5  # annotators: of fewer, leaving one out leaves too few to be compared
COPYING, CLEAR, UNKNOWN = "copying", "no sign", "unknown"


@dataclass(frozen=True, eq=False)
class DependentPairs:
    """Pairs of annotators who share enough items to be compared, P of them.

    Attributes
    ----------
    codes : ndarray of int32, shape (P, 2)
        Annotator codes, the smaller first.
    shared : ndarray of shape (P,)
        Common items.
    agreement, expected : ndarray of shape (P,)
        Share of them on which the two agree, and that which the model expects.
    rate : ndarray of shape (P,)
        Share of labels that one seems to copy from the other: a correlation of their errors.
    p_value : ndarray of shape (P,)
        Bound on the chance of such agreement without copying; 1 where not tested, or where two
        good annotators who are independent explain all the votes as well.
    power : ndarray of shape (P,)
        Expected evidence, in natural logarithms of odds, on somebody who copies ``awaited`` of
        the labels.
    verdict : ndarray of str, shape (P,)
        "copying", "no sign", or "unknown" where the votes are too few to tell, or fit two tales.
    n_sharing, n_possible : int
        Pairs with any item in common; pairs of annotators.
    """

    codes: NDArray[np.int32]
    shared: Float
    agreement: Float
    expected: Float
    rate: Float
    p_value: Float
    power: Float
    verdict: NDArray[np.str_]
    n_sharing: int
    n_possible: int


@dataclass(frozen=True, eq=False)
class DependenceReport:
    """What `dependence_report` returns; printing it gives a few lines.

    Attributes
    ----------
    annotators, items : ndarray
        What the axes stand for.
    pairs : DependentPairs
        All pairs that were compared, found or not.
    copiers : list of (annotator, annotator)
        The pairs found, clearest first.
    undecided : list of ndarray
        Sets of annotators who agree as copiers do, but are too many to be told from those beside
        them: either these copy, or the others share mistakes.
    group : ndarray of int32, shape (M,)
        Group of each annotator, -1 for those who are alone.
    members : list of ndarray
        The annotators of each of the G groups.
    group_rate : ndarray of shape (G,)
        Correlation of errors within each group.
    group_effective : ndarray of shape (G,)
        How many independent annotators each group is worth.
    background : float
        Correlation that all pairs have in common.
    ordinary : float
        Highest rate that is ordinary in this crowd; copiers go beyond.
    n_annotators : int
        Annotators with a label.
    n_effective : float
        How many independent annotators all of them are worth.
    item_labels, item_effective : ndarray of shape (N,)
        Labels of each item, and how many independent annotators they are worth.
    level, control
        The rate of false alarms asked for, and which rate it is.
    awaited : float
    left_out : bool
        Whether everybody was left out of the fit once.
    """

    annotators: NDArray[Any]
    items: NDArray[Any]
    pairs: DependentPairs
    copiers: list[tuple[Any, Any]]
    undecided: list[NDArray[Any]]
    group: NDArray[np.int32]
    members: list[NDArray[Any]]
    group_rate: Float
    group_effective: Float
    background: float
    ordinary: float
    n_annotators: int
    n_effective: float
    item_labels: NDArray[np.int64]
    item_effective: Float
    level: float
    control: str
    awaited: float
    left_out: bool

    def to_table(self, what: str = "pairs") -> dict[str, NDArray[Any]]:
        """Return one column per quantity, ready for a data frame.

        Parameters
        ----------
        what : {"pairs", "annotators", "groups", "items"}
            What a row stands for.
        """
        check_choice("what", what, ("pairs", "annotators", "groups", "items"))
        if what == "annotators":
            return {"annotator": self.annotators, "group": self.group}
        if what == "items":
            columns = {"labels": self.item_labels, "effective": self.item_effective}
            return {"item": self.items} | columns
        if what == "groups":
            return {
                "group": np.arange(len(self.members)),
                "members": np.array([len(group) for group in self.members], dtype=np.int64),
                "rate": self.group_rate,
                "effective": self.group_effective,
            }
        names = ("shared", "agreement", "expected", "rate", "p_value", "power", "verdict")
        return {
            "annotator": self.annotators[self.pairs.codes[:, 0]],
            "other": self.annotators[self.pairs.codes[:, 1]],
        } | {name: getattr(self.pairs, name) for name in names}

    def __str__(self) -> str:
        """Tell it in a few lines."""
        lines = [*self._tell_pairs(), *self._tell_groups()]
        labelled = self.item_labels > 0
        if self.n_annotators:
            labels, worth = (
                each[labelled].mean() for each in (self.item_labels, self.item_effective)
            )
            lines += [
                f"annotators: {self.n_annotators:,}, worth at most {self.n_effective:.1f} "
                "independent ones",
                f"labels per item: {labels:.1f} on average, worth at most {worth:.1f}",
            ]
        return "\n".join(lines)

    def _tell_pairs(self) -> list[str]:
        pairs = self.pairs
        known = int((pairs.verdict != UNKNOWN).sum())
        lines = [f"pairs of annotators that can be judged: {known:,} of {pairs.n_possible:,}"]
        if not known:
            few = "there are no pairs" if not pairs.n_possible else "pairs share too few items"
            return [f"{lines[0]}; whether anybody copies is unknown, as {few}"]
        if known < pairs.n_possible:
            lines[0] += f"; of the others, even {self.awaited:.0%} copied labels could go unseen"
        rate = "any at all" if self.control == "family-wise" else "share of them"
        shown = [f"{one!r} and {other!r}" for one, other in _plain(self.copiers[:3])]
        told = f" ({'; '.join(shown)}{'; …' if len(self.copiers) > 3 else ''})" if shown else ""
        number = f"{len(self.copiers):,}" if self.copiers else "none"
        lines.append(
            f"pairs who copy or collude: {number}{told}; false alarms, {rate}: "
            f"at most {self.level:.0%}"
        )
        for group in self.undecided[:3]:
            names = first_few(group, most=4)
            lines.append(
                f"cannot be told: whether {names} copy, or those beside them share mistakes"
            )
        if self.ordinary > 0:
            lines.append(
                f"agreement as if up to {self.ordinary:.0%} were copied is ordinary in this crowd "
                "(items that are hard for all do that)"
            )
        return lines

    def _tell_groups(self) -> list[str]:
        if not self.members:
            return ["groups that share their mistakes: none found"]
        lines = []
        for group, worth in list(zip(self.members, self.group_effective, strict=True))[:3]:
            names = first_few(group, most=4)
            lines.append(f"group of {len(group):,}, worth {worth:.1f}: {names}")
        if len(self.members) > 3:
            lines.append(f"and {len(self.members) - 3:,} more groups")
        return lines


def _plain(pairs: list[tuple[Any, Any]]) -> list[tuple[Any, ...]]:
    """Return names as Python's own, whose ``repr`` is what a user would type."""
    return [tuple(getattr(name, "item", lambda name=name: name)() for name in p) for p in pairs]
