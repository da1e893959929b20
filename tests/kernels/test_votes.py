from __future__ import annotations

import numpy as np
import pytest

from aggregate.kernels.votes import agreement_sums, normalise_rows, weighted_votes
from tests import naive, problems

NONE = np.empty(0)


@pytest.mark.parametrize("n_classes", [1, 2, 3, 12])
class TestWeightedVotes:
    def test_counts_votes(self, n_classes):
        votes = problems.ragged(0, n_classes=n_classes)
        out = np.full((votes.n_items, n_classes), np.nan)
        weighted_votes(votes.item_ptr, votes.annotator, votes.label, NONE, 0, votes.n_items, out)
        np.testing.assert_array_equal(
            out, naive.vote(problems.triples(votes), votes.n_items, n_classes)
        )

    def test_weighs_votes(self, n_classes):
        votes = problems.ragged(1, n_classes=n_classes)
        weight = np.random.default_rng(1).random(votes.n_annotators)
        out = np.full((votes.n_items, n_classes), np.nan)
        weighted_votes(votes.item_ptr, votes.annotator, votes.label, weight, 0, 12, out)
        wanted = naive.vote(problems.triples(votes), votes.n_items, n_classes, weight)
        np.testing.assert_allclose(out, wanted, rtol=1e-14)


def test_votes_fill_their_own_block_alone():
    votes = problems.ragged(2)
    out = np.full((votes.n_items, 3), -1.0)
    weighted_votes(votes.item_ptr, votes.annotator, votes.label, NONE, 3, 5, out)
    assert (out[:3] == -1).all()
    assert (out[5:] == -1).all()
    np.testing.assert_array_equal(out[3:5].sum(axis=1), votes.labels_per_item[3:5])


def test_agreement_sums_the_consensus_of_each_label():
    votes = problems.ragged(3)
    consensus = np.random.default_rng(3).dirichlet(np.ones(3), size=votes.n_items)
    agreed = np.zeros(votes.n_annotators)
    agreement_sums(votes.item_ptr, votes.annotator, votes.label, consensus, 0, 6, agreed)
    agreement_sums(votes.item_ptr, votes.annotator, votes.label, consensus, 6, 12, agreed)
    shares = naive.agreements(problems.triples(votes), consensus, votes.n_annotators)
    labelled = votes.labels_per_annotator > 0
    np.testing.assert_allclose(agreed[labelled], (shares * votes.labels_per_annotator)[labelled])
    assert (agreed[~labelled] == 0).all()


def test_normalise_rows_leaves_zeros():
    table = np.array([[1.0, 3.0], [0.0, 0.0], [5.0, 5.0]])
    normalise_rows(table, 0, 2)
    np.testing.assert_array_equal(table, [[0.25, 0.75], [0, 0], [5, 5]])
