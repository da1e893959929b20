"""Losses for classifiers trained on votes: one file each, a function and its parameters."""

from __future__ import annotations

from aggregate.learning.torch.losses.coinnet import CoinNetHead
from aggregate.learning.torch.losses.conal import CoNALHead
from aggregate.learning.torch.losses.coupled_cross_entropy import CoupledHead
from aggregate.learning.torch.losses.geocrowdnet_f import GeoCrowdNetFHead
from aggregate.learning.torch.losses.geocrowdnet_w import GeoCrowdNetWHead
from aggregate.learning.torch.losses.masked_cross_entropy import CrowdLayerHead
from aggregate.learning.torch.losses.max_mig import MaxMIGHead
from aggregate.learning.torch.losses.soft_cross_entropy import SoftHead
from aggregate.learning.torch.losses.trace import TraceHead
from aggregate.learning.torch.losses.union_net import UnionNetHead

HEADS = {
    "ccem": CoupledHead,
    "geocrowdnet-f": GeoCrowdNetFHead,
    "geocrowdnet-w": GeoCrowdNetWHead,
    "trace": TraceHead,
    "crowd-layer": CrowdLayerHead,
    "max-mig": MaxMIGHead,
    "conal": CoNALHead,
    "unionnet": UnionNetHead,
    "coinnet": CoinNetHead,
    "soft": SoftHead,
}
"""The names under which `TorchCrowdClassifier` knows the losses."""

__all__ = [
    "HEADS",
    "CoNALHead",
    "CoinNetHead",
    "CoupledHead",
    "CrowdLayerHead",
    "GeoCrowdNetFHead",
    "GeoCrowdNetWHead",
    "MaxMIGHead",
    "SoftHead",
    "TraceHead",
    "UnionNetHead",
]
