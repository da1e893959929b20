"""The training loop: epochs of shuffled batches, judged on rows that were set aside."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, Final, NamedTuple

import torch
from torch import nn
from tqdm import tqdm

from aggregate.learning.torch._networks import log_probabilities
from aggregate.learning.torch.losses._head import Batch, Head
from aggregate.learning.torch.losses.soft_cross_entropy import soft_cross_entropy
from aggregate.learning.torch.votes import VoteTensors

OPTIMIZERS: Final[dict[str, Callable[..., Any]]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": lambda groups, **options: torch.optim.SGD(groups, momentum=0.9, **options),
}

_NEAR_ZERO = (
    1e-6  # what a known truth leaves to the other classes together, so that logs are finite
)
_JUDGED_AT_ONCE = 4096


class CrowdData(NamedTuple):
    """Items on the device: features, votes, known truth (-1 where unknown) and soft labels."""

    x: torch.Tensor
    votes: VoteTensors
    gold: torch.Tensor
    soft: torch.Tensor


class Settings(NamedTuple):
    """How to train; the names are the classifier's parameters."""

    optimizer: Any
    lr: float
    crowd_lr: float
    weight_decay: float
    batch_size: int
    max_epochs: int
    patience: int | None
    warm_up_epochs: int
    verbose: bool


class Trained(NamedTuple):
    """What came of it; ``best`` is the loss by which starts are compared."""

    path: list[float]
    judged: list[float]
    n_epochs: int
    converged: bool
    best: float


def train(
    net: nn.Module,
    head: Head,
    data: CrowdData,
    rows: torch.Tensor,
    settings: Settings,
    judge: Callable[[], float] | None,
) -> Trained:
    """Train network and annotators in place; keep the best epoch where there is a judge."""
    optimizer = _optimizer(net, head, settings)
    path: list[float] = []
    judged: list[float] = []
    kept, best, best_epoch, converged = None, math.inf, -1, False
    bar = tqdm(range(settings.max_epochs), disable=not settings.verbose, desc="epochs")
    for epoch in bar:
        net.train()
        head.train()
        warm = epoch < settings.warm_up_epochs
        path.append(_epoch(net, head, data, rows, settings, optimizer, epoch, warm))
        if judge is None:
            continue
        judged.append(judge())
        bar.set_postfix(held_out=judged[-1])
        if warm:
            continue
        if judged[-1] < best:
            best, best_epoch = judged[-1], epoch
            kept = deepcopy((net.state_dict(), head.state_dict()))
        elif settings.patience is not None and epoch - best_epoch >= settings.patience:
            converged = True
            break
    if kept is not None:
        net.load_state_dict(kept[0])
        head.load_state_dict(kept[1])
    return Trained(path, judged, len(path), converged, path[-1] if judge is None else best)


def _optimizer(net: nn.Module, head: Head, settings: Settings) -> Any:
    """Return the optimiser; weights of the network decay, the annotators' tables do not."""
    mine = [p for p in net.parameters() if p.requires_grad]
    theirs = list(head.parameters())
    groups = [
        {"params": mine, "lr": settings.lr, "weight_decay": settings.weight_decay},
        {"params": theirs, "lr": settings.crowd_lr, "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if not groups:
        raise ValueError("neither the module nor the loss has a parameter that could be trained.")
    make = OPTIMIZERS.get(settings.optimizer, settings.optimizer)
    return make(groups, lr=settings.lr)


def _epoch(
    net: nn.Module,
    head: Head,
    data: CrowdData,
    rows: torch.Tensor,
    settings: Settings,
    optimizer: Any,
    epoch: int,
    warm: bool,
) -> float:
    """Go once over the rows in a new order; return the mean loss of the batches."""
    total, n_batches = 0.0, 0
    for part in _batches(rows[torch.randperm(len(rows)).to(rows.device)], settings.batch_size):
        batch, free, truth = _take(net, data, part)
        if warm:
            loss = soft_cross_entropy(free, batch.soft)
        else:
            loss = _fit_term(head, batch, free, truth) + head.penalty(batch, epoch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        total, n_batches = total + float(loss.detach()), n_batches + 1
    return total / n_batches


def _batches(rows: torch.Tensor, size: int) -> Iterator[torch.Tensor]:
    """Cut rows into batches of nearly one size: no small last one, and none above ``size``."""
    return iter(torch.tensor_split(rows, math.ceil(len(rows) / size)))


def _take(
    net: nn.Module, data: CrowdData, rows: torch.Tensor
) -> tuple[Batch, torch.Tensor, torch.Tensor]:
    """Return a batch, the network's own log probabilities, and the known truth of its rows.

    Where the truth is known, the annotators saw that and not what the network says.
    """
    x, truth = data.x[rows], data.gold[rows]
    soft = data.soft[rows]
    free = log_probabilities(net, x, soft.shape[1])
    seen = free
    if bool((truth >= 0).any()):
        others = math.log(_NEAR_ZERO / max(soft.shape[1] - 1, 1))
        sure = torch.full_like(free, others)
        sure.scatter_(1, truth.clamp_min(0)[:, None], math.log1p(-_NEAR_ZERO))
        seen = torch.where((truth >= 0)[:, None], sure, free)
    return Batch(seen, free, data.votes.gather(rows), x, soft.to(free.dtype)), free, truth


def _fit_term(head: Head, batch: Batch, free: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Return the loss of the votes; a known truth is one more label that is always right."""
    known = truth >= 0
    n_known = int(known.sum())
    if n_known == 0:
        return head.data(batch)
    n_votes = len(batch.votes.item)
    own = nn.functional.nll_loss(free[known], truth[known], reduction="sum")
    said = n_votes * head.data(batch) if n_votes else 0.0
    return (said + own) / (n_votes + n_known)


def held_out_loss(net: nn.Module, head: Head, data: CrowdData, rows: torch.Tensor) -> float:
    """Return the loss of votes on rows that did not train, without any penalty."""
    net.eval()
    head.eval()
    total, weight = 0.0, 0
    with torch.no_grad():
        for part in _batches(rows, _JUDGED_AT_ONCE):
            batch, free, truth = _take(net, data, part)
            n_labels = len(batch.votes.item) + int((truth >= 0).sum())
            total += n_labels * float(_fit_term(head, batch, free, truth))
            weight += n_labels
    return total / max(weight, 1)
