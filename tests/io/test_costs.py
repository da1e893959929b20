from __future__ import annotations

import io

import numpy as np
import pytest

from aggregate.io import ReadError, read_costs, write_table


def file(text):
    return io.BytesIO(text.encode())


def test_rows_in_any_order_and_numbers_written_as_text():
    found = read_costs(file("cost,truth,label\n1.5,2,10\n4,10,2\n"), np.array([2, 10]))
    assert found.tolist() == [[0, 1.5], [4, 0]]
    as_text = read_costs(file("truth,label,cost\n2,10,1.5\n10,2,4\n"), np.array(["10", "2"]))
    assert as_text.tolist() == [[0, 4], [1.5, 0]]
    paid = read_costs(file("truth,label,cost\na,a,-1\na,b,1\nb,a,2\nb,b,0\n"), ["a", "b"])
    assert paid.tolist() == [[-1, 1], [2, 0]]


def test_every_kind_of_file(tmp_path):
    table = {"truth": ["a", "b"], "label": ["b", "a"], "cost": np.array([3.0, 4.0])}
    for ending in ("csv", "tsv", "parquet", "jsonl", "csv.gz"):
        write_table(table, tmp_path / f"costs.{ending}")
        found = read_costs(tmp_path / f"costs.{ending}", ["a", "b"])
        assert found.tolist() == [[0, 3], [4, 0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("truth,label\na,b\n", "lacks the column cost: costs are given by the columns truth"),
        ("truth,label,cost\na,b,1\n", "gives no cost for deciding 'a for b': add these rows"),
        ("truth,label,cost\na,b,1\nb,c,1\n", "names classes that the votes do not have: 'c'; they"),
        ("truth,label,cost\na,b,1\nb,a,dear\n", "has a cost that is no number: 'dear'"),
        ("truth,label,cost\na,b,1\nb,a,inf\n", "has a cost that is not finite: 1.0, inf"),
        ("truth,label,cost\na,b,1\nb,a,\n", "has empty cells: fill truth, label and cost"),
        ("truth,label,cost\na,b,1\nb,a,2\na,b,3\n", "more than one cost for deciding b for a"),
    ],
)
def test_bad_files_are_refused(text, message):
    with pytest.raises(ReadError, match=message):
        read_costs(file(text), ["a", "b"])
