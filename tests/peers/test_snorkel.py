"""Beside snorkel: the majority vote and the label model."""

from __future__ import annotations

import numpy as np
import pytest

from aggregate import LabelModel, MajorityVote
from tests.peers.conftest import drawn

kit = pytest.importorskip("snorkel.labeling.model", exc_type=ImportError)

pytestmark = pytest.mark.filterwarnings("ignore")


def test_majority_vote(crowd):
    """Snorkel's probabilities are shared among the winners; ours are the shares of the votes."""
    theirs = kit.MajorityLabelVoter(crowd.votes.n_classes).predict_proba(crowd.matrix())
    ours = MajorityVote().fit(crowd.votes).probas_
    ahead = ours >= ours.max(axis=1, keepdims=True) - 1e-12
    np.testing.assert_allclose(ahead / ahead.sum(axis=1, keepdims=True), theirs)


def test_the_label_model_finds_the_same_sources():
    """Given the balance, both estimate the same accuracies, ours closer to the true ones."""
    from aggregate import simulate_annotations

    found = simulate_annotations(4000, 10, 2, labels_per_item=8, random_state=0)
    votes = found.annotations
    table = np.full((votes.n_items, votes.n_annotators), -1)
    table[votes.item, votes.annotator] = votes.label
    theirs = kit.LabelModel(2, verbose=False)
    theirs.fit(table, seed=0, progress_bar=False, n_epochs=500)
    chances = theirs.get_conditional_probs()[:, 1:]  # source, label, truth; 0 abstains
    chances = chances / chances.sum(axis=1, keepdims=True)
    other = np.moveaxis(chances, 1, 2)
    ours = LabelModel(class_prior="uniform").fit(votes)
    assert abs(ours.confusion_ - other).mean() < 0.06
    mine = abs(ours.confusion_ - found.confusion).mean()
    assert mine < abs(other - found.confusion).mean() + 0.005


def test_six_hundred_sources_overflow_nothing():
    """Snorkel multiplies the chances of all sources, and NaN comes out (its issue 1640)."""
    crowd = drawn(2, n_items=40, n_annotators=600, labels_per_item=600)
    assert np.isfinite(LabelModel(max_iter=20, tol=0).fit(crowd.votes).probas_).all()
