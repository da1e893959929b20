"""Classifiers trained from votes: on soft labels, or together with the annotators."""

from aggregate.learning.out_of_fold import out_of_fold_probas

__all__ = ["out_of_fold_probas"]
