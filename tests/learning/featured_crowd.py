"""A crowd whose items have features, for the tests of classifiers trained on votes."""

from __future__ import annotations

import numpy as np

from tests import problems


def featured_crowd(n_items=120):
    """Return features that tell three classes apart, votes and the truth."""
    drawn = problems.planted(0, n_items=n_items)
    X = np.random.default_rng(1).normal(size=(n_items, 4))
    X[:, :3] += 2 * np.eye(3)[drawn.truth]
    return X, drawn.votes, drawn.truth
