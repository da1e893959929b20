from __future__ import annotations

import pytest

from aggregate._columns import candidates, is_truth_name, looks_like_data, recognise_columns

NOTHING_NAMED = {"item": None, "annotator": None, "label": None}


@pytest.mark.parametrize(
    "header",
    [
        ("task", "worker", "label"),
        ("item", "annotator", "label"),
        ("question", "worker", "answer"),
        ("TaskID", "WorkerID", "Label"),
        ("_unit_id", "_worker_id", "judgment"),
        ("!amt_annotation_ids", "!amt_worker_ids", "orig_id", "response"),
        ("ASSIGNMENT:task_id", "ASSIGNMENT:worker_id", "answer"),
        ("subject_ids", "user_name", "value"),
        ("id", "rater_id", "rating"),
        ("HITId", "WorkerId", "Answer"),
    ],
)
def test_the_usual_headers_are_recognised(header):
    columns, guessed = recognise_columns(header, NOTHING_NAMED)
    assert guessed
    assert len(set(columns.values())) == 3


def test_plainer_names_go_first():
    columns, _ = recognise_columns(
        ["id", "image", "task", "source", "worker", "score", "label"], NOTHING_NAMED
    )
    assert columns == {"item": "task", "annotator": "worker", "label": "label"}


def test_named_columns_are_taken_and_free_the_others():
    columns, guessed = recognise_columns(
        ["task", "question", "worker", "label"], NOTHING_NAMED | {"item": "question"}
    )
    assert columns == {"item": "question", "annotator": "worker", "label": "label"}
    assert guessed
    named = {"item": "a", "annotator": "b", "label": "c"}
    assert recognise_columns("abc", named) == (named, False)


@pytest.mark.parametrize(
    ("header", "named", "message"),
    [
        (
            ["task", "worker"],
            {},
            "^no column looks like the label. The columns are 'task', 'worker'",
        ),
        (["a"], {}, "no column looks like the item; no column looks like the annotator; no column"),
        (
            ["task", "question", "worker", "label"],
            {},
            "several columns could be the item: 'task', 'question'",
        ),
        (
            ["task", "worker", "verdikt"],
            {"label": "verdict"},
            r"no column 'verdict' for the label \(did you mean 'verdikt'\?\)",
        ),
        (["task", "worker"], {"item": "task", "label": "task"}, "'task' is named for two roles"),
        (["task"], {}, "name them with item=, annotator=, label=."),
    ],
)
def test_all_that_is_unclear_is_told(header, named, message):
    with pytest.raises(ValueError, match=message):
        recognise_columns(header, NOTHING_NAMED | named)


def test_a_truth_column_goes_before_a_label_column():
    named = {"item": None, "label": None}
    header = ["task", "label", "Gold Label"]
    assert recognise_columns(header, named, truth=True)[0]["label"] == "Gold Label"
    assert recognise_columns(header, named)[0]["label"] == "label"
    assert recognise_columns(header[:2], named, truth=True)[0]["label"] == "label"
    assert is_truth_name("ground-truth")
    assert not is_truth_name("label")


def test_candidates_of_one_group_are_all_returned():
    assert candidates("annotator", ["Worker", "rater", "user"]) == ["Worker", "rater"]
    assert candidates("annotator", ["colour"]) == []


def test_a_header_of_numbers_is_data():
    assert looks_like_data(["0", "-1", "2.5"])
    assert not looks_like_data(["0", "a"])
    assert not looks_like_data([])
