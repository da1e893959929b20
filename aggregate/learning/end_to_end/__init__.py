"""Classifier and annotators learned at once, by the coupled cross-entropy."""
