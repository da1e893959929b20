"""Seeds for estimators that were given none."""

from __future__ import annotations

from typing import Any

import numpy as np


def seeded(estimator: Any, random: np.random.Generator | None) -> Any:
    """Set every ``random_state`` that is None, of the estimator and of what it holds."""
    if random is None:
        return estimator
    names = sorted(
        name
        for name, value in estimator.get_params(deep=True).items()
        if value is None and (name == "random_state" or name.endswith("__random_state"))
    )
    seeds = random.integers(2**31 - 1, size=len(names)).tolist()
    return estimator.set_params(**dict(zip(names, seeds, strict=True)))
