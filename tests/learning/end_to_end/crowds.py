"""Planted mixtures for the tests of classifiers learned with their annotators."""

from __future__ import annotations

import numpy as np


def mixture(*, anchors, specialists, n_items=1000, n_classes=4, n_annotators=5, seed=0):
    """Return features, votes (one label per item), truth, test features and truth, confusions.

    With anchors, the classes hardly overlap. Annotators are right about half of the time; with
    specialists, annotator k says k for class k and for no other.
    """
    random = np.random.default_rng(seed)
    centres = random.normal(size=(n_classes, 8))
    centres *= (6.0 if anchors else 1.6) / np.sqrt(2) / np.linalg.norm(centres, axis=1)[:, None]

    def draw(size):
        truth = random.integers(0, n_classes, size)
        return centres[truth] + random.normal(size=(size, 8)), truth

    X, truth = draw(n_items)
    X_test, truth_test = draw(4000)
    noise = random.dirichlet(np.ones(n_classes), (n_annotators, n_classes))
    confusion = 0.35 * np.eye(n_classes) + 0.65 * noise
    if specialists:
        for k in range(n_classes):
            others = np.arange(n_classes) != k
            confusion[k, others, k] = 0
            confusion[k] *= 0.98 / confusion[k].sum(axis=1, keepdims=True)
            confusion[k, others, k] = 0.02
            confusion[k, k] = np.where(others, 0.02 / (n_classes - 1), 0.98)
    votes = np.full((n_items, n_annotators), -1)
    who = random.integers(0, n_annotators, n_items)
    below = random.random((n_items, 1)) > confusion[who, truth].cumsum(axis=1)
    votes[np.arange(n_items), who] = below.sum(axis=1).clip(max=n_classes - 1)
    return X, votes, truth, X_test, truth_test, confusion


def confusion_error(model, confusion):
    """Return the mean share of a row's probability that is in the wrong place."""
    return np.abs(model.confusion_ - confusion).sum(axis=2).mean() / 2


def half_empty(n_items=150, n_annotators=6, n_classes=3, seed=0, share=0.5):
    """Return features, a table of votes and the truth; half of the cells are empty."""
    random = np.random.default_rng(seed)
    centres = 3 * random.normal(size=(n_classes, 3))
    truth = random.integers(0, n_classes, n_items)
    X = centres[truth] + random.normal(size=(n_items, 3))
    skill = np.linspace(0.45, 0.95, n_annotators)
    right = random.random((n_items, n_annotators)) < skill
    votes = np.where(right, truth[:, None], random.integers(0, n_classes, right.shape))
    votes[random.random(votes.shape) > share] = -1
    votes[:, -1] = np.where((votes < 0).all(axis=1), truth, votes[:, -1])
    return X, votes, truth
