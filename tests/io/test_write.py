from __future__ import annotations

import gzip
import json
import os
import stat

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from aggregate.io import WriteError, read_annotations, write_table

COLUMNS = {
    "item": np.array(["q,1", 'q"2', "q\n3", "ß"], dtype=object),
    "confidence": np.array([0.1, 1.0, np.nan, 1 / 3]),
    "votes": np.array([3, 2, 1, 0]),
    "label": ["yes", None, "no", "NA"],
}
CSV = """item,confidence,votes,label
"q,1",0.1,3,yes
"q""2",1.0,2,
"q
3",,1,no
ß,0.3333333333333333,0,NA
"""


def test_csv_is_plain_and_exact(tmp_path):
    write_table(COLUMNS, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text("utf-8") == CSV
    write_table(COLUMNS, str(tmp_path / "out.CSV.gz"))
    zipped = (tmp_path / "out.CSV.gz").read_bytes()
    assert gzip.decompress(zipped).decode() == CSV
    write_table(COLUMNS, tmp_path / "out.csv.gz")
    assert (tmp_path / "out.csv.gz").read_bytes() == zipped


def test_tsv_parquet_and_json_lines(tmp_path):
    write_table({"a": [1, 2], "b": ["x", "y\tz"]}, tmp_path / "out.tsv")
    assert (tmp_path / "out.tsv").read_text() == 'a\tb\n1\tx\n2\t"y\tz"\n'
    write_table(COLUMNS, tmp_path / "out.jsonl")
    lines = (tmp_path / "out.jsonl").read_text("utf-8").splitlines()
    assert json.loads(lines[1]) == {"item": 'q"2', "confidence": 1.0, "votes": 2, "label": None}
    assert json.loads(lines[2])["confidence"] is None
    write_table(COLUMNS, tmp_path / "out.parquet")
    table = pa.parquet.read_table(tmp_path / "out.parquet")
    assert table["item"].to_pylist() == COLUMNS["item"].tolist()
    assert table["confidence"].null_count == 1


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".ndjson", ".parquet"])
@pytest.mark.parametrize("zipped", ["", ".gz"])
def test_what_is_written_can_be_read(ending, zipped, tmp_path):
    rng = np.random.default_rng(0)
    columns = {
        "item": [f"q,{i}\n" for i in rng.integers(0, 50, 300)],
        "annotator": rng.integers(0, 9, 300),
        "label": rng.integers(0, 3, 300),
    }
    path = tmp_path / f"votes{ending}{zipped}"
    write_table(columns, path)
    assert read_annotations(path).items.tolist() == sorted(set(columns["item"]))
    assert read_annotations(path).report.format.endswith("(gzip)") == bool(zipped)


def test_more_rows_than_are_written_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("aggregate.io.write._ROWS_AT_ONCE", 7)
    for ending in ("csv", "jsonl"):
        write_table({"a": range(20)}, tmp_path / f"out.{ending}")
    assert (tmp_path / "out.csv").read_text() == "a\n" + "".join(f"{i}\n" for i in range(20))
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 20


def test_values_of_several_kinds_are_written_as_text(tmp_path):
    write_table({"a": np.array([1, "x", None, np.nan], dtype=object)}, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().splitlines() == ["a", "1", "x", '""', '""']


class Faulty:
    """A column that fails, or is interrupted, while it is written."""

    def __init__(self, error: type[BaseException]) -> None:
        self._error = error

    def __call__(self, table, file, *rest) -> None:
        file.write(b"half a ")
        raise self._error("now")


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, MemoryError])
@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz"])
def test_a_failure_leaves_nothing_and_keeps_what_was_there(error, name, tmp_path, monkeypatch):
    monkeypatch.setitem(write_table.__globals__["_WRITERS"], ".csv", Faulty(error))
    with pytest.raises(error):
        write_table({"a": [1]}, tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / name).write_text("old")
    with pytest.raises(error):
        write_table({"a": [1]}, tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "old"


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteError, match="cannot be written: No space left on device; nothing was"):
        write_table({"a": [1]}, tmp_path / "out.csv")
    assert list(tmp_path.iterdir()) == []


def test_an_older_file_is_replaced_and_a_link_stays_a_link(tmp_path):
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("real.csv")
    write_table({"a": [1]}, tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == "a\n1\n"


@pytest.mark.skipif(os.name != "posix", reason="umask")
@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_permissions_are_what_umask_asks_for(mask, tmp_path):
    before = os.umask(mask)
    try:
        write_table({"a": [1]}, tmp_path / "out.csv")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out.csv").stat().st_mode) == 0o666 & ~mask


@pytest.mark.skipif(os.name != "posix", reason="named pipes")
def test_a_device_is_written_to_directly(tmp_path):
    device = tmp_path / "null.csv"
    device.symlink_to("/dev/null")
    write_table({"a": [1]}, device)
    assert device.resolve().is_char_device()


@pytest.mark.parametrize(
    ("columns", "name", "message"),
    [
        ({"a": [1]}, "out.xlsx", r"out.xlsx: the name must end in .csv, .tsv, .parquet, .jsonl"),
        ({"a": [1]}, "out", "the name must end in"),
        ({"a": [1]}, "out.gz", "the name must end in"),
        ({"a": [1], "b": [1, 2]}, "out.csv", "columns must be of one length; got 'a' 1, 'b' 2"),
        ({}, "out.csv", "columns with distinct names are needed"),
        ({1: [1], "1": [2]}, "out.csv", "columns with distinct names are needed; got 1, '1'"),
        ({"a": [1]}, "no/out.csv", "no/out.csv cannot be written: there is no folder .*no"),
        ({"a": [1]}, "folder.csv", "folder.csv is a folder: name a file in it"),
    ],
)
def test_impossible_tables_and_places_are_refused(columns, name, message, tmp_path):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(WriteError, match=message):
        write_table(columns, tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.csv"]
