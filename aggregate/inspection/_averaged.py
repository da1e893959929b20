"""Error bars of an average of models: what each does not know, and how far they disagree.

The variance of an average of models is the mean of their variances plus the variance between
them (J. A. Hoeting, D. Madigan, A. E. Raftery and C. T. Volinsky, Bayesian model averaging: a
tutorial, Statistical Science 14(4):382-417, 1999, posterior variance). Members without a
likelihood count between models only: their own variance is taken for that of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregate.annotations import Annotations
from aggregate.inspection._estimates import (
    Estimates,
    Uncertainty,
    beta_intervals,
    effective_labels,
)
from aggregate.inspection._likelihood import check_same_votes, has_likelihood
from aggregate.models import PooledDawidSkene

Float = NDArray[np.float64]


def averaged(
    model: Any, annotations: Annotations, level: float, errors_of: Callable[[Any], Uncertainty]
) -> Uncertainty:
    """Return the errors of an `Auto` from those of its members."""
    check_same_votes(model, annotations)
    weights = dict(zip(model.members_, model.member_weights_, strict=True))
    apart = {
        name: member
        for name, member in model.members_.items()
        if not isinstance(member, PooledDawidSkene)  # it knows no differences to be unsure of
    }
    errors = {name: errors_of(member) for name, member in apart.items() if has_likelihood(member)}

    def estimates(value: Float, of_fit: str, of_errors: str) -> Estimates:
        between = {name: getattr(member, of_fit) - value for name, member in apart.items()}
        within = {name: getattr(found, of_errors).standard_error for name, found in errors.items()}
        variance = _mean_square(within, weights) + _mean_square(between, weights)
        return beta_intervals(value, value, variance, level)

    confusion = estimates(model.confusion_, "confusion_", "confusion")
    share = np.average(
        [found.prevalence.value for found in errors.values()],
        axis=0,
        weights=[weights[name] for name in errors],
    )
    apart_share = {name: found.prevalence.value - share for name, found in errors.items()}
    own = {name: found.prevalence.standard_error for name, found in errors.items()}
    of_share = _mean_square(own, weights) + _mean_square(apart_share, weights)
    return Uncertainty(
        method="information",
        level=level,
        annotators=annotations.annotators,
        classes=annotations.classes,
        n_labels=annotations.labels_per_annotator,
        confusion=confusion,
        skill=estimates(model.annotator_skill_, "annotator_skill_", "skill"),
        class_prior=estimates(model.class_prior_, "class_prior_", "class_prior"),
        prevalence=beta_intervals(share, share, of_share, level),
        effective_labels=effective_labels(model.confusion_, np.square(confusion.standard_error)),
    )


def _mean_square(parts: Mapping[str, Float], weights: Mapping[str, float]) -> Float:
    """Return the weighted mean of squares."""
    total = sum(weights[name] for name in parts)
    return np.asarray(sum(weights[name] / total * np.square(parts[name]) for name in parts))
