"""Features, votes and gold of the same rows, of which any may be taken."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate.annotations import Annotations
from aggregate.fusion import vote_shares
from aggregate.fusion.posterior import clamp
from aggregate.learning._first_guess import first_guess
from aggregate.learning._votes import take_items
from aggregate.learning.raykar._scaled_features import Features

Float = NDArray[np.float64]


class CrowdRows(NamedTuple):
    """Row i of the features is item i of the votes; gold is -1 where unknown, or None."""

    features: Features
    votes: Annotations
    gold: NDArray[np.int32] | None

    def take(self, rows: NDArray[np.int64]) -> CrowdRows:
        """Return some rows, in the order given."""
        gold = None if self.gold is None else self.gold[rows]
        return CrowdRows(self.features.rows(rows), take_items(self.votes, rows), gold)

    def first_guess(self) -> Float:
        """Return soft labels to start from."""
        return first_guess(self.votes, self.gold)

    def shares(self) -> Float:
        """Return the shares of the votes, gold rows held to it."""
        return clamp(vote_shares(self.votes), self.gold)
