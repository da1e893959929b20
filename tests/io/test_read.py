from __future__ import annotations

import gzip
import io
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import given

from aggregate import Annotations
from aggregate.io import read_annotations
from tests.strategies import calm, votes

LONG = b"task,worker,label\nq1,ann,yes\nq1,bob,no\nq2,ann,\n"
FRAME = pd.DataFrame(
    {
        "task": ["q1", "q1", "q2"],
        "worker": ["ann", "bob", "ann"],
        "label": ["yes", "no", None],
    }
)
EXPECTED = Annotations.from_frame(FRAME)


def read(content: bytes, **options) -> Annotations:
    return read_annotations(io.BytesIO(content), **options)


def content_of(form: str, frame: pd.DataFrame = FRAME) -> bytes:
    buffer = io.BytesIO()
    if form == "parquet":
        frame.to_parquet(buffer)
        return buffer.getvalue()
    if form == "jsonl":
        return frame.to_json(orient="records", lines=True).encode()
    return frame.to_csv(index=False, sep={"csv": ",", "tsv": "\t", "semicolon": ";"}[form]).encode()


@pytest.mark.parametrize("form", ["csv", "tsv", "semicolon", "parquet", "jsonl"])
@pytest.mark.parametrize("gzipped", [False, True])
def test_every_format_gives_the_same_whatever_the_file_is_called(form, gzipped, tmp_path):
    content = content_of(form)
    path = tmp_path / "votes.dat"
    path.write_bytes(gzip.compress(content) if gzipped else content)
    for given_format in (None, form):
        found = read_annotations(path, format=given_format)
        assert found == EXPECTED
        assert found.report.format == (f"{form} (gzip)" if gzipped else form)
        assert (found.report.source, found.report.layout) == (str(path), "long")
    assert read_annotations(str(path)) == EXPECTED


def test_the_report_counts_everything():
    content = (
        LONG.replace(b"label\n", b"label,time\n").replace(b"yes", b"yes,3").replace(b"no", b"no,3")
    )
    report = read(content.replace(b"q2,ann,", b"q2,ann,NA,4\nq1,bob,no,5")).report
    assert (report.rows, report.annotations, report.missing_labels) == (4, 3, 1)
    assert (report.repeats, report.dropped_repeats) == (1, 0)
    assert (report.empty_items, report.empty_annotators) == (1, 0)
    assert report.columns == {"item": "task", "annotator": "worker", "label": "label"}
    assert report.guessed
    assert report.ignored_columns == ("time",)
    assert report.missing_as == {"NA": 1}
    named = read(LONG, item="task", annotator="worker", label="label").report
    assert not named.guessed
    assert str(named).startswith("the given file object: csv, long\ncolumns (as named): item")


@calm
@given(votes(min_rows=1))
def test_what_was_written_is_read(drawn):
    frame = pd.DataFrame(dict(zip(("item", "annotator", "label"), drawn.columns, strict=True)))
    expected = Annotations.from_frame(frame)
    for form in ("csv", "jsonl"):
        assert read(content_of(form, frame)) == expected


# Text and numbers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "restored"),
    [
        (["1", "10", "-2"], [-2, 1, 10]),
        (["1", "007"], ["007", "1"]),
        (["0", "-0"], ["-0", "0"]),
        (["1", "+2"], ["+2", "1"]),
        (["1", "x"], ["1", "x"]),
        (["0.5", "-1.25"], [-1.25, 0.5]),
        (["0.5", "1"], [0.5, 1.0]),
        (["0.5", "1", "1.0"], ["0.5", "1", "1.0"]),
        (["0.5", "0.50"], ["0.5", "0.50"]),
        (["1e5", "2"], ["1e5", "2"]),
        (["inf", "1"], ["1", "inf"]),
        (["9223372036854775808", "1"], ["1", "9223372036854775808"]),
        (["True", "False"], ["False", "True"]),
    ],
)
def test_text_becomes_numbers_only_where_all_of_it_is(written, restored):
    rows = "".join(f"{label},{label},{label}\n" for label in written)
    found = read(f"item,annotator,label\n{rows}".encode())
    for table in (found.items, found.annotators, found.classes):
        assert table.tolist() == restored
        assert {type(value) for value in table.tolist()} == {type(restored[0])}
    lines = "".join(
        json.dumps(dict.fromkeys(("item", "annotator", "label"), one)) + "\n" for one in written
    )
    assert read(lines.encode()) == found


def test_types_that_a_file_declares_are_kept():
    for label in ([True, False], [1.0, 2.0], [1, 2]):
        table = pa.table({"task": ["a", "b"], "worker": [1, 1], "label": label})
        buffer = io.BytesIO()
        pa.parquet.write_table(table, buffer)
        assert read(buffer.getvalue()).classes.tolist() == sorted(label)
        rows = "".join(json.dumps(row) + "\n" for row in table.to_pylist())
        assert read(rows.encode()).classes.tolist() == sorted(label)


def test_declared_classes_follow_the_text():
    content = b"item,annotator,label\na,x,1\n"
    assert read(content, classes=["2", "1"]).classes.tolist() == [2, 1]
    assert read(content, classes=[2, 1]).classes.tolist() == [2, 1]
    assert read(content, classes=["no", "1"]).classes.tolist() == ["no", "1"]
    with pytest.raises(ValueError, match=r"not among the declared classes: 1. Declared are 2, 3"):
        read(content, classes=["2", "3"])


