"""What `CCEMClassifier` accepts, said at the door."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from aggregate._encoding import match
from aggregate._validation import check_choice, check_number, check_number_or_auto
from aggregate.annotations import Annotations
from aggregate.learning._votes import entries_of, in_another_order, index_names
from aggregate.learning.end_to_end._networks import ACTIVATIONS
from aggregate.learning.end_to_end._start import STARTS
from aggregate.learning.soft_labels._columns import named_columns

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


def weights_of_labels(label_weight: Any, votes: Annotations, given: Any) -> Float:
    """Return one weight per label, from one per label or from a table beside the votes.

    Parameters
    ----------
    label_weight : array-like of shape (N, M) or (E,)
    votes : Annotations
        Item i for row i of the features.
    given : Annotations or array-like
        The votes as the user gave them, of which the items may have been in another order.
    """
    _refuse_another_order(label_weight, votes)
    weight = np.asarray(label_weight, dtype=np.float64)
    shape = (votes.n_items, votes.n_annotators)
    if weight.shape == shape:
        weight = weight[votes.item, votes.annotator]
    elif weight.shape != (votes.n_annotations,):
        raise ValueError(
            f"label_weight must have shape {shape}, one weight per row and annotator, or "
            f"({votes.n_annotations},), one per label; got {weight.shape}."
        )
    elif isinstance(given, Annotations) and not np.array_equal(given.items, votes.items):
        weight = weight[entries_of(given, match(votes.items, given.items))[1]]
    if not np.isfinite(weight).all() or (weight < 0).any():
        raise ValueError("label_weight must be finite and not negative.")
    return weight


def _refuse_another_order(label_weight: Any, votes: Annotations) -> None:
    for what, names, theirs in (
        ("rows", index_names(label_weight), votes.items),
        ("columns", named_columns(label_weight), votes.annotators),
    ):
        if in_another_order(names, theirs):
            raise ValueError(
                f"the {what} of label_weight are called as those of the votes, but in another "
                "order: bring them into one, by reindex."
            )
