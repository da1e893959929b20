"""What `CCEMClassifier` accepts, said at the door."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from aggregate._validation import check_choice, check_number, check_number_or_auto
from aggregate.annotations import Annotations
from aggregate.learning.end_to_end._networks import ACTIVATIONS
from aggregate.learning.end_to_end._start import STARTS

Float = NDArray[np.float64]

REGULARIZERS: Final = (None, "geocrowdnet-f", "geocrowdnet-w", "trace")
_SUREST = 0.999


def check_parameters(model: Any) -> None:
    """Refuse parameters that mean nothing.

    Raises
    ------
    TypeError, ValueError
        Naming the parameter, what it was and what it may be.
    """
    if model.hidden_units is not None:
        check_number("hidden_units", model.hidden_units, low=1, integer=True)
    check_choice("activation", model.activation, ACTIVATIONS)
    check_choice("regularizer", model.regularizer, REGULARIZERS)
    for name in ("alpha", "regularization"):
        check_number_or_auto(name, getattr(model, name), low=0)
    if isinstance(model.init, str):
        check_choice("init", model.init, STARTS)
    check_number("prior_accuracy", model.prior_accuracy, low=0, low_open=True, high=_SUREST)
    check_number("prior_strength", model.prior_strength, low=0)
    for name, least in (("n_init", 1), ("n_folds", 2), ("max_iter", 1)):
        check_number(name, getattr(model, name), low=least, integer=True)
    check_number("tol", model.tol, low=0)
    check_number("annotator_correlation", model.annotator_correlation, low=0, high=1)


def weights_of_labels(label_weight: Any, votes: Annotations) -> Float:
    """Return one weight per label, from one per label or from a table beside the votes."""
    weight = np.asarray(label_weight, dtype=np.float64)
    shape = (votes.n_items, votes.n_annotators)
    if weight.shape == shape:
        weight = weight[votes.item, votes.annotator]
    elif weight.shape != (votes.n_annotations,):
        raise ValueError(
            f"label_weight must have shape {shape}, one weight per row and annotator, or "
            f"({votes.n_annotations},), one per label; got {weight.shape}."
        )
    if not np.isfinite(weight).all() or (weight < 0).any():
        raise ValueError("label_weight must be finite and not negative.")
    return weight
