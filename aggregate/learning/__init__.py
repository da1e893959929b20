"""Classifiers trained from votes: on soft labels, or together with the annotators."""

from aggregate.learning._expansion import Expansion, expand_soft_labels
from aggregate.learning.crowd_classifier import CrowdClassifier
from aggregate.learning.crowdlab_refiner import CrowdLabRefiner
from aggregate.learning.machine_crowd import MachineCrowd, load_machine_crowd
from aggregate.learning.out_of_fold import out_of_fold_probas
from aggregate.learning.target_encoding import encode_targets

__all__ = [
    "CrowdClassifier",
    "CrowdLabRefiner",
    "Expansion",
    "MachineCrowd",
    "encode_targets",
    "expand_soft_labels",
    "load_machine_crowd",
    "out_of_fold_probas",
]
