"""Conventions of the published tables: which annotators, which items, no prior, ten iterations."""

from __future__ import annotations

import warnings

import numpy as np

from aggregate.metrics import accuracy
from aggregate.models._gold import gold_codes

PLAIN = {"prior_strength": 0, "class_prior": "uniform", "annotator_correlation": 0}
BUSIEST = {"bluebird-30": ("bluebird", 30), "dog-52": ("dog", 52)}


def busiest(load, name):
    """Return the votes of a data set, of its busiest annotators where the table asks, and truth."""
    base, n_annotators = BUSIEST.get(name, (name, None))
    votes, truth = load(base)
    if n_annotators is not None:
        order = np.argsort(-votes.labels_per_annotator, kind="stable")
        votes = votes.select(annotators=votes.annotators[np.sort(order[:n_annotators])])
    present = set(votes.items.tolist())
    return votes, {item: label for item, label in truth.items() if item in present}


def percent_wrong(model, votes, truth):
    """Return the percent wrong among the items with truth; ties earn their fair share."""
    return 100 - 100 * accuracy(model.probas_, gold_codes(truth, votes))


def percent_right(model, real, name):
    """Fit a model to a data set and return the percent right, ties with their fair share."""
    votes, truth = real(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(votes)
    return 100 - percent_wrong(model, votes, truth)
