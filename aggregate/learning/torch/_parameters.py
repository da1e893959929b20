"""The classifier's parameters: checked, and sorted into what to build and how to train."""

from __future__ import annotations

import math
from inspect import signature
from typing import Any, NamedTuple

import torch

from aggregate._validation import check_choice, check_number
from aggregate.learning.torch._judging import METRICS
from aggregate.learning.torch._starts import check_aggregator
from aggregate.learning.torch._training import OPTIMIZERS, Settings
from aggregate.learning.torch.losses import HEADS


class Recipe(NamedTuple):
    """What to build; the names are the classifier's parameters."""

    module: Any
    module_params: Any
    loss: Any
    loss_params: dict[str, Any]
    start_from_votes: bool
    metric: str
    device: Any


def head_kind(loss: Any) -> Any:
    """Return what builds the loss: a class by its name, or what the user gave."""
    return HEADS[loss] if isinstance(loss, str) else loss


def _check_device(device: Any) -> None:
    """Refuse a device that this computer does not have, by putting a number there."""
    try:
        torch.zeros(1, device=torch.device(device))
    except (AssertionError, ImportError, RuntimeError, TypeError) as error:
        raise ValueError(f"device {device!r} is not at hand here; choose device='cpu'.") from error


def check_parameters(model: Any) -> None:
    """Refuse what cannot be, before any work is done."""
    if not callable(model.loss):
        check_choice("loss", model.loss, list(HEADS))
    if not callable(model.optimizer):
        check_choice("optimizer", model.optimizer, list(OPTIMIZERS))
    _check_device(model.device)
    check_aggregator(model.aggregator)
    check_choice("init", model.init, ["identity", "aggregator"])
    check_choice("validation_metric", model.validation_metric, METRICS)
    for name in ("batch_size", "max_epochs", "n_init"):
        check_number(name, getattr(model, name), low=1, integer=True)
    if model.warm_up_epochs is not None:
        check_number("warm_up_epochs", model.warm_up_epochs, low=0, integer=True)
        if model.warm_up_epochs >= model.max_epochs:
            raise ValueError(
                f"warm_up_epochs ({model.warm_up_epochs}) are the first of max_epochs "
                f"({model.max_epochs}) and must be fewer."
            )
    if model.patience is not None:
        check_number("patience", model.patience, low=1, integer=True)
    for name in ("lr", "crowd_lr"):
        if getattr(model, name) is not None or name == "lr":
            check_number(name, getattr(model, name), low=0, low_open=True)
    check_number("weight_decay", model.weight_decay, low=0)
    check_number("validation_fraction", model.validation_fraction, low=0, high=0.9)
    check_number("annotator_correlation", model.annotator_correlation, low=0, high=1)
    if model.regularization is not None:
        check_number("regularization", model.regularization, low=0)
        if "strength" not in signature(head_kind(model.loss)).parameters:
            raise ValueError(
                f"loss {model.loss!r} has no regulariser: leave regularization out, or choose "
                "'geocrowdnet-f', 'geocrowdnet-w', 'trace', 'conal' or 'coinnet'."
            )


def warm_up_of(model: Any) -> int:
    """Return the number of epochs on soft labels alone: the user's, or the loss's own."""
    if model.warm_up_epochs is not None:
        return int(model.warm_up_epochs)
    return min(getattr(head_kind(model.loss), "warm_up_epochs", 0), model.max_epochs - 1)


def asks_votes(model: Any) -> bool:
    """Say whether anything wants to know what the votes alone say."""
    wanted = getattr(head_kind(model.loss), "needs_soft_labels", True)
    return bool(wanted or warm_up_of(model) or model.init == "aggregator")


def settings_of(model: Any) -> Settings:
    """Return how to train."""
    return Settings(
        optimizer=model.optimizer,
        lr=model.lr,
        crowd_lr=10 * model.lr if model.crowd_lr is None else model.crowd_lr,
        weight_decay=model.weight_decay,
        batch_size=model.batch_size,
        max_epochs=model.max_epochs,
        patience=model.patience,
        warm_up_epochs=warm_up_of(model),
        verbose=model.verbose,
    )


def recipe_of(model: Any) -> Recipe:
    """Return what to build."""
    options = dict(model.loss_params or {})
    if model.regularization is not None:
        options["strength"] = model.regularization
    return Recipe(
        module=model.module,
        module_params=model.module_params,
        loss=model.loss,
        loss_params=options,
        start_from_votes=model.init == "aggregator",
        metric=model.validation_metric,
        device=model.device,
    )


def check_batches(loss: Any, n_rows: int, batch_size: int, n_classes: int) -> None:
    """Refuse batches of fewer items than classes where F'F would have no determinant."""
    if not getattr(head_kind(loss), "needs_a_batch_of_classes", False):
        return
    smallest = n_rows // math.ceil(n_rows / batch_size)
    if smallest < n_classes:
        raise ValueError(
            f"this loss holds log det of F'F, which needs at least as many items in each batch as "
            f"there are classes, {n_classes}; {n_rows} training rows in batches of {batch_size} "
            f"leave {smallest}. Raise batch_size (several times {n_classes}), or add rows."
        )
