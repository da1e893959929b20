"""What every model of the registry must survive and accept, whatever room it lives in."""

from __future__ import annotations

import numpy as np
import pytest

from aggregate import Annotations
from aggregate.models import make_model, model_names
from tests import problems
from tests.models.test_degenerate import VOTES

every = pytest.mark.parametrize("name", model_names())
BY_PAIRS = {  # whose work grows with the square of the annotators on an item
    "auto", "calibrated", "cbcc", "coupled-nmf", "mmsr", "multispa", "symmetric-nmf", "tensor",
}  # fmt: skip
SMALLER = VOTES["600 labels on an item"].select(annotators=range(60))
OPTIONS = {"ebcc": {"n_init": 2}, "mace": {"n_init": 2}, "mmsr": {"max_iter": 20}}

pytestmark = [  # falling back to the vote, a class lost, passes used up: said, and no more
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


def model(name):
    return make_model(name, random_state=0).set_params(**OPTIONS.get(name, {}))


@every
@pytest.mark.parametrize("case", VOTES)
def test_edges(name, case):
    votes = SMALLER if name in BY_PAIRS and case == "600 labels on an item" else VOTES[case]
    fitted = model(name).fit(votes)
    for probas in (fitted.probas_, fitted.predict_proba(votes)):
        assert probas.shape == (votes.n_items, votes.n_classes)
        assert np.isfinite(probas).all()
        np.testing.assert_allclose(probas.sum(axis=1), 1, rtol=1e-9)
    assert fitted.labels_.shape == (votes.n_items,)
    assert fitted.annotator_skill_.shape == (votes.n_annotators,)
    assert np.isfinite(fitted.annotator_skill_).all()
    assert fitted.class_prior_.sum() == pytest.approx(1)
    assert np.isfinite(fitted.score(votes))


@every
def test_gold_is_kept_and_counted(name):
    crowd = problems.planted(11, n_items=60, accuracy=(0.75, 0.9))
    gold = {0: (int(crowd.truth[0]) + 1) % 3, 1: int(crowd.truth[1])}
    fitted = model(name).fit(crowd.votes, gold=gold)
    assert fitted.labels_[:2].tolist() == list(gold.values())
    assert (fitted.probas_[:2].max(axis=1) == 1).all()
    assert fitted.gold_given_.sum() == (crowd.votes.item < 2).sum()


@every
def test_missing_labels_are_no_class(name):
    """A table with holes and the labels that it holds are the same votes."""
    crowd = problems.planted(12, n_items=60)
    table = np.full((60, 8), None, dtype=object)
    table[crowd.votes.item, crowd.votes.annotator] = crowd.votes.label
    holes, columns = model(name).fit(table), model(name).fit(crowd.votes)
    assert holes.classes_.tolist() == [0, 1, 2]
    np.testing.assert_allclose(holes.probas_, columns.probas_, atol=1e-12)


@every
def test_finds_a_planted_truth(name):
    """Good annotators and two spammers on two classes, which every model can take."""
    crowd = problems.planted(
        13, n_items=400, n_annotators=9, n_classes=2, per_item=9, accuracy=(0.7, 0.85)
    )
    table = crowd.votes.to_matrix()
    table[:, 7:] = np.random.default_rng(0).integers(0, 2, size=(400, 2))
    fitted = model(name).fit(Annotations.from_matrix(table))
    assert (fitted.labels_ == crowd.truth).mean() > 0.9
    if name != "pooled" and len(np.unique(fitted.annotator_skill_)) > 1:
        assert fitted.annotator_skill_[:7].min() > fitted.annotator_skill_[7:].max() - 0.05
