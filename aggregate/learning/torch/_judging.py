"""What an epoch is worth: held-out votes, votes or the truth of other items; loss or errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from aggregate.learning.torch._inputs import Judges
from aggregate.learning.torch._networks import predict_log, to_tensor
from aggregate.learning.torch._training import CrowdData, held_out_loss
from aggregate.learning.torch.losses._head import Head
from aggregate.learning.torch.votes import VoteTensors

METRICS = ("loss", "error")


def judge_by_rows(
    net: nn.Module, head: Head, data: CrowdData, rows: Any, metric: str
) -> Callable[[], float] | None:
    """Return the measure by rows that were set aside, None if there are none."""
    if len(rows) == 0:
        return None
    chosen = torch.as_tensor(rows, device=data.x.device)
    if metric == "error":
        return lambda: _disagreement(net, data, chosen)
    return lambda: held_out_loss(net, head, data, chosen)


def judge_by_others(
    net: nn.Module, head: Head, judges: Judges, annotator_code: Any, metric: str, device: Any
) -> Callable[[], float] | None:
    """Return the measure by a validation set, with its truth or with votes."""
    x = to_tensor(judges.X, net, device)
    if judges.votes is None:
        truth = torch.as_tensor(judges.truth, dtype=torch.int64, device=device)
        return lambda: _by_truth(net, x, truth, judges.n_classes, metric)
    votes = judges.votes
    unknown = torch.full((len(x),), -1, dtype=torch.int64, device=device)
    tensors = VoteTensors(votes, annotator_code=annotator_code, device=device)
    data = CrowdData(x, tensors, unknown, torch.as_tensor(judges.soft, device=device))
    labelled = np.flatnonzero(votes.labels_per_item > 0)
    return judge_by_rows(net, head, data, labelled, metric)


def _by_truth(
    net: nn.Module, x: torch.Tensor, truth: torch.Tensor, n_classes: int, metric: str
) -> float:
    log_f = predict_log(net, x, n_classes)
    if metric == "error":
        return float((log_f.argmax(dim=1) != truth).double().mean())
    return float(nn.functional.nll_loss(log_f, truth))


def _disagreement(net: nn.Module, data: CrowdData, rows: torch.Tensor) -> float:
    """Return the share of the labels of these rows (known truths among them) not predicted."""
    said = predict_log(net, data.x[rows], data.soft.shape[1]).argmax(dim=1)
    votes, truth = data.votes.gather(rows), data.gold[rows]
    wrong = int((said[votes.item] != votes.label).sum()) + int(
        ((truth >= 0) & (said != truth)).sum()
    )
    return wrong / max(len(votes.item) + int((truth >= 0).sum()), 1)
