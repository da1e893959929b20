"""Beside peerannot: votes and Dawid-Skene."""

from __future__ import annotations

import numpy as np
import pytest

from aggregate import DawidSkene, MajorityVote, Wawa
from tests.peers.conftest import drawn

dawid_skene = pytest.importorskip("peerannot.models.aggregation.dawid_skene", exc_type=ImportError)

pytestmark = pytest.mark.filterwarnings("ignore")


def size(crowd):
    return {"n_workers": crowd.votes.n_annotators, "n_classes": crowd.votes.n_classes}


def test_votes_without_ties(binary):
    from peerannot.models.aggregation.majority_voting import MajorityVoting
    from peerannot.models.aggregation.wawa import Wawa as Theirs

    vote = MajorityVoting(answers=binary.answers(), **size(binary))
    np.testing.assert_array_equal(MajorityVote().fit(binary.votes).labels_, vote.get_answers())
    wawa = Theirs(answers=binary.answers(), **size(binary))
    wawa.run()
    np.testing.assert_array_equal(Wawa().fit(binary.votes).labels_, wawa.get_answers())


@pytest.mark.parametrize("n_iter", [1, 10])
def test_dawid_skene(crowd, n_iter):
    theirs = dawid_skene.DawidSkene(answers=crowd.answers(), **size(crowd))
    theirs.run(epsilon=0, maxiter=n_iter)
    ours = DawidSkene(
        prior_strength=0, max_iter=n_iter, tol=0, accelerate=False, annotator_correlation=0
    ).fit(crowd.votes)
    np.testing.assert_allclose(ours.probas_, theirs.get_probas(), atol=1e-6)


def test_its_products_underflow_where_an_item_has_many_labels():
    """Six hundred labels an item: its soft labels become zero, ours stay right."""
    crowd = drawn(6, n_items=80, n_annotators=600, labels_per_item=600, accuracy=(0.25, 0.35))
    theirs = dawid_skene.DawidSkene(answers=crowd.answers(), **size(crowd))
    theirs.run(maxiter=2)
    assert (theirs.get_probas().sum(axis=1) == 0).any()
    ours = DawidSkene().fit(crowd.votes)
    assert (ours.labels_ == crowd.truth).all()
