from __future__ import annotations

import numpy as np
import pytest

from aggregate.kernels.pooled import pooled_sums
from tests import problems


@pytest.mark.parametrize("seed", range(3))
def test_sums_over_what_others_said(seed):
    votes = problems.ragged(seed)  # has repeats
    n_annotators, n_classes = votes.n_annotators, votes.n_classes
    found = [
        np.zeros(n_annotators),
        np.zeros((n_annotators, n_classes)),
        np.zeros((n_annotators, n_classes)),
        np.zeros((n_annotators, n_classes, n_classes)),
        np.zeros((n_annotators, n_classes, n_classes)),
    ]
    pooled_sums(votes.item_ptr, votes.annotator, votes.label, 0, votes.n_items, *found)
    expected = [np.zeros_like(array) for array in found]
    rows = problems.triples(votes)
    for i, j, y in rows:
        others = [label for item, annotator, label in rows if item == i and annotator != j]
        if not others:
            continue
        share = np.bincount(others, minlength=n_classes) / len(others)
        expected[0][j] += 1
        expected[1][j] += share
        expected[2][j, y] += 1
        expected[3][j, y] += share
        expected[4][j] += np.outer(share, share)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)
