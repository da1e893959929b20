"""The fitted model that a report judges, and what EM finds beside it."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate._encoding import match
from aggregate.annotations import Annotations
from aggregate.factorization import match_to_diagonal
from aggregate.inspection.optima import Optima, explore_optima, fit_quietly
from aggregate.models import DawidSkene

Float = NDArray[np.float64]

_STARTS: Final = 3
_QUICK: Final = 300_000  # labels up to which EM is run from random starts unasked
_PASSES: Final = 300


class Reference(NamedTuple):
    """The fitted parameters of the annotators and classes that are judged."""

    confusion: Float
    class_prior: Float
    estimator: Any


def worth_fitting(annotations: Annotations, shared_items: NDArray[np.int64]) -> bool:
    """Tell whether there is anything that a model could compare."""
    return annotations.n_classes > 1 and bool(shared_items.any())


def fit_reference(annotations: Annotations, model: Any) -> Reference:
    """Return the parameters of the fitted model, in the codes of the annotations."""
    model = DawidSkene(max_iter=_PASSES) if model is None else model
    if not hasattr(model, "probas_"):
        model = fit_quietly(model, annotations)
    if not hasattr(model, "confusion_"):
        raise ValueError(
            f"model must estimate confusion matrices (confusion_); {type(model).__name__} has none."
        )
    who = match(annotations.annotators, model.annotators_)
    what = match(annotations.classes, model.classes_)
    if (who < 0).any() or (what < 0).any():
        raise ValueError(
            "model was fitted to other annotators or classes; fit it to these annotations, or "
            "leave it out."
        )
    confusion = model.confusion_[who][:, what][:, :, what]
    prior = model.class_prior_[what]
    total = confusion.sum(axis=2, keepdims=True)
    uniform = np.full_like(confusion, 1 / len(what))
    confusion = np.divide(confusion, total, out=uniform, where=total > 0)
    return Reference(confusion, prior / prior.sum(), model)


def optima_beside(
    annotations: Annotations,
    reference: Reference | None,
    n_starts: int | None,
    random: np.random.Generator,
) -> Optima | None:
    """Run EM from random starts, where the model takes a start and it is quick or asked for."""
    if reference is None:
        return None
    if n_starts is None:
        n_starts = _STARTS if annotations.n_annotations <= _QUICK else 0
    model = reference.estimator
    known = np.array_equal(model.classes_, annotations.classes)
    known &= np.array_equal(model.items_, annotations.items)
    if n_starts == 0 or not known or "init" not in model.get_params(deep=False):
        return None
    return explore_optima(
        annotations, model=model, reference=model, n_starts=n_starts, random_state=random
    )


def names_doubtful(annotations: Annotations, reference: Reference | None) -> bool:
    """Tell whether the confusions are nearer to the diagonal after renaming classes."""
    if reference is None:
        return False
    factors = reference.confusion.transpose(0, 2, 1)
    order = match_to_diagonal(factors, annotations.labels_per_annotator)
    weights = annotations.labels_per_annotator[:, np.newaxis, np.newaxis]
    mass = (weights * factors).sum(axis=0)
    return bool(np.trace(mass[:, order]) > np.trace(mass) * (1 + 1e-9))
