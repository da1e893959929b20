"""Classifiers and annotators learned together with PyTorch (the extra ``torch``).

Losses and layers to train one's own module with, and `TorchCrowdClassifier`, which does so in
scikit-learn's manners. Nothing outside this package imports PyTorch, and nothing outside imports
this package.
"""

from __future__ import annotations

from aggregate.learning.torch._need import torch as _torch  # noqa: F401 (its error comes first)
from aggregate.learning.torch.classifier import TorchCrowdClassifier
from aggregate.learning.torch.confusion_layer import ConfusionLayer
from aggregate.learning.torch.crowd_layer import CrowdLayer
from aggregate.learning.torch.losses.coinnet import coinnet_loss, outlier_penalty
from aggregate.learning.torch.losses.conal import conal_loss
from aggregate.learning.torch.losses.coupled_cross_entropy import coupled_cross_entropy
from aggregate.learning.torch.losses.geocrowdnet_f import geocrowdnet_f_loss
from aggregate.learning.torch.losses.geocrowdnet_w import geocrowdnet_w_loss
from aggregate.learning.torch.losses.masked_cross_entropy import masked_cross_entropy
from aggregate.learning.torch.losses.max_mig import max_mig_loss
from aggregate.learning.torch.losses.soft_cross_entropy import soft_cross_entropy
from aggregate.learning.torch.losses.trace import trace_loss
from aggregate.learning.torch.losses.union_net import union_net_loss
from aggregate.learning.torch.preference_losses import (
    cdpo_loss,
    dpo_loss,
    ipo_loss,
    preference_logits,
    rdpo_loss,
)
from aggregate.learning.torch.votes import VoteBatch, VoteTensors

__all__ = [
    "ConfusionLayer",
    "CrowdLayer",
    "TorchCrowdClassifier",
    "VoteBatch",
    "VoteTensors",
    "cdpo_loss",
    "coinnet_loss",
    "conal_loss",
    "coupled_cross_entropy",
    "dpo_loss",
    "geocrowdnet_f_loss",
    "geocrowdnet_w_loss",
    "ipo_loss",
    "masked_cross_entropy",
    "max_mig_loss",
    "outlier_penalty",
    "preference_logits",
    "rdpo_loss",
    "soft_cross_entropy",
    "trace_loss",
    "union_net_loss",
]
