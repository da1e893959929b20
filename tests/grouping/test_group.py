"""Grouped from many files: the same as read into memory from one."""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregate import Annotations, group_annotations, read_annotations
from aggregate.grouping import files as files_module
from aggregate.grouping import identifiers
from aggregate.io import ReadError
from aggregate.storage import FolderError
from tests.conftest import require_data

POLICIES = ("keep", "first", "last")


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(files_module, "_ROWS", 7)


def write_parquet(table: pa.Table, path) -> None:
    pq.write_table(table, path, row_group_size=5)


def split(table: pa.Table, folder, n_files=3, ending="parquet") -> list:
    """Write a table as several files of consecutive rows."""
    bounds = np.linspace(0, table.num_rows, n_files + 1).astype(int)
    paths = []
    for number, (first, last) in enumerate(pairwise(bounds)):
        path = folder / f"part-{number}.{ending}"
        write(table.slice(first, last - first), path)
        paths.append(path)
    return paths


def write(table: pa.Table, path) -> None:
    if path.suffix == ".parquet":
        write_parquet(table, path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(f"{json.dumps(row)}\n" for row in table.to_pylist()))
    else:
        text = table.to_pandas().to_csv(index=False)
        data = text.encode()
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def check_same(table, tmp_path, ending="parquet", memory=64 * 9, **options):
    """Compare with what `read_annotations` makes of all the rows in one file."""
    whole = tmp_path / f"whole.{ending}"
    write(table, whole)
    parts = tmp_path / "parts"
    parts.mkdir()
    expected = read_annotations(whole, **options)
    paths = split(table, parts, ending=ending)
    found = group_annotations(paths, tmp_path / "votes", memory=memory, **options)
    assert found == expected
    for name in ("items", "annotators", "classes"):
        assert getattr(found, name).dtype == getattr(expected, name).dtype
        assert found.items.tolist() == expected.items.tolist()
    assert replace(found.report, source="") == replace(expected.report, source="")
    assert Annotations.open(tmp_path / "votes", verify=True) == found
    assert sorted(os.listdir(tmp_path)) == sorted(["parts", "votes", whole.name])
    return found


def random_table(n_rows=60, seed=0, *, items=None, annotators=None, labels=None) -> pa.Table:
    random = np.random.default_rng(seed)

    def column(values):
        return pa.array([values[i] for i in random.integers(0, len(values), n_rows)])

    return pa.table(
        {
            "item": column(items or list(range(12))),
            "annotator": column(annotators or list("abcde")),
            "label": column(labels or ["no", "yes", None]),
        }
    )


ITEMS = {
    "whole numbers": list(range(12)),
    "far between": [-(2**62), 5, 2**62, 7, 9, 10**15],
    "text": ["b", "a", "aa", "", None, "\u20acx", "zz", "item_1", "item_12"],
    "numbers as text": ["10", "9", "-3", "700"],
    "not all numbers": ["10", "9", "007", "x"],
    "longer than 64 bits": ["1", "99999999999999999999"],
    "decimals": [0.5, -1.25, 3.0, 0.0, -0.0, 1e300, None],
    "some missing": [3, 1, None, 2],
    "truth values": [True, False],
    "one": [4],
}


@pytest.mark.parametrize("kind", ITEMS)
@pytest.mark.parametrize("policy", POLICIES)
def test_items_of_any_kind(tmp_path, kind, policy):
    table = random_table(items=ITEMS[kind])
    orphan = table["item"].is_null().to_numpy()
    if kind == "text":
        orphan = orphan | (table["item"].fill_null("").to_numpy() == "")
    labels = np.where(orphan, None, table["label"].to_numpy())
    table = table.set_column(2, "label", pa.array(labels, pa.string()))
    check_same(table, tmp_path, on_duplicate=policy)


@pytest.mark.parametrize(
    "kind", [pa.int8(), pa.uint64(), pa.float32(), pa.date32(), pa.timestamp("us"),
             pa.dictionary(pa.int32(), pa.int64()), pa.large_string(), pa.decimal128(5, 1)],
    ids=str,
)  # fmt: skip
def test_items_keep_their_type(tmp_path, kind):
    table = random_table(items=[1, 5, 3, 100])
    values = table["item"]
    for step in (pa.int32(), kind) if pa.types.is_date32(kind) else (kind,):
        if pa.types.is_dictionary(kind):
            values = values.combine_chunks().dictionary_encode().cast(kind)
        elif pa.types.is_decimal(kind):
            values = pa.array([str(one) for one in values.to_pylist()]).cast(kind)
        else:
            values = values.cast(step)
    check_same(table.set_column(0, "item", values), tmp_path)


