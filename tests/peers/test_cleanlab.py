"""Beside cleanlab: CROWDLAB with a classifier's probabilities."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aggregate import CrowdLab
from tests.peers.conftest import drawn

multiannotator = pytest.importorskip("cleanlab.multiannotator", exc_type=ImportError)

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("labels_per_item", [3, 5])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_labels_and_their_quality(n_classes, labels_per_item):
    crowd = drawn(n_classes, labels_per_item=labels_per_item)
    random = np.random.default_rng(0)
    soft = random.dirichlet(np.ones(n_classes), size=300)
    soft[np.arange(300), crowd.truth] += 1
    soft /= soft.sum(axis=1, keepdims=True)
    table = crowd.matrix().astype(float)
    table[table < 0] = np.nan
    theirs = multiannotator.get_label_quality_multiannotator(
        pd.DataFrame(table), soft, return_detailed_quality=False, verbose=False
    )["label_quality"]
    ours = CrowdLab().fit(crowd.votes, classifier_probas=soft)
    # Having found a consensus, the peer weighs annotators and classifier once more by it.
    same = ours.labels_ == theirs["consensus_label"].to_numpy()
    assert same.mean() > 0.98
    quality = theirs["consensus_quality_score"].to_numpy()
    difference = abs(ours.probas_.max(axis=1) - quality)[same]
    assert np.median(difference) < 0.03
    assert np.corrcoef(ours.probas_.max(axis=1)[same], quality[same])[0, 1] > 0.95
