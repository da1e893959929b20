"""The classifier's parameters: checked, and sorted into what to build and how to train."""

from __future__ import annotations

from typing import Any

from aggregate._validation import check_choice, check_number
from aggregate.learning.torch._fitting import Recipe, head_kind
from aggregate.learning.torch._training import OPTIMIZERS, Settings
from aggregate.learning.torch.losses import HEADS


def check_parameters(model: Any) -> None:
    """Refuse what cannot be, before any work is done."""
    if not callable(model.loss):
        check_choice("loss", model.loss, list(HEADS))
    if not callable(model.optimizer):
        check_choice("optimizer", model.optimizer, list(OPTIMIZERS))
    check_choice("init", model.init, ["identity", "aggregator"])
    for name in ("batch_size", "max_epochs", "n_init"):
        check_number(name, getattr(model, name), low=1, integer=True)
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
    if model.strength is not None:
        check_number("strength", model.strength, low=0)


def asks_votes(model: Any) -> bool:
    """Say whether anything wants to know what the votes alone say."""
    wanted = getattr(head_kind(model.loss), "needs_soft_labels", True)
    return bool(wanted or model.warm_up_epochs or model.init == "aggregator")


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
        warm_up_epochs=model.warm_up_epochs,
        verbose=model.verbose,
    )


def recipe_of(model: Any) -> Recipe:
    """Return what to build."""
    options = dict(model.loss_params or {})
    if model.strength is not None:
        options["strength"] = model.strength
    return Recipe(
        module=model.module,
        module_params=model.module_params,
        loss=model.loss,
        loss_params=options,
        start_from_votes=model.init == "aggregator",
        device=model.device,
    )
