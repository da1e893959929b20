"""Features of any shape, votes, known truth and the rows that judge, checked at the door."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import validate_data

from aggregate._encoding import match
from aggregate._validation import first_few
from aggregate.annotations import Annotations
from aggregate.learning._folds import row_keys
from aggregate.learning._votes import is_vector, read_votes, refuse_another_order
from aggregate.models._new_items import align
from aggregate.moments import content_ranks

Rows = NDArray[np.int64]


def read_features(estimator: Any, X: Any, *, reset: bool) -> Any:
    """Return X checked: a tensor as it is, anything else as an array of real numbers.

    A row may be a vector or an array of any shape (an image).
    """
    shape = tuple(map(int, (X.shape if hasattr(X, "shape") else np.asarray(X).shape)[1:]))
    if reset:
        estimator._row_shape = shape
    else:
        _check_row_shape(shape, estimator._row_shape)
    if not isinstance(X, torch.Tensor):
        return validate_data(
            estimator, X, reset=reset, dtype=[np.float64, np.float32], allow_nd=True
        )
    if X.dim() < 2 or len(X) == 0:
        raise ValueError(f"X must have rows of features; got a tensor of shape {tuple(X.shape)}.")
    if X.is_complex():
        raise ValueError("X must hold real numbers; got a complex tensor.")
    X = X.detach()  # else each batch would go back through what X was made of
    if X.is_floating_point() and not bool(torch.isfinite(X).all()):
        raise ValueError("Input X contains NaN or infinity.")
    if reset:
        estimator.n_features_in_ = X.shape[1]
        if hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
    elif X.shape[1] != estimator.n_features_in_:
        raise ValueError(
            f"X has {X.shape[1]} features, but {type(estimator).__name__} is expecting "
            f"{estimator.n_features_in_} features as input."
        )
    return X


def _check_row_shape(shape: tuple[int, ...], fitted: tuple[int, ...]) -> None:
    """Refuse vectors for images, or other channels; lengths and widths are the module's affair."""
    if max(len(shape), len(fitted)) > 1 and (len(shape) != len(fitted) or shape[0] != fitted[0]):
        raise ValueError(f"rows of X have the shape {shape}, those of the fit had {fitted}.")


def shape_of_a_row(X: Any) -> Any:
    """Return the number of columns, or the shape of a row that is no vector."""
    return int(X.shape[1]) if len(X.shape) == 2 else tuple(map(int, X.shape[1:]))


class Order(NamedTuple):
    """An order of rows and annotators that does not hang on how they were given.

    Attributes
    ----------
    rows : ndarray of int64, shape (N,)
        The rows in that order.
    annotator_code : ndarray of int64, shape (M,)
        The place of each annotator in it.
    """

    rows: Rows
    annotator_code: Rows


def content_order(X: Any, votes: Annotations, random: np.random.Generator) -> Order:
    """Return an order by what rows and annotators hold; only equal rows keep theirs."""
    values = X.detach().cpu().double().numpy() if isinstance(X, torch.Tensor) else X
    ranks = content_ranks(votes)
    keys = row_keys(values.reshape(len(values), -1), random)
    return Order(np.lexsort((ranks.items, keys)), np.asarray(ranks.annotators, dtype=np.int64))


class Judges(NamedTuple):
    """A validation set: features with the truth, or with votes by the fitted annotators."""

    X: Any
    truth: NDArray[np.int32] | None
    votes: Annotations | None
    n_classes: int
    soft: NDArray[np.float64]
    """What the votes alone say, for losses that ask."""


def read_judges(
    estimator: Any, validation_data: Any, classes: NDArray[Any], annotators: NDArray[Any]
) -> Judges:
    """Return a validation set in the codes of the fit, or say what is wrong with it."""
    if not isinstance(validation_data, tuple | list) or len(validation_data) not in (2, 3):
        raise ValueError("validation_data must be a pair (X, y), or (X, y, items).")
    y, items = validation_data[1], (validation_data[2] if len(validation_data) == 3 else None)
    X = read_features(estimator, validation_data[0], reset=False)
    if not is_vector(y):
        votes = _votes_of_judges(validation_data[0], y, items)
        known = align(votes, annotators, classes, "ignore")
        if known.n_annotations == 0:
            raise ValueError(
                "no annotator of validation_data is among those of the fit: "
                f"{first_few(votes.annotators)} against {first_few(annotators)}."
            )
        return Judges(X, None, known, len(classes), np.zeros((len(X), len(classes))))
    values = np.asarray(y)
    if len(values) != len(X):
        raise ValueError(f"validation_data has {len(X)} rows of X and {len(values)} of y.")
    truth = match(values, classes)
    if (truth < 0).any():
        raise ValueError(
            f"y of validation_data holds what is no class: {first_few(values[truth < 0])}; the "
            f"classes are {first_few(classes)}. Leave out rows of unknown truth."
        )
    return Judges(X, truth, None, len(classes), np.empty((0, len(classes))))


def _votes_of_judges(X: Any, y: Any, items: Any) -> Annotations:
    try:
        refuse_another_order(X, y, items)
        return read_votes(y, len(X), items)
    except ValueError as error:
        error.add_note("Here: of validation_data, whose items go as (X, y, items).")
        raise