@pytest.mark.parametrize(
    "spelling", ["", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "<NA>"]
)
def test_the_usual_spellings_of_missing_labels(spelling):
    found = read(f"item,annotator,label\na,x,1\nb,x,{spelling}\n".encode())
    assert found.classes.tolist() == [1]
    assert found.report.missing_as == {spelling: 1}
    assert found.n_items == 2


def test_missing_labels_may_be_named_instead():
    content = b"item,annotator,label\na,x,skip\nb,x,NA\nc,x,yes\nd,x,\n"
    assert read(content, missing="skip").classes.tolist() == ["NA", "yes"]
    both = read(content, missing=["skip", "NA"])
    assert both.report.missing_as == {"skip": 1, "NA": 1, "": 1}
    numbers = b"item,annotator,label\na,x,-1\nb,x,1\n"
    assert read(numbers).classes.tolist() == [-1, 1]
    assert read(numbers, missing=-1).classes.tolist() == [1]
    buffer = io.BytesIO()
    pd.DataFrame({"item": [1, 2], "annotator": [1, 1], "label": [9.0, 1.0]}).to_parquet(buffer)
    assert read(buffer.getvalue(), missing="9").classes.tolist() == [1.0]


def test_na_is_a_name_like_any_other_for_items_and_annotators():
    found = read(b"item,annotator,label\nNA,null,yes\n")
    assert (found.items.tolist(), found.annotators.tolist()) == (["NA"], ["null"])


# Ways to write text --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + LONG,
        LONG.replace(b"\n", b"\r\n"),
        LONG.replace(b"\n", b"\r"),
        b"\n\n" + LONG.replace(b"q1,bob", b"\n\nq1,bob"),
        LONG.rstrip(b"\n"),
        b'"task","worker","label"\n"q1","ann","yes"\n"q1","bob","no"\n"q2","ann",""\n',
        b"task, worker, label\nq1, ann, yes\nq1 ,bob, no\nq2, ann,\n",
        b"note;task;worker;label\n1,2,3;q1;ann;yes\n1,2,3;q1;bob;no\n;q2;ann;\n",
    ],
    ids=["bom", "crlf", "cr", "blank lines", "no end", "quoted", "padded", "other commas"],
)
def test_text_is_written_in_many_ways(content):
    assert read(content) == EXPECTED


def test_values_may_hold_line_breaks_separators_and_quotes():
    found = read(b'task,worker,label\n"q\n1","a,b","5"" disk"\nq2,5" disk,c\n')
    assert found.items.tolist() == ["q\n1", "q2"]
    assert found.annotators.tolist() == ['5" disk', "a,b"]
    assert found.classes.tolist() == ['5" disk', "c"]


def test_an_odd_quotation_mark_inside_a_value_is_text():
    assert read(b'task,worker,label\nq,5" disk,c\n').annotators.tolist() == ['5" disk']


def test_a_file_object_is_read_from_where_it_stands_and_stays_open():
    file = io.BytesIO(b"skip" + LONG)
    file.seek(4)
    assert read_annotations(file) == EXPECTED
    assert not file.closed


class Pipe(io.RawIOBase):
    """Bytes that can be read once."""

    def __init__(self, content: bytes) -> None:
        self._file = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        return self._file.readinto(buffer)


@pytest.mark.parametrize("form", ["csv", "parquet", "jsonl"])
def test_standard_input_may_be_a_pipe(form, monkeypatch):
    content = content_of(form)
    for stream in (content, gzip.compress(content)):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(Pipe(stream))))
        found = read_annotations("-")
        assert found == EXPECTED
        assert found.report.source == "standard input"


def test_many_blocks_are_one_table(monkeypatch):
    """Blocks of text bring their own dictionaries; they must be put together."""
    for module in ("source", "delimited", "sniff"):
        monkeypatch.setattr(f"aggregate.io.{module}.LONGEST_LINE", 64)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.integers(0, 9, 500) for name in ("item", "annotator", "label")})
    assert read(content_of("csv", frame)) == Annotations.from_frame(frame)


def test_duplicates_follow_the_policy():
    content = b"item,annotator,label\na,x,2\na,x,1\n"
    assert read(content).n_annotations == 2
    assert read(content, on_duplicate="first").classes[0] == 1
    assert read(content, on_duplicate="last").report.dropped_repeats == 1
    with pytest.raises(ValueError, match=r"1 annotations repeat .* item 'a' by annotator 'x'"):
        read(content, on_duplicate="error")


def test_objects_may_lack_keys_and_hold_others():
    lines = b'{"task": 1, "worker": "x", "label": 2, "extra": [1]}\n\n{"worker": "y", "task": 2}\n'
    found = read(lines)
    assert (found.n_items, found.n_annotators, found.n_annotations) == (2, 2, 1)
    assert found.report.ignored_columns == ("extra",)
    assert read(b"\xef\xbb\xbf" + lines) == found


def test_large_whole_numbers_in_objects_are_names():
    line = json.dumps({"task": 2**70, "worker": 1, "label": 1}).encode()
    assert read(line).items.tolist() == [str(2**70)]
