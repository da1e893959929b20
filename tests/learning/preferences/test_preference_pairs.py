"""Records of chosen and rejected answers become votes on pairs."""

from __future__ import annotations

import numpy as np
import pytest

from aggregate import Annotations, MajorityVote
from aggregate.learning import preference_labels, read_preferences


def test_every_vote_names_the_chosen_answer():
    rng = np.random.default_rng(0)
    two = np.array([rng.choice(6, 2, replace=False) for _ in range(200)])
    chosen, rejected = np.array([f"answer {i}" for i in range(6)])[two].T
    who, prompts = rng.integers(4, size=200), rng.integers(3, size=200)
    pairs = read_preferences(chosen, rejected, who, prompts=prompts)
    votes = pairs.annotations
    pair, said = votes.item, votes.classes[votes.label]
    better = np.where(said == "first", pairs.answers[0][pair], pairs.answers[1][pair])
    worse = np.where(said == "first", pairs.answers[1][pair], pairs.answers[0][pair])
    found = zip(pairs.prompts[pair], better, worse, votes.annotators[votes.annotator], strict=True)
    assert sorted(found) == sorted(zip(prompts, chosen, rejected, who, strict=True))
    distinct = {(p, *sorted(ab)) for p, *ab in zip(prompts, chosen, rejected, strict=True)}
    assert votes.n_items == len(distinct)


def test_the_order_of_records_has_no_effect():
    records = np.array([("b", "a", "x"), ("a", "b", "y"), ("c", "a", "x"), ("a", "c", "z")])
    one, other = (read_preferences(*part.T) for part in (records, records[::-1]))
    assert one.annotations.to_matrix().tolist() == other.annotations.to_matrix().tolist()
    assert [part.tolist() for part in one.answers] == [["a", "a"], ["b", "c"]]
    assert one.prompts is None


def test_answers_of_one_name_to_different_prompts():
    columns = (["Yes.", "No."], ["No.", "Yes."], ["ann", "ann"])
    assert read_preferences(*columns).annotations.n_items == 1
    apart = read_preferences(*columns, prompts=["Is it?", "Does it?"])
    assert apart.prompts.tolist() == ["Does it?", "Is it?"]
    model = MajorityVote().fit(apart.annotations)
    found = preference_labels(model, apart.annotations, answers=apart.answers)
    assert found.chosen.tolist() == ["No.", "Yes."]


def test_all_may_agree_on_the_first():
    pairs = read_preferences([1, 1], [2, 2], ["ann", "bob"])
    assert isinstance(pairs.annotations, Annotations)
    assert pairs.annotations.classes.tolist() == ["first", "second"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ((["a", "b"], ["b", "b"], [0, 1]), r"1 records prefer an answer to itself: 'b' \(row 1\)"),
        ((["a", None], ["b", "c"], [0, 1]), r"chosen must not be missing \(row 1\)"),
        ((["a", "b"], [None, "c"], [0, 1]), r"rejected must not be missing \(row 0\)"),
        ((["a", "b"], ["b"], [0, 1]), "rejected must have an entry for each of the 2 votes; got 1"),
        (("ab", "ba", [0, 1]), r"chosen must be a column with an entry per vote; got shape \(\)"),
        (([1, 2], ["2", 3], [0, 1]), "2 are answers as numbers and, elsewhere, as text \\('2'\\)"),
    ],
)
def test_refusals(columns, message):
    with pytest.raises(ValueError, match=message):
        read_preferences(*columns)


def test_prompts_that_do_not_fit():
    with pytest.raises(ValueError, match="prompts must have an entry for each of the 2 votes"):
        read_preferences(["a", "b"], ["b", "c"], [0, 1], prompts=["p"])


@pytest.mark.parametrize("answer", [[{"role": "user"}], {"role": "user"}, [1, 2]])
def test_answers_that_are_no_names(answer):
    with pytest.raises(ValueError, match=r"answers must be|must be a column") as raised:
        read_preferences([answer], [answer], ["ann"])
    said = [str(raised.value), *getattr(raised.value, "__notes__", [])]
    assert any("json.dumps" in part for part in said)


def test_numbers_and_words_may_stand_side_by_side():
    pairs = read_preferences([42, "none"], ["none", 42], ["ann", "bob"])
    assert pairs.annotations.to_matrix().tolist() == [["first", "second"]]
