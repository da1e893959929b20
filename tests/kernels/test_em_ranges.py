from __future__ import annotations

import numpy as np
import pytest

from aggregate.kernels.em import posterior_counts
from aggregate.kernels.em_ranges import add_posteriors
from tests import naive, problems
from tests.kernels.em_tables import CLASSES, MANY, codes, kernel_for, to_confusion, to_table


@pytest.mark.parametrize("n_classes", CLASSES + MANY)
@pytest.mark.parametrize("n_labels", [40, 3000])
def test_posteriors_added_by_ranges_are_the_counts_to_the_last_bit(n_classes, n_labels):
    votes = problems.ragged(n_classes, n_classes=n_classes, n_labels=n_labels)
    confusion, prior = problems.random_parameters(3, votes.n_annotators, n_classes)
    weight = np.arange(votes.n_items) % 3 + 0.5
    gold = np.where(np.arange(votes.n_items) % 4 == 0, 0, -1).astype(np.int32)
    kernel, unit = kernel_for(n_classes)
    first, last = 2, votes.n_items - 1
    n_rows = votes.n_annotators * n_classes
    one, two = np.zeros((n_rows, n_classes)), np.zeros((n_rows, n_classes))
    masses, nothing = np.zeros((2, n_classes)), np.empty((0, n_classes))
    posterior = np.full((last - first, n_classes), np.nan)
    given = votes.item_ptr, codes(votes), gold, weight, prior, to_table(confusion), first, last
    value = kernel(*given, one, masses[0], nothing, unit)
    assert kernel(*given, nothing, masses[1], posterior, unit) == value
    for rows in ((0, 1), (1, n_rows // 2), (n_rows // 2, n_rows)):
        add_posteriors(*given[:2], posterior, first, last, *rows, two, unit)
    np.testing.assert_array_equal(two, one)
    np.testing.assert_array_equal(*masses)
    labelled = votes.labels_per_item[first:last] > 0
    np.testing.assert_allclose(
        posterior[labelled].sum(axis=1), weight[first:last][labelled], rtol=1e-12
    )


class TestPosteriorCounts:
    @pytest.mark.parametrize("n_classes", CLASSES)
    def test_equals_the_formula(self, n_classes):
        votes = problems.ragged(8, n_classes=n_classes)
        posterior = np.random.default_rng(8).dirichlet(np.ones(n_classes), size=votes.n_items)
        posterior[0] = 0
        counts = np.zeros((votes.n_annotators * n_classes, n_classes))
        mass = np.zeros(n_classes)
        posterior_counts(votes.item_ptr, codes(votes), posterior, 0, 7, counts, mass)
        posterior_counts(votes.item_ptr, codes(votes), posterior, 7, votes.n_items, counts, mass)
        table, items = naive.counts(problems.triples(votes), posterior, votes.n_annotators)
        np.testing.assert_allclose(to_confusion(counts), table, rtol=1e-13, atol=1e-15)
        np.testing.assert_allclose(mass, items, rtol=1e-13)
