"""A table of preferences, as `aggregate.learning.preference_labels` returns it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Preferences:
    """Pairs of answers the way round they are believed to be, or were voted.

    Attributes
    ----------
    pair : ndarray of shape (n,)
        Name of the pair.
    chosen, rejected : ndarray of shape (n,)
        The answers; their positions 0 and 1 where no answers were given.
    probability : ndarray of shape (n,)
        That the chosen answer is the better one, given all votes on the pair.
    flip_rate : ndarray of shape (n,)
        One less that: ε of `cdpo_loss`.
    label_flip_rate : ndarray of shape (n,)
        How often labels of this origin are the wrong way round: ε of `rdpo_loss`.
    n_votes : ndarray of shape (n,)
    annotator : ndarray of shape (n,) or None
        Of single votes, whose it is.
    n_left_out : int
        Pairs without votes; or votes that tell nothing.
    n_clipped : int
        Label flip rates that would have been above the limit.
    """

    pair: NDArray[Any]
    chosen: NDArray[Any]
    rejected: NDArray[Any]
    probability: Float
    flip_rate: Float
    label_flip_rate: Float
    n_votes: NDArray[np.int64]
    annotator: NDArray[Any] | None = None
    n_left_out: int = 0
    n_clipped: int = 0

    def __len__(self) -> int:
        return len(self.pair)

    def __str__(self) -> str:
        what = "pairs" if self.annotator is None else "votes"
        lines = [f"{len(self)} {what}, {self.n_left_out} left out"]
        if len(self):
            lines[0] += (
                f"; mean flip rate {self.flip_rate.mean():.1%}, of labels of their origin "
                f"{self.label_flip_rate.mean():.1%} ({self.n_clipped} clipped)"
            )
        for row in islice(self.rows(), 10):
            sides = f"{_short(row['chosen'])} > {_short(row['rejected'])}"
            lines.append(f"  {_short(row['pair']):>16}  {sides}  {row['probability']:.3f}")
        return "\n".join(lines)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return the columns of a table, for a data frame or a data set."""
        names = ("pair", "annotator", "chosen", "rejected", "probability", "flip_rate",
                 "label_flip_rate", "n_votes")  # fmt: skip
        values = ((name, getattr(self, name)) for name in names)
        return {name: value for name, value in values if value is not None}

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield a dictionary of plain values for each row, as a line of JSON wants it."""
        columns = {name: column.tolist() for name, column in self.columns().items()}
        for values in zip(*columns.values(), strict=True):
            yield dict(zip(columns, values, strict=True))


def _short(text: Any, most: int = 24) -> str:
    text = str(text)
    return text if len(text) <= most else f"{text[: most - 1]}…"
