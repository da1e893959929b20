"""Votes that do not live in this process, and what a model asks of them.

Models work on arrays. Where the arrays are elsewhere, on the workers of a cluster say, the
container takes over what needs them: passes over the items, soft labels, decisions. What is
small (confusions, class prior, the M-step) stays with the model. A room above the models
subclasses `RemoteVotes`; the models never import it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray


class RemoteVotes(ABC):
    """Annotations elsewhere. They have the sizes and tables of `aggregate.Annotations`.

    ``gold``, wherever it is an argument below, is what `fit_model` made of the user's.
    """

    annotators: NDArray[Any]
    classes: NDArray[np.generic]

    @property
    @abstractmethod
    def n_items(self) -> int:
        """Number of items, N."""

    @property
    def n_annotators(self) -> int:
        """Number of annotators, M."""
        return len(self.annotators)

    @property
    def n_classes(self) -> int:
        """Number of classes, K."""
        return len(self.classes)

    @property
    @abstractmethod
    def labels_per_class(self) -> NDArray[np.int64]:
        """How often each label was given, shape (K,)."""

    @abstractmethod
    def fit_model(self, model: Any, gold: Any, data: dict[str, Any]) -> None:
        """Fit a model where the votes are: do what `BaseAggregator._fit_votes` does."""

    @abstractmethod
    def passes(self, gold: Any) -> Any:
        """Return passes over the items, an object with ``expect(state)`` and ``count(soft)``."""

    @abstractmethod
    def shares(self, gold: Any, *, gold_alone: bool = False) -> Any:
        """Return the shares of the votes, gold items held to it, as those passes count them.

        With ``gold_alone``, the other items have no share of any class.
        """

    @abstractmethod
    def gold_gain(self, model: Any, gold: Any) -> NDArray[np.float64]:
        """Return what `aggregate.models._gold_start.gold_gain` does, over all items."""

    @abstractmethod
    def soft_labels(self, model: Any) -> Any:
        """Return the posterior of each item under a fitted model."""

    @abstractmethod
    def decisions(self, model: Any, **options: Any) -> Any:
        """Return one label per item under a fitted model."""
