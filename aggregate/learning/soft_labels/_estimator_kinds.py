"""What an estimator can take: weights of rows, or copies of rows on both sides of a split."""

from __future__ import annotations

from typing import Any

from sklearn import get_config
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.svm import SVC, NuSVC
from sklearn.utils.metadata_routing import MetadataRouter, get_routing_for_object
from sklearn.utils.validation import has_fit_parameter

_MOST_ROWS_WITHOUT_STOPPING = (
    10_000  # to which "auto" of scikit-learn's boosting does not stop early
)


def check_estimator_kind(estimator: Any) -> None:
    """Refuse what cannot be trained: a name, a class, anything without fit and predict."""
    for name in ("get_params", "fit", "predict"):
        if isinstance(estimator, type) or not hasattr(type(estimator), name):
            raise TypeError(
                "estimator must be a classifier or regressor of scikit-learn's kind (an "
                f"instance, with get_params, fit and predict); got {estimator!r}."
            )


def takes_weights(estimator: Any) -> bool:
    """Say whether ``fit`` makes use of ``sample_weight``, all the way down."""
    if get_config()["enable_metadata_routing"]:
        routing = get_routing_for_object(estimator)
        if isinstance(routing, MetadataRouter):
            return bool(routing.consumes(method="fit", params=["sample_weight"]))
    members = _members(estimator)
    named = isinstance(estimator, VotingClassifier | StackingClassifier)
    if not (named or has_fit_parameter(estimator, "sample_weight")):
        return False
    return all(has_fit_parameter(member, "sample_weight") for member in members)


def splits_rows(estimator: Any, n_copies: int) -> str | None:
    """Return which parameter makes ``fit`` set rows aside, None if it uses all alike.

    Copies of one row would then be learned and judged at once: early stopping, internal
    cross-validation (also that of ``SVC(probability=True)``), scores of rows out of a bag.
    """
    params = estimator.get_params(deep=True)
    for name, value in sorted(params.items()):
        path, _, last = name.rpartition("__")
        if last == "early_stopping":
            big = n_copies > _MOST_ROWS_WITHOUT_STOPPING
            splits = value is True or (isinstance(value, str) and value == "auto" and big)
        elif last == "n_iter_no_change":
            owner = f"{path}__" if path else ""
            stops_by_it = f"{owner}early_stopping" not in params
            splits = value is not None and stops_by_it and f"{owner}validation_fraction" in params
        elif last in ("oob_score", "probability"):
            splits = callable(value) or value is True
        else:
            splits = last == "cv" and not (isinstance(value, str) and value == "prefit")
        if splits:
            return name
    return None


def dear_with_copies(estimator: Any, growth: float, n_draws: int) -> bool:
    """Say whether copies, of which there are ``growth`` per row, take longer than as many fits.

    The time of kernel machines grows with the square of the rows, at least.
    """
    return isinstance(estimator, SVC | NuSVC) and growth**2 > n_draws


def own_balance(estimator: Any) -> str | None:
    """Return which parameter makes the estimator balance the classes by itself, if any."""
    for name, value in sorted(estimator.get_params(deep=True).items()):
        if name.rpartition("__")[2] == "class_weight" and isinstance(value, str):
            return name
    return None


def _members(estimator: Any) -> list[Any]:
    """Return the estimators that an estimator holds, at any depth."""
    values = estimator.get_params(deep=True).values()
    return [v for v in values if hasattr(v, "fit") and not isinstance(v, type)]
