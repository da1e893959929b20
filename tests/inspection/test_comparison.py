from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aggregate import (
    Annotations,
    DawidSkene,
    MajorityVote,
    Wawa,
    compare,
    load_dataset,
    simulate_annotations,
)
from aggregate.inspection import Comparison, ComparisonRow
from aggregate.metrics import accuracy, expected_calibration_error, log_loss
from aggregate.models import make_model, model_names


def test_every_model_has_its_own_figures():
    demo = load_dataset("demo")
    found = compare(demo.annotations, truth=demo.truth)
    assert [row.model for row in found.rows] == list(model_names())
    assert all(row.problem is None for row in found.rows)
    assert (found.n_items, found.n_known, found.n_held_out) == (400, 400, 0)
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


def test_without_a_truth_labels_are_set_aside():
    found = compare(load_dataset("anesthesia").annotations, ["dawid-skene", "pooled"])
    assert all(row.accuracy is None and row.log_loss is None for row in found.rows)
    assert all(row.held_out < 0 < row.held_out_error for row in found.rows)
    assert (found.rows[0].held_out_gain, found.rows[0].held_out_gain_error) == (0, 0)
    assert "accuracy" not in str(found)
    assert found.n_held_out == 315
    assert "nothing clearly beats the vote" in found.verdict
    assert "evidence, not proof" in found.verdict


def test_without_a_truth_or_folds_nobody_can_say():
    votes = load_dataset("anesthesia").annotations
    found = compare(votes, ["flying-squid"], n_folds=0)
    assert (found.rows[1].held_out, found.n_held_out) == (None, 0)
    assert found.verdict.startswith("Without a truth nobody can say")
    lonely = Annotations.from_matrix([[0, -1, -1], [1, -1, -1], [-1, 0, -1]])
    assert compare(lonely, ["dawid-skene"]).n_held_out == 0


def test_truth_and_folds_go_together():
    demo = load_dataset("demo")
    found = compare(demo.annotations, ["wawa"], demo.truth, n_folds=3)
    assert found.n_held_out == demo.annotations.n_annotations
    assert "known truth" in found.verdict
    assert "held-out" in str(found)
    with pytest.raises(ValueError, match="n_folds"):
        compare(demo.annotations, ["wawa"], n_folds=1)


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
    assert "All models give the same labels" in compare(votes, n_folds=0).verdict


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


class Refusing(DawidSkene):
    """Refuses votes, all of them or those with labels set aside."""

    def fit(self, X, y=None, *, gold=None):
        if self.max_iter == 1 or X.n_annotations < self.max_iter:
            raise RuntimeError("no such\n luck")
        return super().fit(X, y, gold=gold)


def test_a_model_that_fails_has_its_reason_in_its_row():
    demo = load_dataset("demo")
    found = compare(demo.annotations, {"mine": Refusing(max_iter=1), "wawa": Wawa()}, demo.truth)
    assert [row.model for row in found.rows] == ["majority-vote", "mine", "wawa"]
    assert found.rows[1].problem == "RuntimeError: no such luck"
    assert found.rows[1].accuracy is None
    assert "mine           not fitted: RuntimeError: no such luck" in str(found)
    assert "wawa beats majority vote" in found.verdict
    only = compare(demo.annotations, [Refusing(max_iter=1)], demo.truth)
    assert "nothing to compare it with" in only.verdict


def test_a_model_that_fails_without_some_labels_says_so():
    demo = load_dataset("demo")
    model = Refusing(max_iter=demo.annotations.n_annotations, tol=0)
    found = compare(demo.annotations, {"mine": model})
    row = found.rows[1]
    assert (row.problem, row.held_out) == (None, None)
    assert row.notes == ("not fitted without the labels set aside: RuntimeError: no such luck",)
    assert f"mine: {row.notes[0]}" in str(found)
    assert found.rows[0].held_out < 0


def test_warnings_are_told_beside_the_table():
    demo = load_dataset("demo")
    found = compare(demo.annotations, {"short": DawidSkene(max_iter=2)}, demo.truth)
    assert len(found.rows[1].notes) == 1
    assert "short: EM had not converged" in str(found)


def test_models_may_be_estimators():
    demo = load_dataset("demo")
    mine = DawidSkene(prior_strength=1)
    found = compare(demo.annotations, [mine, "wawa"], demo.truth)
    assert [row.model for row in found.rows] == [
        "majority-vote",
        "DawidSkene(prior_strength=1)",
        "wawa",
    ]
    assert found.rows[1].accuracy == accuracy(mine.probas_, codes_of(demo))
    alone = compare(demo.annotations, "wawa", n_folds=0)
    assert [row.model for row in alone.rows] == ["majority-vote", "wawa"]
    with pytest.raises(TypeError, match="got <class"):
        compare(demo.annotations, [DawidSkene])


def codes_of(demo):
    return np.searchsorted(demo.annotations.classes.astype(str), demo.truth.astype(str))


def test_votes_without_any_label_are_refused():
    empty = Annotations.from_matrix([[-1, -1]])
    with pytest.raises(ValueError, match="at least one label"):
        compare(empty)


def test_the_best_of_many_needs_a_clearer_lead():
    one = ComparisonRow("a", gain=0.02, gain_error=0.008, accuracy=0.9, disagreement=0.1)
    vote = ComparisonRow("majority-vote", gain=0.0, gain_error=0.0, accuracy=0.88)
    others = [replace(one, model=str(number), gain=0.0) for number in range(30)]
    assert "a beats majority vote" in Comparison((vote, one), 100, 100).verdict
    assert "luck for the best of 31" in Comparison((vote, one, *others), 100, 100).verdict


def test_a_comparison_as_a_table():
    demo = load_dataset("demo")
    table = compare(demo.annotations, ["wawa"], demo.truth).to_table()
    assert table["model"] == ["majority-vote", "wawa"]
    assert {len(column) for column in table.values()} == {2}
    assert table["notes"] == [None, None]


def test_order_and_names_do_not_matter():
    """The same figures whatever the order of rows and annotators and the names of classes."""
    votes = load_dataset("demo").annotations
    random = np.random.default_rng(0)
    order = random.permutation(votes.n_annotations)
    renamed = np.array(["z", "b", "a"])
    other = Annotations.from_columns(
        votes.items[votes.item][order],
        votes.annotators[votes.annotator][order],
        renamed[votes.label][order],
        known_annotators=random.permutation(votes.annotators),
        known_items=random.permutation(votes.items),
    )
    names = ["wawa", "dawid-skene", "glad"]
    for one, two in zip(compare(votes, names).rows, compare(other, names).rows, strict=True):
        assert two.held_out == pytest.approx(one.held_out, abs=1e-6)
        assert two.held_out_gain_error == pytest.approx(one.held_out_gain_error, abs=1e-6)


def test_a_bar_counts_the_fits(capsys):
    compare(load_dataset("demo").annotations, ["wawa"], n_folds=2, verbose=True)
    assert "6/6" in capsys.readouterr().err
    compare(load_dataset("demo").annotations, ["wawa"], n_folds=2)
    assert capsys.readouterr().err == ""
