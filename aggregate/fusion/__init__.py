"""Fusion: one soft label per item from many votes, a decision from it, honest confidence."""

from aggregate.fusion.confidence import design_effect, effective_labels, temper
from aggregate.fusion.correlation import CorrelationBelief, average_posterior
from aggregate.fusion.decision import decide, expected_costs
from aggregate.fusion.mixture import mixture_log_joint, mixture_posterior
from aggregate.fusion.posterior import from_log_joint, log_joint, posterior
from aggregate.fusion.votes import vote_counts, vote_shares

__all__ = [
    "CorrelationBelief",
    "average_posterior",
    "decide",
    "design_effect",
    "effective_labels",
    "expected_costs",
    "from_log_joint",
    "log_joint",
    "mixture_log_joint",
    "mixture_posterior",
    "posterior",
    "temper",
    "vote_counts",
    "vote_shares",
]
