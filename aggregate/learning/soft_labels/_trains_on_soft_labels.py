"""The last step of `CrowdClassifier`: from soft labels to a fitted estimator."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_consistent_length

from aggregate.fusion import decide
from aggregate.learning._folds import group_codes
from aggregate.learning.soft_labels._class_weights import class_weights
from aggregate.learning.soft_labels._delegation import Delegating
from aggregate.learning.soft_labels._expansion import check_weights, count_rows
from aggregate.learning.soft_labels._targets import names_for_estimators, training_targets
from aggregate.learning.soft_labels._training import Training, all_rows
from aggregate.models.voting._voting import winners

Float = NDArray[np.float64]


class TrainsOnSoftLabels(Delegating):
    """Weights, temperature, smoothing and classes' weights; then the training itself."""

    strategy: str
    n_samples: int
    class_weight: Any
    weight_by_confidence: bool
    label_smoothing: float
    temperature: float
    min_mass: float
    random_state: Any
    n_jobs: int | None
    classes_: NDArray[Any]
    class_prior_: Float

    def _train(
        self, X: Any, probas: Float, labelled: NDArray[np.bool_], sample_weight: Any, groups: Any
    ) -> Self:
        if not hasattr(X, "shape") and hasattr(X, "__array__"):
            X = np.asarray(X)
        n_rows = count_rows(X)
        self.probas_ = probas
        codes = decide(probas, class_prior=self.class_prior_)
        self.labels_ = self.classes_[codes]
        self.n_unlabelled_ = int((~labelled).sum())
        check_consistent_length(X, probas, groups)
        weight = check_weights(sample_weight, n_rows) * labelled
        if self.weight_by_confidence:
            weight = _by_confidence(weight, probas)
        if not weight.any():
            raise ValueError(
                "no row has a label and a weight above zero; there is nothing to learn."
            )
        targets = self._targets(probas) * weight[:, np.newaxis]
        targets *= class_weights(self.class_weight, targets, self.classes_)
        if not targets.any():
            raise ValueError("class_weight is zero for every class that rows have; nothing trains.")
        X, targets, rows = all_rows(X, targets)
        told = names_for_estimators(self.classes_)
        order = np.argsort(told)  # scikit-learn's order, which its scores of probabilities expect
        training = Training(
            told[order],
            int(np.random.default_rng(self.random_state).integers(2**31 - 1)),
            self.strategy == "sample",
            self.n_samples,
            self.n_jobs,
            None if groups is None else group_codes(groups)[rows],
        )
        self.estimator_, self.way_ = training.fit(self._estimator(), X, targets[:, order])
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
        return self

    def _targets(self, probas: Float) -> Float:
        if self.strategy == "hard":
            probas = winners(probas)
        return training_targets(
            probas,
            temperature=self.temperature,
            min_mass=self.min_mass,
            label_smoothing=self.label_smoothing,
        )


def _by_confidence(weight: Float, probas: Float) -> Float:
    """Return weights times the probability of the likeliest class; their sum stays."""
    weighed = weight * probas.max(axis=1)
    total = weighed.sum()
    return weighed * (weight.sum() / total) if total > 0 else weighed
