"""Classifiers trained from votes: on soft labels, or together with the annotators."""

from aggregate.learning.end_to_end import CCEMClassifier, IdentifiabilityConditions
from aggregate.learning.label_issues._judged_labels import JudgedLabels, LabelIssues
from aggregate.learning.label_issues.finding import find_label_issues
from aggregate.learning.label_issues.relabeling import (
    RelabelQueue,
    posterior_with_classifier,
    relabel_queue,
)
from aggregate.learning.machine_crowd import MachineCrowd, load_machine_crowd
from aggregate.learning.preferences._preference_table import Preferences
from aggregate.learning.preferences.flips import (
    annotator_flip_rates,
    preference_labels,
    preference_votes,
)
from aggregate.learning.preferences.losses import (
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
from aggregate.learning.preferences.pairs import PreferencePairs, read_preferences
from aggregate.learning.raykar.raykar import RaykarClassifier
from aggregate.learning.refining._agree_disagree import Refined, refine_agree_disagree
from aggregate.learning.refining.collaborative_refiner import CollaborativeRefiner
from aggregate.learning.refining.crowdlab_refiner import CrowdLabRefiner
from aggregate.learning.soft_labels._expansion import Expansion, expand_soft_labels
from aggregate.learning.soft_labels.crowd_classifier import CrowdClassifier
from aggregate.learning.soft_labels.out_of_fold import out_of_fold_probas
from aggregate.learning.soft_labels.target_encoding import encode_targets

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
    "PreferencePairs",
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
    "read_preferences",
    "refine_agree_disagree",
    "relabel_queue",
]
