"""Beside krippendorff and statsmodels: the same coefficients on the same votes."""

from __future__ import annotations

import numpy as np
import pytest

from aggregate.fusion import vote_counts
from aggregate.metrics import fleiss_kappa, krippendorff_alpha, pair_agreement
from tests import problems
from tests.metrics.agreement.test_alpha import OBSERVERS

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("scale", ["nominal", "ordinal", "interval", "ratio"])
@pytest.mark.parametrize("seed", range(3))
def test_krippendorff(scale, seed):
    peer = pytest.importorskip("krippendorff")
    votes = problems.ragged(seed, n_items=40, n_classes=5, n_labels=120)
    wanted = peer.alpha(
        value_counts=vote_counts(votes).astype(int),
        value_domain=np.arange(5),
        level_of_measurement=scale,
    )
    assert krippendorff_alpha(votes, scale=scale).value == pytest.approx(wanted, rel=1e-10)


@pytest.mark.parametrize("scale", ["nominal", "ordinal", "interval", "ratio"])
def test_krippendorff_with_gaps(scale):
    peer = pytest.importorskip("krippendorff")
    wanted = peer.alpha(reliability_data=OBSERVERS, level_of_measurement=scale)
    found = krippendorff_alpha(OBSERVERS.T, scale=scale)
    assert found.value == pytest.approx(wanted, rel=1e-10)


def test_statsmodels_fleiss():
    peer = pytest.importorskip("statsmodels.stats.inter_rater")
    votes = problems.planted(1).votes
    wanted = peer.fleiss_kappa(vote_counts(votes).astype(int))
    assert fleiss_kappa(votes).value == pytest.approx(wanted, rel=1e-10)


@pytest.mark.parametrize(
    ("weights", "name"), [(None, None), ("linear", "linear"), ("quadratic", "fc")]
)
def test_statsmodels_cohen(weights, name):
    peer = pytest.importorskip("statsmodels.stats.inter_rater")
    votes = problems.planted(2, n_items=300, n_annotators=2, per_item=2).votes
    table = np.zeros((3, 3))
    matrix = votes.to_matrix()
    np.add.at(table, (matrix[:, 0], matrix[:, 1]), 1)
    wanted = peer.cohens_kappa(table, wt=name)
    found = pair_agreement(votes, weights=weights)
    assert found.value[0] == pytest.approx(wanted.kappa, rel=1e-10)
    assert found.standard_error[0] == pytest.approx(wanted.std_kappa * np.sqrt(300 / 299), rel=1e-8)
