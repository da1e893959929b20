"""The model that a report judges by: given, fitted here, or refused with a reason."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone

from aggregate._validation import first_few
from aggregate.annotations import Annotations
from aggregate.models import DawidSkene


def fitted_model(model: Any, annotations: Annotations, asker: str) -> Any:
    """Return a model fitted to the annotations, with confusions, or tell what ``asker`` needs."""
    fitted = DawidSkene() if model is None else model
    if not hasattr(fitted, "classes_"):
        fitted = clone(fitted).fit(annotations)
    if not hasattr(fitted, "confusion_"):
        raise TypeError(
            f"{type(fitted).__name__} has no confusion_; {asker} needs a model with "
            "confusion matrices, such as DawidSkene."
        )
    if not np.array_equal(fitted.annotators_, annotations.annotators):
        raise ValueError(
            "the model was fitted to other annotators than those of the annotations: "
            f"{first_few(fitted.annotators_)} against {first_few(annotations.annotators)}. Fit "
            "it to these annotations, or pass it unfitted."
        )
    return fitted
