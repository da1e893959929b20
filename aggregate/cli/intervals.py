"""Intervals of the annotators' skills for ``aggregate label --annotators``."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate.annotations import Annotations
from aggregate.inspection import uncertainty
from aggregate.inspection.error_bars import has_error_bars

LEVEL: Final = 0.95
TOO_MUCH: Final = "no intervals of skills: too many labels for them here"
_MANY_LABELS: Final = 1_000_000
_MANY_CELLS: Final = 1 << 24  # of the annotators' information matrices


class Intervals(NamedTuple):
    """Ends of the intervals of the skills, (M,), or why there are none."""

    ends: tuple[NDArray[np.float64], NDArray[np.float64]] | None
    words: str


def skill_intervals(
    annotations: Annotations, model: Any, name: str, known: dict[Any, Any] | None
) -> Intervals:
    """Return intervals, where the model has any and they take seconds at most."""
    if not has_error_bars(model):
        return Intervals(None, f"no intervals of skills: {name} has none")
    cells = annotations.n_annotators * (annotations.n_classes * (annotations.n_classes - 1)) ** 2
    if annotations.n_annotations > _MANY_LABELS or cells > _MANY_CELLS:
        return Intervals(None, TOO_MUCH)
    skill = uncertainty(model, annotations, level=LEVEL, gold=known, n_draws=0).skill
    return Intervals((skill.low, skill.high), f"skills with {LEVEL:.0%} intervals")
