"""Tables written block by block: the same files as written whole."""

from __future__ import annotations

import os

import pyarrow.parquet as pq
import pytest

from aggregate.io import WriteError, write_blocks, write_table

BLOCKS = [
    {"item": ["a", "b"], "label": [1, None], "share": [0.5, 1.0]},
    {"item": ["c"], "label": [None], "share": [None]},
    {"item": [], "label": [], "share": []},
    {"item": ["d"], "label": [2], "share": [0.25]},
]
WHOLE = {name: [value for block in BLOCKS for value in block[name]] for name in BLOCKS[0]}


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "csv.gz", "parquet"])
def test_blocks_are_the_whole(tmp_path, ending):
    whole, parts = tmp_path / f"whole.{ending}", tmp_path / f"parts.{ending}"
    write_table(WHOLE, whole)
    assert write_blocks(iter(BLOCKS), parts) == 4
    if ending == "parquet":
        assert pq.read_table(parts).equals(pq.read_table(whole))
    else:
        assert parts.read_bytes() == whole.read_bytes()


def test_blocks_that_differ(tmp_path):
    with pytest.raises(WriteError, match="must be of one kind"):
        write_blocks([{"a": [1]}, {"a": ["x"]}], tmp_path / "a.csv")
    with pytest.raises(WriteError, match="must be of one kind"):
        write_blocks([{"a": [1]}, {"b": [1]}], tmp_path / "a.parquet")
    assert os.listdir(tmp_path) == []
