"""Moments of parts add up to the moments of the whole, exactly."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from aggregate import distributed, moments
from tests import problems
from tests.distributed.crowds import spread

VOTES = problems.ragged(0, n_items=30, n_annotators=6, n_labels=120)


def known(votes):
    """Return the votes with the annotators who gave a label: others do not travel in rows."""
    return votes.select(annotators=np.flatnonzero(votes.labels_per_annotator > 0))


@pytest.mark.parametrize("n_parts", [1, 4, 30])
class TestSums:
    def test_label_shares(self, n_parts):
        counts = distributed.label_shares(spread(VOTES, n_parts=n_parts)).counts
        np.testing.assert_array_equal(counts, moments.label_shares(known(VOTES)).counts)

    def test_pairs(self, n_parts):
        found = distributed.pair_moments(spread(VOTES, n_parts=n_parts))
        wanted = moments.pair_moments(known(VOTES))
        np.testing.assert_array_equal(found.pairs, wanted.pairs)
        np.testing.assert_array_equal(found.counts, wanted.counts)

    def test_triples(self, n_parts):
        triples = [*combinations(range(5), 3), (4, 2, 0)]
        found = distributed.triple_moments(spread(VOTES, n_parts=n_parts), triples)
        wanted = moments.triple_moments(known(VOTES), triples)
        np.testing.assert_array_equal(found.triples, wanted.triples)
        np.testing.assert_array_equal(found.counts, wanted.counts)


def test_triples_that_share_no_item_are_left_out():
    votes = problems.from_codes([0, 0, 0, 1], [0, 1, 2, 3], [0, 1, 1, 0], (2, 4, 2))
    found = distributed.triple_moments(spread(votes), [[1, 2, 3], [0, 1, 2]])
    assert found.triples.tolist() == [[0, 1, 2]]


def test_unknown_annotators_are_refused():
    with pytest.raises(ValueError, match="three different annotators"):
        distributed.triple_moments(spread(VOTES), [[0, 1, 5]])
