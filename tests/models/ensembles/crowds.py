"""Crowds in which some items mislead everybody."""

from __future__ import annotations

import numpy as np

from tests import problems


def misled(seed, share=0.25, n_items=600, n_annotators=20, per_item=7, accuracy=0.75):
    """Draw votes of two classes; a share of the items looks ambiguous or wrong to all alike."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, n_items)
    odd = random.random(n_items) < share
    chance = np.where(odd, random.beta(1.5, 1.5, n_items), accuracy)
    annotator = random.permuted(np.tile(np.arange(n_annotators), (n_items, 1)), axis=1)
    annotator = annotator[:, :per_item].ravel()
    item = np.repeat(np.arange(n_items), per_item)
    own = np.where(odd, 0, np.linspace(-0.1, 0.15, n_annotators)[:, np.newaxis])[annotator, item]
    wrong = random.random(len(item)) > chance[item] + own
    label = np.where(wrong, 1 - truth[item], truth[item])
    return problems.from_codes(item, annotator, label, (n_items, n_annotators, 2)), truth
