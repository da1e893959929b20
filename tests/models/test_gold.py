from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aggregate import Annotations, DawidSkene, IterativeWeightedVote, MajorityVote, Wawa
from aggregate.models._gold import gold_codes, score_on_gold
from tests import problems

every = pytest.mark.parametrize("model", [MajorityVote, Wawa, IterativeWeightedVote, DawidSkene])


@pytest.fixture
def votes():
    return Annotations.from_columns(
        ["a", "a", "a", "b", "b", "c"], ["u", "u", "v", "u", "v", "v"],
        ["no", "yes", "yes", "yes", "yes", "no"], known_annotators=["u", "v", "silent"],
    )  # fmt: skip


class TestReading:
    @pytest.mark.parametrize(
        "gold",
        [
            {"a": "yes", "c": "no"},
            {"a": "yes", "b": None, "c": "no"},
            ["yes", None, "no"],
            ["yes", np.nan, "no"],
            ["yes", -1, "no"],
            np.array(["yes", None, "no"], dtype=object),
            pd.Series(["yes", None, "no"]),
            pd.Series(["yes", pd.NA, "no"], dtype="string"),
            pd.Categorical(["yes", None, "no"]),
            pd.Series(["no", None, "yes"], index=["c", "b", "a"]),  # by name, not by order
            pd.Series(["no", "yes"], index=["c", "a"]),
            pd.Series(["yes", None, "no"], index=["x", "y", "z"]),  # names of something else
        ],
        ids=str,
    )
    def test_all_forms(self, votes, gold):
        assert gold_codes(gold, votes).tolist() == [1, -1, 0]

    def test_positions_are_no_names(self):
        votes = Annotations.from_columns([1, 2, 3], ["u"] * 3, [0, 1, 0])
        assert gold_codes(pd.Series([0, None, 1]), votes).tolist() == [0, -1, 1]
        matrix = Annotations.from_matrix([[0, 1], [1, 1], [1, 0]])
        shuffled = pd.Series([0, None, 1], index=[2, 0, 1])
        assert gold_codes(shuffled, matrix).tolist() == [0, -1, 1]

    @pytest.mark.parametrize(
        "gold", [None, {}, [None, None, None], [-1, -1, -1], {"a": None}, np.full(3, np.nan)]
    )
    def test_nothing_known(self, votes, gold):
        assert gold_codes(gold, votes) is None

    def test_numbers_match_by_value(self):
        votes = Annotations.from_matrix([[0, 1], [2, 2], [1, 1]])
        for gold in ([2.0, np.nan, 0.0], [2, -1, 0], np.array([2, -1, 0], dtype=np.int8)):
            assert gold_codes(gold, votes).tolist() == [2, -1, 0]

    def test_minus_one_that_is_a_class(self):
        votes = Annotations.from_matrix([[-1, 1], [1, 1]], missing=None)
        assert gold_codes([-1, None], votes).tolist() == [0, -1]

    def test_empty_strings_are_no_missing_value(self, votes):
        with pytest.raises(ValueError, match="gold holds classes that no annotator used: ''"):
            gold_codes(["yes", "", "no"], votes)

    def test_a_class_nobody_used(self, votes):
        with pytest.raises(ValueError, match=r"no annotator used: 'maybe'; .* declare all classes"):
            gold_codes({"a": "maybe"}, votes)
        declared = Annotations.from_columns(["a"], ["u"], ["no"], classes=["no", "yes", "maybe"])
        assert gold_codes({"a": "maybe"}, declared).tolist() == [2]

    def test_a_wrong_length(self, votes):
        with pytest.raises(ValueError, match=r"one entry per item, 3, .*; got 2\. For a few items"):
            gold_codes(["yes", "no"], votes)
        with pytest.raises(ValueError, match=r"one entry per item, 3, .*; got True"):
            gold_codes(True, votes)

    def test_1_is_not_the_text_1(self):
        votes = Annotations.from_columns(["1", "2"], ["u", "u"], [0, 1])
        with pytest.raises(ValueError, match=r"none of the 2 gold items is .* 1, 2, the .* '1'"):
            gold_codes({1: 0, 2: 1}, votes)
        numbers = Annotations.from_columns([1, 2], ["u", "u"], ["0", "1"])
        with pytest.raises(ValueError, match="no annotator used: 0; the classes are '0', '1'"):
            gold_codes({1: 0}, numbers)

    def test_unknown_items_are_left_out_with_a_warning(self, votes):
        with pytest.warns(UserWarning, match="2 gold items are not among .* left out: 'y', 'z'"):
            codes = gold_codes({"a": "yes", "y": "no", "z": "no"}, votes)
        assert codes.tolist() == [1, -1, -1]


