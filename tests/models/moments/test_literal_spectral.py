"""Spectral Dawid-Skene against the published algorithm, written out on its own."""

from __future__ import annotations

import numpy as np
import pytest

from aggregate import SpectralDawidSkene, simulate_annotations
from aggregate.metrics import accuracy
from aggregate.models._gold import gold_codes
from benchmarks import literal_spectral
from tests.published import PLAIN, busiest


def one_hot(votes):
    labels = np.zeros((votes.n_items, votes.n_annotators, votes.n_classes))
    labels[votes.item, votes.annotator, votes.label] = 1
    return labels


@pytest.mark.parametrize("n_classes", [2, 3, 4])
def test_without_averaging_the_estimate_is_the_published_one(n_classes):
    crowd = simulate_annotations(
        4000, 12, n_classes, labels_per_item=8, accuracy=(0.6, 0.9), random_state=0
    )
    model = SpectralDawidSkene(groups="mod", symmetric=False, ridge=0, refine=None, **PLAIN)
    found = model.fit(crowd.annotations).confusion_
    literal = literal_spectral.estimate(one_hot(crowd.annotations)).transpose(0, 2, 1)
    np.testing.assert_allclose(found, literal, atol=2e-3)  # M2 is made symmetric, or is not
    assert abs(found - crowd.confusion).mean() < 0.05


@pytest.mark.parametrize(
    ("data", "published"), [("bluebird", 10.19), ("rte", 7.12), ("dog", 16.11), ("web", 16.89)]
)
def test_its_conventions_give_the_published_figures(real, data, published):
    votes, truth = busiest(real, data)
    soft = literal_spectral.soft_labels(one_hot(votes))
    wrong = 100 - 100 * accuracy(soft, gold_codes(truth, votes))
    assert abs(wrong - published) < 0.01
