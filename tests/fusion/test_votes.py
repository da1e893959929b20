from __future__ import annotations

import numpy as np
import pytest

from aggregate import _blocks
from aggregate.fusion import vote_counts, vote_shares
from tests import naive, problems


@pytest.mark.parametrize("weighted", [False, True])
def test_counts_and_shares_equal_the_formulas(weighted):
    votes = problems.ragged(0)
    weight = np.random.default_rng(0).random(votes.n_annotators) if weighted else None
    wanted = naive.vote(problems.triples(votes), votes.n_items, 3, weight)
    np.testing.assert_allclose(vote_counts(votes, weight), wanted, rtol=1e-14)
    np.testing.assert_allclose(vote_shares(votes, weight), naive.vote_shares(wanted), rtol=1e-14)


def test_shares_without_votes_are_zero():
    votes = problems.ragged(1)
    assert (vote_shares(votes)[0] == 0).all()
    assert (vote_shares(votes, np.zeros(votes.n_annotators)) == 0).all()


def test_weights_of_any_kind_of_number():
    votes = problems.ragged(2)
    weight = np.arange(votes.n_annotators)
    np.testing.assert_array_equal(vote_counts(votes, weight), vote_counts(votes, weight.tolist()))


def test_is_the_same_for_any_number_of_threads(monkeypatch):
    monkeypatch.setattr(_blocks, "_ANNOTATIONS_PER_BLOCK", 16)
    votes = problems.ragged(3, n_items=90, n_labels=500)
    weight = np.random.default_rng(3).random(votes.n_annotators)
    serial = vote_shares(votes, weight)
    for n_jobs in (2, 3):
        np.testing.assert_array_equal(vote_shares(votes, weight, n_jobs=n_jobs), serial)
