"""Fitted models read from the file that `save` wrote: checked, and without pickle."""

from __future__ import annotations

import os
from typing import Any, Final

import numpy as np

from aggregate._validation import first_few
from aggregate.io.archive import Arrays, read_archive
from aggregate.io.errors import ReadError
from aggregate.models._base import BaseAggregator
from aggregate.models._saving import KIND, estimators
from aggregate.models._values import unpack

_SHAPES: Final = {
    "classes_": "K", "annotators_": "M", "items_": "N", "labels_": "N", "probas_": "NK",
    "class_prior_": "K", "annotator_skill_": "M", "confusion_": "MKK", "abstention_": "MK",
    "confusion_counts_": "MK?", "member_confusion_": "MKK", "group_confusion_": "?KK",
    "group_": "M", "subtype_confusion_": "MK?K", "subtype_share_": "K?",
    "community_counts_": "?KK", "community_proba_": "M?", "crowd_": "K?", "spam_": "MK",
    "competence_": "M", "estimated_": "M", "gold_given_": "M", "gold_correct_": "M",
    "item_difficulty_": "N", "item_log_odds_": "NKK", "annotator_log_odds_": "MKK",
    "annotator_ability_": "M", "_mean_confusion": "KK", "_expected_stranger": "KK",
    "_centre": "K", "_unknown_weight": "K",
    "_expected.prior": "K", "_expected.table": "RK", "_fitted_counts.mass": "K",
    "_fitted_counts.rows": "MK", "_stream.mass": "K", "_stream.table": "RK",
    "_stream.given": "M", "_logs.prior": "L", "_logs.table": "RL",
}  # fmt: skip
"""Axes of what kernels walk by the codes of annotators M, classes K and items N, R = M·K and L
the expected logarithms of a class prior; ? is any."""


def load_model(path: str | os.PathLike[str]) -> BaseAggregator:
    """Return the fitted model that `save` wrote.

    A file holds arrays and text. Nothing in it is executed: the class is looked up among the
    package's estimators, arrays are read without pickle and must have the size that they
    claim, so a file from a stranger can at worst be refused or predict nonsense.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    BaseAggregator
        Of the saved class, with the saved parameters; it predicts the same to the last bit.

    Raises
    ------
    ReadError
        If the file is no saved model, is damaged, or comes from a newer version.
    OSError
        If it cannot be opened.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from aggregate import DawidSkene, load_model
    >>> model = DawidSkene().fit([[0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 1, 0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "model.npz")
    ...     model.save(file)
    ...     load_model(file).predict([[1, 0, 0]])
    array([0])
    """
    header, arrays = read_archive(path, KIND)
    try:
        return _unpack_model(header.get("model"), arrays)
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise ReadError(f"{path} is no saved model of this package, or damaged: {error}") from error


def _unpack_model(packed: Any, arrays: Arrays) -> BaseAggregator:
    if not isinstance(packed, dict):
        raise ValueError("its header describes no model")
    made = estimators().get(packed["class"])
    if made is None:
        raise ValueError(f"it names {packed['class']!r:.60}, which is no estimator of aggregate")

    def nested(value: Any) -> Any:
        return _unpack_model(value["model"], arrays)

    parameters = {key: unpack(part, arrays, nested) for key, part in packed["parameters"].items()}
    model = made()
    unknown = [key for key in parameters if key not in model.get_params(deep=False)]
    if unknown:
        raise ValueError(f"{packed['class']} has no parameters {first_few(unknown)}")
    model.set_params(**parameters)
    attributes: dict[str, Any] = {}
    for key, part in packed["attributes"].items():
        if not _is_attribute(key, made):
            raise ValueError(f"{key!r:.60} is no attribute that a fit sets")
        attributes[key] = unpack(part, arrays, nested)
    _check_shapes(attributes)
    model.__dict__.update(attributes)
    return model


def _is_attribute(key: str, made: type) -> bool:
    marked = key.endswith("_") or key.startswith("_")
    return marked and key.isidentifier() and not key.startswith("__") and not hasattr(made, key)


def _check_shapes(attributes: dict[str, Any]) -> None:
    """Refuse arrays that contradict each other: kernels walk them unchecked."""
    if not attributes:  # a parameter that is an estimator, not fitted itself
        return
    sizes = {"M": len(attributes["annotators_"]), "K": len(attributes["classes_"])}
    sizes["R"] = sizes["M"] * sizes["K"]
    if "items_" in attributes:
        sizes["N"] = len(attributes["items_"])
    arrays = dict(attributes)
    for key, value in attributes.items():
        if isinstance(value, tuple) and hasattr(value, "_asdict"):
            arrays |= {f"{key}.{field}": part for field, part in value._asdict().items()}
    if "_logs.prior" in arrays:
        sizes["L"] = np.size(arrays["_logs.prior"])
    for key in _SHAPES.keys() & arrays.keys():
        shape = np.shape(arrays[key])
        wanted = tuple(sizes.get(axis) for axis in _SHAPES[key])
        if len(shape) != len(wanted) or any(
            size not in (None, got) for size, got in zip(wanted, shape, strict=True)
        ):
            raise ValueError(f"{key} has the shape {shape}, which does not go with the others")
    _check_parts(attributes, sizes)


def _check_parts(attributes: dict[str, Any], sizes: dict[str, int]) -> None:
    """Refuse models in a model that know other annotators, and codes of groups there are not."""
    for value in attributes.values():
        parts = value.values() if isinstance(value, dict) else [value]
        for part in parts:
            for name, size in (("annotators_", sizes["M"]), ("classes_", sizes["K"])):
                if len(getattr(part, name, range(size))) != size:
                    raise ValueError("a model in the model knows other annotators or classes")
    groups = attributes.get("group_", np.empty(0))
    n_groups = len(attributes.get("group_confusion_", ()))
    if groups.size and not -1 <= groups.min() <= groups.max() < n_groups:
        raise ValueError(f"group_ names groups other than the {n_groups} that there are")
