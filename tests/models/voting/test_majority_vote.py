from __future__ import annotations

import numpy as np
import pytest

from aggregate import Annotations, MajorityVote
from tests import naive, problems


@pytest.mark.parametrize("n_classes", [1, 2, 3, 12])
def test_shares_of_the_votes(n_classes):
    votes = problems.ragged(0, n_classes=n_classes)
    model = MajorityVote().fit(votes)
    shares = naive.vote_shares(naive.vote(problems.triples(votes), votes.n_items, n_classes))
    np.testing.assert_allclose(model.probas_[1:], shares[1:], rtol=1e-14)
    prior = shares.sum(axis=0) / shares.sum()
    np.testing.assert_allclose(model.class_prior_, prior)
    np.testing.assert_allclose(model.probas_[0], prior)  # item 0 has no label
    wanted = naive.decide(model.probas_, prior)
    np.testing.assert_array_equal(model.labels_, wanted)


def test_skill_is_the_mean_share_of_ones_labels():
    votes = problems.ragged(1)
    model = MajorityVote().fit(votes)
    shares = naive.vote_shares(naive.vote(problems.triples(votes), votes.n_items, 3))
    wanted = naive.agreements(problems.triples(votes), shares, votes.n_annotators)
    labelled = votes.labels_per_annotator > 0
    np.testing.assert_allclose(model.annotator_skill_[labelled], wanted[labelled])
    assert (model.annotator_skill_[~labelled] == model.class_prior_.max()).all()


@pytest.mark.parametrize(("ties", "label"), [("prior", "b"), ("first", "a")])
def test_ties(ties, label):
    votes = Annotations.from_matrix([["a", "b"], ["b", "b"]])
    assert MajorityVote(ties=ties).fit(votes).labels_.tolist() == [label, "b"]


def test_repeats_count():
    votes = Annotations.from_columns([0, 0, 0], ["u", "u", "v"], ["x", "x", "y"])
    np.testing.assert_allclose(MajorityVote().fit(votes).probas_, [[2 / 3, 1 / 3]])


def test_a_stranger_counts_like_anyone():
    model = MajorityVote().fit([[0, 1], [1, 1]])
    new = Annotations.from_columns([7, 7, 7], [0, "x", "y"], [0, 1, 1])
    np.testing.assert_allclose(model.predict_proba(new), [[1 / 3, 2 / 3]])
