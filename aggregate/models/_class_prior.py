"""The M-step of the class prior: learned, uniform or given."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import check_choice, check_distribution
from aggregate.kernels.em import FLOOR

Float = NDArray[np.float64]


class ClassPrior:
    """How the class prior follows from the expected number of items of each class.

    Parameters
    ----------
    rule : "learned", "uniform", array of shape (K,) or mapping class -> probability
        What the user asked for.
    classes : ndarray of shape (K,)
        What a mapping's keys name.
    strength : float
        Pseudo-items, spread evenly over the classes, where the prior is learned.
    """

    def __init__(self, rule: Any, classes: NDArray[Any], strength: float) -> None:
        n_classes = len(classes)
        self.learned = isinstance(rule, str) and rule == "learned"
        self.pseudo = strength / n_classes if self.learned else 0.0
        self.fixed = np.full(n_classes, 1 / n_classes)
        if isinstance(rule, str):
            check_choice("class_prior", rule, ("learned", "uniform"))
        else:
            self.fixed = check_distribution("class_prior", rule, n_classes, classes=classes)

    def maximise(self, mass: Float) -> Float:
        """Return the prior that the expected items per class make likeliest."""
        if not self.learned:
            return np.maximum(self.fixed, FLOOR)
        weights = mass + self.pseudo
        total = weights.sum()
        return np.maximum(weights / total if total > 0 else self.fixed, FLOOR)

    def log_prior(self, prior: Float) -> float:
        """Return the log density of the prior, up to a constant."""
        return self.pseudo * float(np.log(prior).sum())