class TestScoring:
    def test_repeats_count(self, votes):
        given, correct = score_on_gold(votes, np.array([1, -1, 0]))
        assert given.tolist() == [2, 2, 0]
        assert correct.tolist() == [1, 2, 0]

    def test_without_gold(self, votes):
        given, correct = score_on_gold(votes, None)
        assert given.tolist() == correct.tolist() == [0, 0, 0]
        assert given.dtype == correct.dtype == np.int64


@every
class TestModels:
    def test_items_keep_their_gold(self, model, votes):
        fitted = model().fit(votes, gold={"a": "no", "b": "no"})
        assert fitted.labels_.tolist()[:2] == ["no", "no"]
        np.testing.assert_array_equal(fitted.probas_[:2], [[1, 0], [1, 0]])
        assert fitted.gold_given_.tolist() == [3, 2, 0]
        assert fitted.gold_correct_.tolist() == [1, 0, 0]

    def test_predictions_do_not_know_gold(self, model, votes):
        fitted = model().fit(votes, gold={"b": "no"})
        assert fitted.labels_[1] == "no"
        assert fitted.predict_proba(votes)[1, 1] > 0.2

    def test_gold_judges_annotators(self, model):
        planted = problems.planted(0, n_items=300)
        without = model().fit(planted.votes)
        known = model().fit(planted.votes, gold=planted.truth)
        right = planted.votes.label == planted.truth[planted.votes.item]
        accuracy = np.bincount(planted.votes.annotator, right) / planted.votes.labels_per_annotator
        error = [abs(fitted.annotator_skill_ - accuracy).mean() for fitted in (known, without)]
        assert error[0] < error[1]
        np.testing.assert_array_equal(known.labels_, planted.truth)
        np.testing.assert_allclose(known.gold_correct_ / known.gold_given_, accuracy)

    def test_a_gold_item_without_votes(self, model):
        votes = Annotations.from_columns([1, 2, 2], [0, 0, 1], [0, 1, 1], known_items=[1, 2, 3])
        fitted = model().fit(votes, gold={3: 0})
        assert fitted.labels_[2] == 0
        assert fitted.probas_[2].tolist() == [1, 0]

    def test_a_table_takes_an_array(self, model):
        table = problems.planted(0).votes.to_matrix()
        gold = np.where(np.arange(200) < 20, 0, -1)
        assert (model().fit(table, gold=gold).labels_[:20] == 0).all()

    def test_the_warning_points_at_the_call(self, model, votes):
        with pytest.warns(UserWarning, match="1 gold items are not among") as caught:
            model().fit(votes, gold={"a": "yes", "z": "no"})
        assert caught[0].filename == __file__


def test_gold_contradicted_by_everybody():
    """Strong evidence against gold must not turn into 0/0."""
    table = np.zeros((50, 200), dtype=int)
    table[25:] = 1
    gold = np.full(50, -1)
    gold[0] = 1
    fitted = DawidSkene(prior_strength=0).fit(table, gold=gold)
    assert np.isfinite(fitted.confusion_).all()
    assert np.isfinite(fitted.objective_path_).all()
    assert fitted.labels_.tolist() == [1] + [0] * 24 + [1] * 25
