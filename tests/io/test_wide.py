from __future__ import annotations

import io

import pandas as pd
import pytest

from aggregate import Annotations
from aggregate.io import ReadError, read_annotations

WIDE = b"task,ann,bob\nq1,yes,no\nq2,no,\nq3,,\n"
EXPECTED = Annotations.from_columns(
    ["q1", "q1", "q2", "q3"], ["ann", "bob", "ann", "ann"], ["yes", "no", "no", None]
)


def read(content: bytes, **options) -> Annotations:
    return read_annotations(io.BytesIO(content), **options)


def test_a_wide_table_is_recognised_by_its_names():
    for options in ({}, {"layout": "wide"}, {"item": "task"}):
        found = read(WIDE, **options)
        assert found == EXPECTED
        assert found.report.layout == "wide"
    assert (found.report.rows, found.report.missing_labels, found.report.empty_items) == (6, 3, 1)
    assert found.report.columns == {"item": "task"}


def test_every_format_may_be_wide():
    frame = pd.read_csv(io.BytesIO(WIDE))
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    lines = frame.to_json(orient="records", lines=True).encode()
    for content in (buffer.getvalue(), lines, WIDE.replace(b",", b"\t")):
        assert read(content) == EXPECTED


def test_annotators_without_a_label_are_kept():
    found = read(b"item,a,b,c\nq,1,1,\n")
    assert found.annotators.tolist() == ["a", "b", "c"]
    assert found.report.empty_annotators == 1


def test_numbers_are_restored_over_all_columns():
    found = read(b"item,1,2\n7,0,1\n8,1,1\n")
    assert (found.items.tolist(), found.annotators.tolist()) == ([7, 8], [1, 2])
    assert found.classes.tolist() == [0, 1]


def test_whole_numbers_beside_missing_ones():
    frame = pd.DataFrame({"item": [1, 2], "a": [1.0, None], "b": [1, 2]})
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    assert read(buffer.getvalue()).classes.tolist() == [1.0, 2.0]


def test_a_key_that_comes_late_is_an_annotator_too():
    lines = b'{"item": 1, "a": "x", "b": "x"}\n' * 1001 + b'{"item": 2, "c": "x"}\n'
    found = read(lines)
    assert found.annotators.tolist() == ["a", "b", "c"]
    assert found.n_annotations == 2003


def test_repeated_items_are_repeats():
    found = read(b"item,a,b\nq,1,1\nq,2,1\n", on_duplicate="last")
    assert found.to_matrix().tolist() == [[2, 1]]


def test_a_truth_column_is_no_annotator():
    found = read(b"item,a,gold,b\nq,1,1,1\n")
    assert found.annotators.tolist() == ["a", "b"]
    assert found.report.ignored_columns == ("gold",)


def test_minus_one_is_a_missing_label():
    found = read(b"item,a,b\nq,0,-1\nr,2,0\n")
    assert found.classes.tolist() == [0, 2]
    assert found.report.missing_as == {"-1": 1}
    undecided = b"item,a,b\nq,1,-1\nr,-1,1\n"
    with pytest.raises(ReadError, match="only -1 and 1: is -1 a label or a missing one"):
        read(undecided)
    assert read(undecided, missing=-1).classes.tolist() == [1]
    assert read(undecided, missing="").classes.tolist() == [-1, 1]
    assert read(undecided, classes=[0, 1]).classes.tolist() == [0, 1]
    assert read(b"item,a,b\nq,x,-1\nr,-1,x\n").classes.tolist() == ["-1", "x"]


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (
            b"question,person,decision\nq1,ann,yes\nq2,ann,yes\n",
            {},
            "looks like a wide table.*but 'person', 'decision' shares no label with another column",
        ),
        (b"task,ann,label\n1,1,1\n", {}, "no column looks like the annotator"),
        (
            b"task,ann\n1,1\n",
            {},
            "no column looks like the annotator; no column looks like the lab",
        ),
        (b",ann,bob\n1,1,1\n", {"layout": "wide"}, "no column looks like the item"),
        (b"task,,ann,bob\n1,0,1,1\n", {}, "column 2 has no name, and in a wide table"),
        (
            b"task,truth\n1,1\n",
            {"layout": "wide"},
            "needs one column per annotator beside the item",
        ),
        (WIDE, {"layout": "wide", "label": "ann"}, "one column per annotator: name only item="),
        (b"task,a,b\n,1,1\n", {}, r"2 labels have no item \(data rows 1, 2"),
        (WIDE, {"layout": "tall"}, "layout must be one of 'long', 'wide'; got 'tall'"),
    ],
)
def test_what_is_no_wide_table_is_refused(content, options, message):
    with pytest.raises(ReadError, match=message):
        read(content, **options)


def test_a_table_said_to_be_wide_is_believed():
    found = read(b"question,person,decision\nq1,ann,yes\n", layout="wide")
    assert found.annotators.tolist() == ["decision", "person"]


def test_columns_of_different_kinds_are_refused():
    buffer = io.BytesIO()
    pd.DataFrame({"item": [1], "a": ["x"], "b": [1]}).to_parquet(buffer)
    with pytest.raises(ReadError, match=r"columns of labels differ in kind \('b' holds int64, 'a'"):
        read(buffer.getvalue(), layout="wide")