def test_unsigned_numbers_beyond_63_bits(tmp_path):
    table = random_table(items=[0, 1])
    large = pa.array(np.array([2**64 - 1, 3], dtype=np.uint64))
    check_same(table.set_column(0, "item", large.take(table["item"])), tmp_path)


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "tsv", "jsonl", "parquet"])
@pytest.mark.parametrize("items", ["text", "numbers as text", "whole numbers"])
def test_formats(tmp_path, ending, items):
    named = [one for one in ITEMS[items] if one not in ("", None)]
    table = random_table(items=named, labels=["no", "yes", "NA"])
    if ending == "tsv":
        table = table.set_column(1, "annotator", pa.array(["x\t"] * 60))
        path = tmp_path / "a.tsv"
        path.write_text(random_table(items=named).to_pandas().to_csv(index=False, sep="\t"))
        expected = read_annotations(path)
        assert group_annotations(path, tmp_path / "votes", memory=999) == expected
        return
    check_same(table, tmp_path, ending)


@pytest.mark.parametrize("labels", [[0, 1, 2], ["0", "1"], [0.5, 1.5], [True, False, None]])
@pytest.mark.parametrize("annotators", [[7, 3, 10**12], ["1", "2"], ["u", "v", "10"]])
def test_labels_and_annotators_of_any_kind(tmp_path, labels, annotators):
    check_same(random_table(labels=labels, annotators=annotators), tmp_path)


def test_declared_classes_and_marks(tmp_path):
    table = random_table(labels=["no", "yes", "unsure"])
    options = {"classes": ["yes", "no", "never"], "missing": "unsure"}
    found = check_same(table, tmp_path, **options)
    assert found.classes.tolist() == ["yes", "no", "never"]
    assert found.report.missing_as == {"unsure": found.report.missing_labels}


def test_many_labels_on_one_item_and_many_classes(tmp_path):
    random = np.random.default_rng(1)
    columns = {"item": np.zeros(900, int), "annotator": random.integers(0, 30, 900)}
    table = pa.table({**columns, "label": random.integers(0, 400, 900)})
    for number, policy in enumerate(POLICIES):
        place = tmp_path / str(number)
        place.mkdir()
        check_same(table, place, on_duplicate=policy)


@settings(deadline=None, max_examples=20)
@given(
    rows=st.lists(st.tuples(st.integers(-3, 9), st.integers(0, 3), st.none() | st.integers(0, 2)),
                  min_size=1, max_size=40),
    policy=st.sampled_from(POLICIES),
    memory=st.sampled_from([64, 64 * 5, 64 * 1000]),
)  # fmt: skip
def test_any_rows(tmp_path_factory, rows, policy, memory):
    items, annotators, labels = zip(*rows, strict=True)
    columns = {"item": items, "annotator": annotators}
    table = pa.table({**columns, "label": pa.array(labels, pa.int64())})
    check_same(table, tmp_path_factory.mktemp("any"), memory=memory, on_duplicate=policy)


def test_threads_and_ranges_change_nothing(tmp_path):
    paths = split(random_table(500, items=list(range(90))), tmp_path)
    found = [
        group_annotations(paths, tmp_path / f"v{number}", memory=memory, n_jobs=n_jobs)
        for number, (memory, n_jobs) in enumerate([(1e9, 1), (640, 1), (64, 2)])
    ]
    assert found[0] == found[1] == found[2]


def test_a_folder_of_files_in_the_order_of_their_names(tmp_path):
    (tmp_path / "log").mkdir()
    table = pa.table({"item": [1, 1], "annotator": ["a", "a"], "label": ["second", "first"]})
    write_parquet(table.slice(0, 1), tmp_path / "log" / "b.parquet")
    write_parquet(table.slice(1, 1), tmp_path / "log" / "a.parquet")
    (tmp_path / "log" / "README.md").write_text("about these")
    votes = group_annotations(tmp_path / "log", tmp_path / "votes", on_duplicate="first")
    assert votes.classes[votes.label].tolist() == ["first"]
    assert votes.report.dropped_repeats == 1


def test_progress_reaches_the_end(tmp_path):
    paths = split(random_table(), tmp_path)
    steps = []
    group_annotations(
        paths, tmp_path / "votes", memory=999, progress=lambda *step: steps.append(step)
    )
    assert {stage for stage, _, _ in steps} == {"reading", "grouping"}
    for stage in ("reading", "grouping"):
        done = [step[1] for step in steps if step[0] == stage]
        assert done == sorted(done)
        assert done[-1] == 60
        assert len(done) > 2


# Refusals ----------------------------------------------------------------------------------


def refused(tmp_path, paths, words, error=ReadError, **options):
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(error, match=words):
        group_annotations(paths, tmp_path / "votes", **options)
    assert sorted(os.listdir(tmp_path)) == before  # neither a folder nor leavings


