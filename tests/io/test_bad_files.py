"""Every bad file gets one clear sentence."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys

import pandas as pd
import pytest

from aggregate.io import ReadError, read_annotations, read_gold

LONG = b"task,worker,label\nq1,ann,yes\nq1,bob,no\n"
PARQUET = io.BytesIO()
pd.DataFrame({"task": [1, 2], "worker": [1, 1], "label": [0, 1]}).to_parquet(PARQUET)
NESTED = io.BytesIO()
pd.DataFrame({"task": [1], "worker": [1], "label": [[0, 1]]}).to_parquet(NESTED)


def line(**record) -> bytes:
    return json.dumps({"task": 1, "worker": 1, "label": 1} | record).encode() + b"\n"


BAD = {
    "empty": (b"", "^{path} is empty: there is nothing to read"),
    "blank": (b"\n \n", "^{path} is empty: it holds only blank lines"),
    "empty gzip": (gzip.compress(b""), "is empty: there is nothing to read"),
    "header only": (b"task,worker,label\n", "^{path} has a header line but no rows"),
    "header without end": (b"task,worker,label", "has a header line but no rows"),
    "binary": (bytes(range(256)) * 20, "^{path} is a binary file; a table is needed as CSV"),
    "zip": (b"PK\x03\x04" + bytes(20), "a zip archive or a spreadsheet: save the sheet as CSV"),
    "utf-16": (LONG.decode().encode("utf-16"), "is UTF-16 text: save it as UTF-8"),
    "nul": (LONG + b"q1,c\0d,no\n", r"holds a NUL byte in line 4 \(byte 43\)"),
    "latin-1": (
        LONG + "q1,Zoë,no\n".encode("latin-1"),
        r"is not UTF-8: line 4 \(byte 44\) holds the byte 0xEB. Save it as UTF-8 \(for ",
    ),
    "latin-1 header": ("täsk,worker,label\n1,1,1\n".encode("latin-1"), "is not UTF-8: line 1"),
    "cut character": (LONG + "q1,ann,Ł".encode()[:-1], "is not UTF-8: line 4"),
    "one column": (b"label\nyes\n", "^{path} has one column only .'label'.: neither comma, "),
    "ragged": (
        LONG + b"q2,ann\n" + LONG,
        "^{path} has 2 values in line 4, but its header names 3 columns: complete that line",
    ),
    "ragged after break": (
        b'task,worker,label\n"q\n1",ann,yes\nq,1,2,3\n',
        "has 4 values in line 4, but its header names 3",
    ),
    "one value": (LONG + b"oops\n", "has 1 value in line 4, but"),
    "open quote": (
        LONG + b'q2,ann,"yes\n' + b"q3,ann,no\n" * 3,
        "^{path} opens a quotation mark in line 4 and never closes it: close it, or double it",
    ),
    "same names": (b"task,worker,label,label\n1,1,1,1\n", "has several columns named 'label': "),
    "ambiguous": (b"task,worker,label,answer\n1,1,1,1\n", "several columns could be the label: "),
    "no header": (b"0,17,1\n1,17,0\n", "Its first line looks like data: it must hold the names of"),
    "no annotator": (b"task,label\n1,1\n", "^{path}: no column looks like the annotator. The colu"),
    "no item value": (LONG + b",ann,no\n", r"1 labels have no item \(data rows 3, count"),
    "no annotator value": (LONG + b"q1,,no\n", "labels have no annotator .*give each an annotator"),
    "cut gzip": (gzip.compress(LONG * 9)[:-9], "^{path} is a damaged or cut-off gzip file"),
    "wrong gzip": (gzip.compress(LONG)[:12] + b"garbage", "is a damaged or cut-off gzip file"),
    "cut parquet": (PARQUET.getvalue()[:-9], "^{path} is a damaged or cut-off Parquet file"),
    "nested parquet": (NESTED.getvalue(), "column 'label' holds list<.*> values; each value must"),
    "json list": (b'[{"task": 1}]', "looks like one JSON list; write one object per line"),
    "cut json": (line() + b'{"task": 1, "wor', "has no complete JSON object in line 2"),
    "bare json": (line() + b"17\n", "holds 17 in line 2, where an object with named "),
    "split json": (b'{"task": 1}, {"task": 2}\n', "has no complete JSON object in line 1"),
    "deep json": (line() + b'{"a":' * 99_999 + b"\n", r"no complete JSON object in line 2 \(nest"),
    "mixed json": (
        line(label="a") + b"\n" + line(label=2),
        r"'label' mixes text \(line 1\) and a number \(line 3\); write all its values alike",
    ),
    "true and 1": (line(label=True) + line(), r"mixes true or false \(line 1\) and a number \(lin"),
    "listed json": (line(label=[1]), "'label' holds a list in line 1; each value must be text"),
    "nested json": (line() + line(task={"id": 1}), "'task' holds an object in line 2"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_files_get_one_clear_sentence(case, tmp_path):
    content, message = BAD[case]
    path = tmp_path / "votes.file"
    path.write_bytes(content)
    with pytest.raises(ReadError, match=message.replace("{path}", str(path))) as caught:
        read_annotations(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("case", ["ragged", "latin-1", "cut gzip", "cut parquet", "open quote"])
def test_broken_pipes_are_told_as_well(case, monkeypatch):
    content, message = BAD[case]
    reading, writing = os.pipe()
    with open(writing, "wb") as end:
        end.write(content)
    with open(reading, encoding="utf-8") as end:
        monkeypatch.setattr("sys.stdin", end)
        with pytest.raises(ReadError, match=message.replace("{path}", "standard input")):
            read_annotations("-")


def test_a_cause_is_kept():
    with pytest.raises(ReadError) as caught:
        read_annotations(io.BytesIO(PARQUET.getvalue()[:-9]))
    assert caught.value.__cause__ is not None


def test_a_missing_file_names_its_neighbour(tmp_path):
    (tmp_path / "votes.csv").write_bytes(LONG)
    with pytest.raises(ReadError, match=r"vote.csv does not exist. Did you mean .*votes.csv\?"):
        read_annotations(tmp_path / "vote.csv")
    with pytest.raises(ReadError, match=r"zzz does not exist.$"):
        read_annotations(tmp_path / "zzz")
    with pytest.raises(ReadError, match=r"nowhere/a.csv does not exist, nor does the folder"):
        read_annotations(tmp_path / "nowhere" / "a.csv")
    with pytest.raises(ReadError, match="is a folder: give one of the files in it"):
        read_annotations(tmp_path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_a_forbidden_file(tmp_path):
    path = tmp_path / "votes.csv"
    path.write_bytes(LONG)
    path.chmod(0)
    with pytest.raises(ReadError, match=r"votes.csv cannot be opened: Permission denied"):
        read_annotations(path)


def test_what_is_no_path_is_refused():
    with pytest.raises(
        TypeError, match="path must be a file name, '-' or a binary file object; got in"
    ):
        read_annotations(5)
    with pytest.raises(TypeError, match=r"must be opened in binary mode \('rb'\)"):
        read_annotations(io.StringIO("a,b"))


def test_a_column_named_wrongly_gets_a_hint():
    with pytest.raises(
        ReadError, match=r"no column 'labels' for the label \(did you mean 'label'\?\)"
    ):
        read_annotations(io.BytesIO(LONG), label="labels")


@pytest.mark.parametrize(
    ("content", "wanted", "message"),
    [
        (LONG, "parquet", "is no Parquet file, but format='parquet' was asked for"),
        (PARQUET.getvalue(), "csv", "is a Parquet file, but format='csv' was asked for"),
        (LONG, "jsonl", "has no complete JSON object in line 1"),
        (LONG, "tsv", "no column looks like the item"),
        (LONG, "xlsx", "format must be one of 'csv', 'tsv', 'semicolon', 'parquet', 'jsonl'"),
    ],
)
def test_a_format_that_does_not_fit_is_refused(content, wanted, message):
    with pytest.raises(ValueError, match=message):
        read_annotations(io.BytesIO(content), format=wanted)


class Endless(io.RawIOBase):
    """A gigabyte of one letter after a header, made as it is read; counts what was asked for."""

    def __init__(self, start: bytes, size: int = 1 << 30) -> None:
        self._start, self._size, self.given = start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def readinto(self, buffer) -> int:
        chunk = self._start or b"x" * min(len(buffer), self._size - self.given)
        chunk = chunk[: len(buffer)]
        self._start = self._start[len(chunk) :]
        buffer[: len(chunk)] = chunk
        self.given += len(chunk)
        return len(chunk)


@pytest.mark.parametrize("start", [b"", LONG, b'{"task": "', b'task,worker,label\nq,w,"'])
def test_a_line_of_a_gigabyte_is_given_up_early(start):
    stream = Endless(start)
    with pytest.raises(ReadError, match=r"has a (line|row).* of more than 8 MB"):
        read_annotations(stream)
    assert stream.given < 64 << 20


@pytest.mark.parametrize("start", [b"", LONG, b'{"task": "', b'task,worker,label\nq,w,"'])
@pytest.mark.parametrize("gzipped", [False, True])
def test_a_file_of_one_long_line_is_given_up_early(start, gzipped, tmp_path):
    content = start + b"x" * (9 << 20)
    path = tmp_path / "votes.csv"
    path.write_bytes(gzip.compress(content, 1) if gzipped else content)
    with pytest.raises(ReadError, match=r"has a (line|row).* of more than 8 MB"):
        read_annotations(path)


def test_no_copy_of_a_stream_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    read_annotations(io.BytesIO(LONG))
    for bad in (b"", LONG + b"1\n", Endless(b"")):
        with pytest.raises(ReadError):
            read_annotations(bad if isinstance(bad, Endless) else io.BytesIO(bad))
    assert list(tmp_path.iterdir()) == []


def test_python_ends_after_an_error():
    """Arrow's threads must not keep the interpreter from leaving."""
    code = (
        "import io\nfrom aggregate.io import read_annotations\n"
        "read_annotations(io.BytesIO(b'task,worker,label\\n1,1,1\\n2\\n'))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60
    )
    assert done.stderr.rstrip().endswith("quote values that hold the separator ','.")


def test_a_quote_left_open_over_many_lines_is_found():
    content = LONG + b'q2,ann,"yes\n' + b"q3,ann,no\n" * (1 << 20)
    with pytest.raises(ReadError, match="opens a quotation mark in line 4 and never closes it"):
        read_annotations(io.BytesIO(content))


def test_gold_files_are_checked_alike():
    with pytest.raises(ReadError, match="has 3 values in line 3, but its header names 2 columns"):
        read_gold(io.BytesIO(b"task,truth\n1,1\n2,2,2\n"))
