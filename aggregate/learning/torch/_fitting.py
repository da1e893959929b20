"""From checked inputs to a trained network: starts, rows set aside, the best of several."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from aggregate.annotations import Annotations
from aggregate.learning.torch._inputs import Judges, Order, shape_of_a_row
from aggregate.learning.torch._networks import (
    build,
    predict_log,
    real_dtype,
    to_tensor,
)
from aggregate.learning.torch._starts import FromVotes
from aggregate.learning.torch._training import CrowdData, Settings, Trained, held_out_loss, train
from aggregate.learning.torch.losses import HEADS
from aggregate.learning.torch.losses._head import Head, Sizes
from aggregate.learning.torch.standardise import Standardise
from aggregate.learning.torch.votes import VoteTensors


class Problem(NamedTuple):
    """All that a start needs, checked."""

    X: Any
    votes: Annotations
    gold: Any
    alone: FromVotes
    order: Order
    train_rows: Any
    held_out_rows: Any
    judges: Judges | None


class Recipe(NamedTuple):
    """What to build; the names are the classifier's parameters."""

    module: Any
    module_params: Any
    loss: Any
    loss_params: dict[str, Any]
    start_from_votes: bool
    device: Any


class Fit(NamedTuple):
    """The outcome of one start."""

    net: nn.Module
    head: Head
    trained: Trained


def best_fit(problem: Problem, recipe: Recipe, settings: Settings, seeds: Any) -> Fit:
    """Train from each seed; return the fit with the least held-out (else training) loss.

    PyTorch's global generators are left as they were found.
    """
    device = torch.device(recipe.device)
    devices = [device] if device.type != "cpu" else []
    best: Fit | None = None
    for seed in seeds:
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(int(seed))
            fit = _one_fit(problem, recipe, settings)
        if best is None or fit.trained.best < best.trained.best:
            best = fit
    assert best is not None
    return best


def _one_fit(problem: Problem, recipe: Recipe, settings: Settings) -> Fit:
    votes, order = problem.votes, problem.order
    net = build(recipe.module, shape_of_a_row(problem.X), votes.n_classes, recipe.module_params).to(
        recipe.device
    )
    x = to_tensor(problem.X, net, recipe.device)
    head = make_head(problem, recipe).to(device=recipe.device, dtype=real_dtype(net))
    training = x[torch.as_tensor(problem.train_rows, device=x.device)]
    for part in [*net.modules(), *head.modules()]:
        if isinstance(part, Standardise):
            part.learn(training)
    gold = np.full(votes.n_items, -1) if problem.gold is None else problem.gold
    data = CrowdData(
        x,
        VoteTensors(votes, annotator_code=order.annotator_code, device=recipe.device),
        torch.as_tensor(gold, dtype=torch.int64, device=recipe.device),
        torch.as_tensor(problem.alone.soft, device=recipe.device),
    )
    rows = torch.as_tensor(problem.train_rows, device=recipe.device)
    judge = _judge(net, head, data, problem, recipe)
    trained = train(net, head, data, rows, settings, judge)
    return Fit(net.eval(), head.eval(), trained)


def head_kind(loss: Any) -> Any:
    """Return what builds the loss: a class by its name, or what the user gave."""
    return HEADS[loss] if isinstance(loss, str) else loss


def make_head(problem: Problem, recipe: Recipe) -> Head:
    """Build the loss with its parameters, the annotators in the order that the data decide."""
    votes, alone = problem.votes, problem.alone
    place = np.argsort(problem.order.annotator_code)
    sizes = Sizes(
        votes.n_annotators,
        votes.n_classes,
        votes.n_annotations,
        int(np.prod(problem.X.shape[1:])),
        alone.confusion[place],
        alone.class_prior,
        recipe.start_from_votes,
    )
    try:
        head = head_kind(recipe.loss)(sizes, **recipe.loss_params)
    except TypeError as error:
        if "unexpected keyword" not in str(error):
            raise
        given = ", ".join(recipe.loss_params)
        raise TypeError(f"loss {recipe.loss!r} does not take all of {given}: {error}.") from error
    if not isinstance(head, Head):
        raise TypeError(f"loss must be a name or build a Head; got {head!r}.")
    return head


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


def _judge(
    net: nn.Module, head: Head, data: CrowdData, problem: Problem, recipe: Recipe
) -> Callable[[], float] | None:
    """Return what measures an epoch: held-out votes, given votes, or a given truth."""
    judges = problem.judges
    if judges is None:
        if len(problem.held_out_rows) == 0:
            return None
        rows = torch.as_tensor(problem.held_out_rows, device=recipe.device)
        return lambda: held_out_loss(net, head, data, rows)
    x = to_tensor(judges.X, net, recipe.device)
    n_classes = problem.votes.n_classes
    if judges.truth is not None:
        truth = torch.as_tensor(judges.truth, dtype=torch.int64, device=recipe.device)
        return lambda: float(nn.functional.nll_loss(predict_log(net, x, n_classes), truth))
    assert judges.votes is not None
    codes = problem.order.annotator_code
    unknown = torch.full((len(x),), -1, dtype=torch.int64, device=recipe.device)
    nothing = torch.zeros((len(x), n_classes), dtype=torch.float64, device=recipe.device)
    given = CrowdData(
        x,
        VoteTensors(judges.votes, annotator_code=codes, device=recipe.device),
        unknown,
        nothing,
    )
    labelled = np.flatnonzero(judges.votes.labels_per_item > 0)
    all_rows = torch.as_tensor(labelled, device=recipe.device)
    return lambda: held_out_loss(net, head, given, all_rows)