def test_labels_without_an_owner(tmp_path):
    table = pa.table({"item": [1, None, 3], "annotator": ["a", "b", None], "label": [0, 1, None]})
    refused(tmp_path, split(table, tmp_path, 1), r"1 labels have no item \(data rows 2,")
    table = table.set_column(2, "label", pa.array([0, None, 1]))
    refused(tmp_path, split(table, tmp_path, 1), r"no annotator \(data rows 3,")


def test_files_that_disagree(tmp_path):
    table = random_table(10)
    one, two = tmp_path / "one.parquet", tmp_path / "two.parquet"
    write_parquet(table, one)
    write_parquet(table.rename_columns(["task", "worker", "label"]), two)
    refused(tmp_path, [one, two], "has the columns .* the files before it")
    write_parquet(table.set_column(0, "item", pa.array(["a"] * 10)), two)
    refused(tmp_path, [one, two], "the items are text in .*two.* and not in .*one")


def test_columns_of_another_kind(tmp_path):
    one, two = tmp_path / "one.parquet", tmp_path / "two.parquet"
    write_parquet(pa.table({"item": [1], "annotator": [1], "label": [1]}), one)
    write_parquet(pa.table({"item": [1], "annotator": ["1"], "label": [1]}), two)
    words = "two.parquet: the annotator column holds string values, what came before int64"
    refused(tmp_path, [one, two], words)
    write_parquet(pa.table({"item": [1], "annotator": [2], "label": [0.5]}), two)
    refused(tmp_path, [one, two], "the label column holds double values")
    nothing = pa.array([None], pa.string())  # no value, hence of no kind
    write_parquet(pa.table({"item": [1], "annotator": [2], "label": nothing}), two)
    assert group_annotations([two, one], tmp_path / "votes").classes.tolist() == [1]


def test_repeats_as_an_error(tmp_path):
    table = pa.table({"item": [2, 1, 1, 2], "annotator": list("aaaa"), "label": [0, 1, 0, 0]})
    paths = split(table, tmp_path, 2)
    words = "2 annotations repeat .* item 1 by annotator 'a'; item 2 by annotator 'a'"
    refused(tmp_path, paths, words, ValueError, on_duplicate="error", memory=64)


def test_measurements_are_no_items(tmp_path):
    (tmp_path / "a.csv").write_text("item,annotator,label\n0.5,a,1\n2,a,1\n")
    refused(tmp_path, tmp_path / "a.csv", "the items are decimal numbers")


def test_nothing_to_read(tmp_path):
    refused(tmp_path, [], "at least one file", ValueError)
    refused(tmp_path, tmp_path / "a.csv", "does not exist")
    refused(tmp_path, tmp_path, "holds no file that ends in")
    write_parquet(random_table(0), tmp_path / "a.parquet")
    refused(tmp_path, tmp_path / "a.parquet", "no rows")
    refused(tmp_path, [tmp_path / "a.parquet"] * 2, "named more than once", ValueError)


def test_undeclared_classes(tmp_path):
    paths = split(random_table(), tmp_path)
    refused(tmp_path, paths, "not among the declared classes: 'yes'", classes=["no"])


def test_a_folder_that_exists(tmp_path):
    paths = split(random_table(), tmp_path)
    group_annotations(paths, tmp_path / "votes")
    refused(tmp_path, paths, "exists: choose another name", FolderError)
    assert group_annotations(paths, tmp_path / "votes", overwrite=True).on_disk


def test_an_interrupt_leaves_nothing(tmp_path):
    paths = split(random_table(), tmp_path)

    def stop(*_):
        raise KeyboardInterrupt

    refused(tmp_path, paths, None, KeyboardInterrupt, progress=stop)


def test_a_sample_is_spread_evenly(monkeypatch):
    monkeypatch.setattr(identifiers, "_SAMPLE", 100)
    sample = identifiers._Sample()
    for first in range(0, 10_000, 30):
        sample.add(np.arange(first, first + 30))
    kept = sample.values()
    assert 40 <= len(kept) <= 200
    assert abs(np.quantile(kept, [0.25, 0.5, 0.75]) - [2500, 5000, 7500]).max() < 600


@pytest.mark.parametrize(
    "name", ["anesthesia", "bluebird", "dog", "face_sentiment", "music_genre", "product", "rte",
             "sentiment_polarity", "web"],
)  # fmt: skip
def test_real_sets(tmp_path, name):
    path = require_data() / name / "annotations.csv"
    expected = read_annotations(path)
    found = group_annotations(path, tmp_path / "votes", memory=64 * 1000)
    assert found == expected
    assert replace(found.report, source="") == replace(expected.report, source="")
