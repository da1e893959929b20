"""Classifiers trained from votes: on soft labels, or together with the annotators."""

from aggregate.learning.machine_crowd import MachineCrowd, load_machine_crowd
from aggregate.learning.out_of_fold import out_of_fold_probas

__all__ = ["MachineCrowd", "load_machine_crowd", "out_of_fold_probas"]
