"""Aggregators: scikit-learn estimators that turn votes into soft labels."""

from aggregate.models.dawid_skene import DawidSkene
from aggregate.models.iterative_weighted_vote import IterativeWeightedVote
from aggregate.models.majority_vote import MajorityVote
from aggregate.models.registry import make_model, model_names
from aggregate.models.wawa import Wawa

__all__ = [
    "DawidSkene",
    "IterativeWeightedVote",
    "MajorityVote",
    "Wawa",
    "make_model",
    "model_names",
]
