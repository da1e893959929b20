"""Fitted models written to a file that holds data only: no pickle; `_loading` reads it."""

from __future__ import annotations

import os
from typing import Any, Final

from sklearn.utils.validation import check_is_fitted

from aggregate._version import __version__
from aggregate.io.archive import Arrays, Kind, write_archive
from aggregate.models._values import CannotSaveError, pack

KIND: Final = Kind("aggregate model", 1, "saved model")
_OF_ITEMS: Final = frozenset({"items_", "labels_", "probas_", "item_difficulty_", "item_log_odds_",
                              "_for_later"})  # fmt: skip


def save_model(model: Any, path: str | os.PathLike[str], *, items: bool = True) -> None:
    """Write a fitted model; see `Saveable.save`."""
    check_is_fitted(model)
    arrays: Arrays = {}
    header = {"package_version": __version__, "model": _pack_model("", model, arrays, items)}
    write_archive(path, KIND, header, arrays)


def _pack_model(prefix: str, model: Any, arrays: Arrays, items: bool) -> dict[str, Any]:
    name = type(model).__name__
    if estimators().get(name) is not type(model):
        raise CannotSaveError(
            f"{prefix or 'the model'} is a {name}, which is not among the estimators of "
            "aggregate: only those can be looked up again by name. Save its arrays instead."
        )

    def refuse_or_nest(where: str, value: Any) -> Any:
        if type(value) in estimators().values():
            return {"model": _pack_model(where, value, arrays, items)}
        raise CannotSaveError(
            f"{where} of {name} is a {type(value).__name__}, which a file without pickle cannot "
            "hold. Set it to something plain before saving (a seed in place of a Generator)."
        )

    def pack_all(values: dict[str, Any]) -> dict[str, Any]:
        return {
            key: pack(f"{prefix}.{key}".removeprefix("."), value, arrays, refuse_or_nest)
            for key, value in values.items()
        }

    if items:  # those of a fit to a folder are computed when they are asked for
        hasattr(model, "probas_")
    parameters = model.get_params(deep=False)
    left_out = set(parameters) | (set() if items else _OF_ITEMS)
    attributes = {key: value for key, value in vars(model).items() if key not in left_out}
    return {
        "class": name,
        "parameters": pack_all(parameters),
        "attributes": pack_all(attributes),
    }


def estimators() -> dict[str, type[Any]]:
    """Return the public estimators by name."""
    from aggregate import models

    found = {name: getattr(models, name) for name in models.__all__}
    base = models.BaseAggregator
    return {
        name: made
        for name, made in found.items()
        if isinstance(made, type) and issubclass(made, base) and made is not base
    }
