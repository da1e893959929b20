from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aggregate import (
    Annotations,
    DawidSkene,
    MajorityVote,
    compare,
    load_dataset,
    simulate_annotations,
)
from aggregate.inspection import Comparison
from aggregate.metrics import accuracy, expected_calibration_error, log_loss
from aggregate.models import make_model, model_names


def test_every_model_has_its_own_figures():
    demo = load_dataset("demo")
    found = compare(demo.annotations, truth=demo.truth)
    assert [row.model for row in found.rows] == list(model_names())
    assert (found.n_items, found.n_known) == (400, 400)
    codes = np.searchsorted(demo.annotations.classes.astype(str), demo.truth.astype(str))
    vote = MajorityVote().fit(demo.annotations)
    for row in found.rows:
        model = make_model(row.model, random_state=0).fit(demo.annotations)
        assert row.accuracy == accuracy(model.probas_, codes)
        assert row.log_loss == log_loss(model.probas_, codes)
        assert row.calibration_error == expected_calibration_error(model.probas_, codes)
        assert row.disagreement == np.mean(model.labels_ != vote.labels_)
        assert row.confidence == model.probas_.max(axis=1).mean()
        assert row.gain == pytest.approx(row.accuracy - found.rows[0].accuracy)
        assert row.passes == model.n_iter_
    assert "beats majority vote by" in found.verdict
    assert found.verdict in str(found)


def test_without_a_truth_nothing_is_scored():
    found = compare(load_dataset("anesthesia").annotations)
    assert all(row.accuracy is None and row.log_loss is None for row in found.rows)
    assert "accuracy" not in str(found)
    assert "Without a truth" in found.verdict


def test_majority_vote_is_always_there_and_first():
    demo = load_dataset("demo")
    names = [row.model for row in compare(demo.annotations, ["wawa", "majority-vote"]).rows]
    assert names == ["majority-vote", "wawa"]
    alone = compare(demo.annotations, [])
    assert [row.model for row in alone.rows] == ["majority-vote"]
    assert "nothing to compare" in alone.verdict
    own = compare(demo.annotations, {"mine": DawidSkene(prior_strength=0, tol=0, max_iter=5)})
    assert [row.model for row in own.rows] == ["majority-vote", "mine"]


def test_it_says_when_nothing_beats_the_vote():
    """Equal annotators: the vote is the best there is."""
    crowd = simulate_annotations(300, 30, 2, labels_per_item=3, accuracy=0.8, random_state=2)
    found = compare(crowd.annotations, ["wawa"], truth=crowd.truth)
    assert found.rows[1].gain <= 0
    assert "Nothing beats majority vote on the 300 items" in found.verdict
    better = replace(found.rows[1], gain=0.01, gain_error=0.006)
    lucky = Comparison((found.rows[0], better), 300, 300)
    assert "ahead of majority vote by 1.00 points" in lucky.verdict
    assert "nothing clearly beats the vote" in lucky.verdict


def test_it_says_when_all_models_give_the_same_labels():
    votes = Annotations.from_matrix(np.repeat([[0], [1], [0]], 4, axis=1))
    assert "All models give the same labels" in compare(votes).verdict


def test_the_truth_may_be_known_in_part():
    demo = load_dataset("demo")
    known = dict(zip(demo.annotations.items[:50], demo.truth[:50], strict=True))
    found = compare(demo.annotations, ["wawa"], known)
    assert found.n_known == 50
    assert "the 50 items with known truth" in found.verdict


def test_what_cannot_be_compared_is_refused():
    votes = load_dataset("anesthesia").annotations
    with pytest.raises(ValueError, match="models must be one of 'majority-vote'"):
        compare(votes, ["best"])
    with pytest.raises(ValueError, match="missing for every item"):
        compare(votes, truth=[None] * 45)
    with pytest.raises(ValueError, match="none of the 1 gold items"):
        compare(votes, truth={"x": 1})


def test_a_model_that_refuses_the_votes_does_not_stop_the_others(monkeypatch):
    def refuse(self, X, **_):
        raise ValueError("three annotators are needed.")

    demo = load_dataset("demo")
    monkeypatch.setattr("aggregate.models.Wawa.fit", refuse)
    found = compare(demo.annotations)
    assert found.refused == {"wawa": "three annotators are needed."}
    assert "wawa" not in [row.model for row in found.rows]
    assert "wawa was not fitted: three annotators are needed." in str(found)
    with pytest.raises(ValueError, match="three annotators"):
        compare(demo.annotations, ["wawa"])
