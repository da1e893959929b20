"""The log joints of any fitted aggregator, for those who temper them their own way."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from aggregate.annotations import Annotations
from aggregate.models._base import BaseAggregator
from aggregate.models._confusion_model import ConfusionModel

Float = NDArray[np.float64]


def untempered(model: BaseAggregator, **options: Any) -> BaseAggregator:
    """Return an unfitted copy whose posterior is the textbook's, with further parameters."""
    copy: BaseAggregator = clone(model)
    known = copy.get_params(deep=False)
    options = {"annotator_correlation": 0.0} | options
    copy.set_params(**{name: value for name, value in options.items() if name in known})
    return copy


def log_scores(model: BaseAggregator, annotations: Annotations) -> Float:
    """Return log P(class, labels) of each item up to a constant, annotations in fitted codes.

    Models with confusion matrices say it exactly; others by the logarithm of their posterior,
    where probabilities below the smallest positive number end at it.
    """
    if isinstance(model, ConfusionModel) and _says_all_by_confusions(model):
        return model._log_joint(annotations)
    probas = model._soft_labels(annotations, None)
    return np.asarray(np.log(np.maximum(probas, np.finfo(np.float64).tiny)))


def _says_all_by_confusions(model: ConfusionModel) -> bool:
    """Tell whether the posterior is that of the confusions (some models know more)."""
    return type(model)._soft_labels is ConfusionModel._soft_labels
