from __future__ import annotations

import numpy as np
import pytest

from aggregate import Annotations, Wawa
from tests import naive, problems


@pytest.mark.parametrize("n_classes", [1, 2, 3, 12])
@pytest.mark.parametrize(
    ("ties", "ahead"), [("prior", naive.winners), ("first", naive.first_winner)]
)
def test_equals_the_formula(n_classes, ties, ahead):
    votes = problems.ragged(n_classes, n_classes=n_classes, n_labels=60)
    model = Wawa(ties=ties).fit(votes)
    weight, shares = naive.wawa(problems.triples(votes), problems.shape(votes), ahead)
    np.testing.assert_allclose(model.annotator_weight_, weight, rtol=1e-13)
    voted = shares.sum(axis=1) > 0
    np.testing.assert_allclose(model.probas_[voted], shares[voted], rtol=1e-12)
    np.testing.assert_allclose(model.probas_[~voted], [model.class_prior_] * (~voted).sum())


def test_a_stranger_gets_the_mean_weight():
    votes = problems.planted(0).votes
    model = Wawa().fit(votes)
    new = Annotations.from_columns([0, 0], [3, "stranger"], [0, 1])
    weight = np.array([model.annotator_weight_[3], model.annotator_weight_.mean(), 0])
    np.testing.assert_allclose(model.predict_proba(new), [weight / weight.sum()])


def test_trusts_those_who_agree():
    planted = problems.planted(1, n_items=1000, accuracy=(0.3, 0.95))
    real = np.einsum("jkk->j", planted.confusion) / 3
    assert np.corrcoef(Wawa().fit(planted.votes).annotator_weight_, real)[0, 1] > 0.8
