"""Classifiers trained from votes: on soft labels, or together with the annotators."""

from aggregate.learning._agree_disagree import Refined, refine_agree_disagree
from aggregate.learning._expansion import Expansion, expand_soft_labels
from aggregate.learning._judged_labels import JudgedLabels, LabelIssues
from aggregate.learning._preferences import Preferences
from aggregate.learning.collaborative_refiner import CollaborativeRefiner
from aggregate.learning.crowd_classifier import CrowdClassifier
from aggregate.learning.crowdlab_refiner import CrowdLabRefiner
from aggregate.learning.end_to_end import CCEMClassifier, IdentifiabilityConditions
from aggregate.learning.label_issues import find_label_issues
from aggregate.learning.machine_crowd import MachineCrowd, load_machine_crowd
from aggregate.learning.out_of_fold import out_of_fold_probas
from aggregate.learning.preference_flips import (
    annotator_flip_rates,
    preference_labels,
    preference_votes,
)
from aggregate.learning.preference_losses import (
    cdpo_gradient,
    cdpo_loss,
    dpo_gradient,
    dpo_loss,
    ipo_gradient,
    ipo_loss,
    preference_logits,
    rdpo_gradient,
    rdpo_loss,
)
from aggregate.learning.raykar import RaykarClassifier
from aggregate.learning.relabeling import RelabelQueue, posterior_with_classifier, relabel_queue
from aggregate.learning.target_encoding import encode_targets

__all__ = [
    "CCEMClassifier",
    "CollaborativeRefiner",
    "CrowdClassifier",
    "CrowdLabRefiner",
    "Expansion",
    "IdentifiabilityConditions",
    "JudgedLabels",
    "LabelIssues",
    "MachineCrowd",
    "Preferences",
    "RaykarClassifier",
    "Refined",
    "RelabelQueue",
    "annotator_flip_rates",
    "cdpo_gradient",
    "cdpo_loss",
    "dpo_gradient",
    "dpo_loss",
    "encode_targets",
    "expand_soft_labels",
    "find_label_issues",
    "ipo_gradient",
    "ipo_loss",
    "load_machine_crowd",
    "out_of_fold_probas",
    "posterior_with_classifier",
    "preference_labels",
    "preference_logits",
    "preference_votes",
    "rdpo_gradient",
    "rdpo_loss",
    "refine_agree_disagree",
    "relabel_queue",
]
