from __future__ import annotations

import io

import pytest

from aggregate.io import ReadError, read_annotations, read_gold


def read(content: bytes, **options):
    return read_gold(io.BytesIO(content), **options)


@pytest.mark.parametrize(
    "header",
    [
        "task,label",
        "question,truth",
        "item,gold",
        "item,label,gold_label",
        "worker,task,gold,label",
    ],
)
def test_truth_columns_are_recognised(header):
    names = header.split(",")
    row = ",".join("yes" if name in (names[-1], "gold") else "q1" for name in names)
    items, labels = read(f"{header}\n{row}\n".encode())
    assert (items.tolist(), labels.tolist()) == (["q1"], ["yes"])


def test_items_come_sorted_with_their_truth():
    gold = read(b"task,truth\n10,b\n9,a\n")
    assert gold.items.tolist() == [9, 10]
    assert gold.labels.tolist() == ["a", "b"]
    assert gold.report.columns == {"item": "task", "label": "truth"}
    assert gold.report.layout == "gold"


def test_columns_may_be_named():
    gold = read(b"a,b,c\n1,2,3\n", item="c", label="a")
    assert (gold.items.tolist(), gold.labels.tolist(), gold.report.guessed) == ([3], [1], False)
    assert gold.report.ignored_columns == ("b",)


def test_gold_is_spelt_as_votes_are():
    votes = read_annotations(io.BytesIO(b"task,worker,label\n1,x,1\n2,x,0\n"))
    items, labels = read(b'{"item": "1", "gold": "1"}\n')
    assert items[0] == votes.items[0]
    assert labels[0] == votes.classes[1]


def test_rows_without_truth_and_repeats_are_counted():
    gold = read(b"task,truth\n1,a\n1,a\n2,\n3,NA\n1,a\n")
    assert (gold.items.tolist(), gold.labels.tolist()) == ([1], ["a"])
    report = gold.report
    assert (report.rows, report.annotations, report.missing_labels) == (5, 1, 2)
    assert (report.repeats, report.dropped_repeats) == (2, 2)
    assert report.missing_as == {"": 1, "NA": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"task,truth\n1,a\n2,a\n1,b\n", r"gives 1 items more than one truth \(1\): keep one row"),
        (b"task,truth\n,a\n", r"1 labels have no item \(data rows 1"),
        (b"task,other\n1,a\n", "no column looks like the label"),
        (b"task,truth,gold\n1,a,a\n", "several columns could be the label: 'truth', 'gold'"),
    ],
)
def test_what_is_no_gold_is_refused(content, message):
    with pytest.raises(ReadError, match=message):
        read(content)


def test_no_truth_at_all_is_an_empty_answer():
    items, labels = read(b"task,truth\n1,\n")
    assert len(items) == len(labels) == 0
