"""Classifiers trained from votes: on soft labels, or together with the annotators."""
