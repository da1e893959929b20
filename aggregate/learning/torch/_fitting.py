"""From checked inputs to a trained network: starts, rows set aside, the best of several."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from aggregate.learning.torch._inputs import shape_of_a_row
from aggregate.learning.torch._judging import judge_by_others, judge_by_rows
from aggregate.learning.torch._networks import build, real_dtype, to_tensor, try_out
from aggregate.learning.torch._parameters import Recipe, head_kind
from aggregate.learning.torch._problem import Problem
from aggregate.learning.torch._training import CrowdData, Settings, Trained, train
from aggregate.learning.torch.losses._head import Head, Sizes
from aggregate.learning.torch.standardise import Standardise
from aggregate.learning.torch.votes import VoteTensors


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
    devices = [device] if device.type == "cuda" else []
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
    try_out(net, training, votes.n_classes)
    gold = np.full(votes.n_items, -1) if problem.gold is None else problem.gold
    data = CrowdData(
        x,
        VoteTensors(votes, annotator_code=order.annotator_code, device=recipe.device),
        torch.as_tensor(gold, dtype=torch.int64, device=recipe.device),
        torch.as_tensor(problem.alone.soft, device=recipe.device),
    )
    rows = torch.as_tensor(problem.train_rows, device=recipe.device)
    if problem.judges is None:
        judge = judge_by_rows(net, head, data, problem.held_out_rows, recipe.metric)
    else:
        judge = judge_by_others(
            net, head, problem.judges, order.annotator_code, recipe.metric, recipe.device
        )
    trained = train(net, head, data, rows, settings, judge)
    return Fit(net.eval(), head.eval(), trained)


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
