"""Votes in parts are the votes in memory, whatever the pieces, the parts and the types."""

from __future__ import annotations

import datetime

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as arrow_parquet
import pytest

from aggregate import Annotations, load_dataset, simulate_files
from aggregate.distributed import DaskAnnotations, _shuffle, _sources
from tests import problems
from tests.distributed.crowds import spread

NAMES = {
    "texts": [f"item {i}" for i in range(12)],
    "integers": list(range(100, 112)),
    "floats": [i / 4 for i in range(12)],
    "days": [datetime.datetime(2020, 1, 1 + i) for i in range(12)],
}


def assert_same_votes(one, other):
    """Check the tables, and the labels item by item: parts have an order of their own."""
    np.testing.assert_array_equal(other.annotators, one.annotators)
    np.testing.assert_array_equal(other.classes, one.classes)
    assert other.annotators.dtype == one.annotators.dtype
    assert other.items.dtype == one.items.dtype
    assert sorted(other.items.tolist()) == sorted(one.items.tolist())
    assert by_item(other) == by_item(one)


def by_item(votes):
    pairs = list(zip(votes.annotator.tolist(), votes.label.tolist(), strict=True))
    pointers = votes.item_ptr.tolist()
    return {
        item: pairs[pointers[i] : pointers[i + 1]] for i, item in enumerate(votes.items.tolist())
    }


def frame_of(names, seed=0):
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "task": [names[i] for i in random.integers(0, 12, size=50)],
            "worker": random.integers(0, 4, size=50),
            "label": random.choice(["no", "yes", "skip"], size=50),
        }
    )


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES.keys())
@pytest.mark.parametrize(("n_pieces", "n_parts"), [(1, 1), (1, 5), (4, 1), (3, 30)])
def test_a_frame_in_parts_is_the_frame_in_memory(names, n_pieces, n_parts):
    frame = frame_of(names)
    remote = DaskAnnotations.from_dask(
        dd.from_pandas(frame, npartitions=n_pieces), npartitions=n_parts
    )
    assert remote.npartitions == n_parts
    local = Annotations.from_frame(frame)
    assert_same_votes(local, remote.compute())
    counts = (remote.n_items, remote.n_annotators, remote.n_classes, remote.n_annotations)
    assert counts == (local.n_items, local.n_annotators, local.n_classes, local.n_annotations)
    np.testing.assert_array_equal(remote.items.compute(), remote.compute().items)
    np.testing.assert_array_equal(remote.labels_per_class, local.labels_per_class)
    np.testing.assert_array_equal(remote.label_counts.sum(axis=1), local.labels_per_annotator)


def test_many_parts_are_made_in_two_rounds(monkeypatch):
    frame = frame_of(NAMES["texts"])
    pieces = dd.from_pandas(frame, npartitions=5)
    monkeypatch.setattr(_shuffle, "_MOST_TASKS", 10)
    remote = DaskAnnotations.from_dask(pieces, npartitions=6, on_duplicate="first")
    assert remote.npartitions == 6
    assert_same_votes(Annotations.from_frame(frame, on_duplicate="first"), remote.compute())


@pytest.mark.parametrize("policy", ["keep", "first", "last"])
def test_repeats_follow_the_order_of_the_source(policy):
    frame = frame_of(NAMES["integers"])
    pieces = dd.from_pandas(frame, npartitions=4)
    remote = DaskAnnotations.from_dask(pieces, on_duplicate=policy)
    local = Annotations.from_frame(frame, on_duplicate=policy)
    assert_same_votes(local, remote.compute())
    assert remote.report.repeats == local.report.repeats > 0
    assert remote.report.dropped_repeats == local.report.dropped_repeats


def test_repeats_are_refused_on_demand():
    pieces = dd.from_pandas(frame_of(NAMES["texts"]), npartitions=2)
    with pytest.raises(ValueError, match=r"repeat a pair .* item 'item \d+' by annotator \d"):
        DaskAnnotations.from_dask(pieces, on_duplicate="error")


def test_the_report_is_that_of_the_frame():
    frame = frame_of(NAMES["texts"])
    frame["label"] = frame["label"].where(frame["label"] != "skip")
    frame.loc[50] = ["only missing", 9, None]
    remote = DaskAnnotations.from_dask(dd.from_pandas(frame, npartitions=3))
    local = Annotations.from_frame(frame)
    assert remote.report == local.report
    assert remote.report.empty_items > 0
    assert_same_votes(local, remote.compute())


def test_ordered_categories_keep_their_order():
    frame = frame_of(NAMES["texts"])
    kind = pd.CategoricalDtype(["yes", "skip", "no", "never"], ordered=True)
    frame["label"] = frame["label"].astype(kind)
    remote = DaskAnnotations.from_dask(dd.from_pandas(frame, npartitions=3))
    assert remote.classes.tolist() == ["yes", "skip", "no"]
    assert_same_votes(Annotations.from_frame(frame), remote.compute())


def test_no_label_at_all():
    frame = pd.DataFrame({"task": [1, 2], "worker": [1, 1], "label": [None, None]}, dtype=object)
    with dask.config.set({"dataframe.convert-string": False}):
        remote = DaskAnnotations.from_dask(dd.from_pandas(frame, npartitions=1), npartitions=2)
    assert (remote.n_items, remote.n_classes, remote.n_annotations) == (2, 0, 0)


class TestParquet:
    def test_a_folder_is_its_rows(self, tmp_path):
        frame = frame_of(NAMES["texts"])
        for part in range(3):
            rows = frame.iloc[part::3]
            table = pa.Table.from_pandas(rows, preserve_index=False)
            arrow_parquet.write_table(table, tmp_path / f"{part}.parquet", row_group_size=5)
        local = Annotations.from_frame(frame)
        for path in (tmp_path, str(tmp_path), sorted(tmp_path.iterdir())):
            remote = DaskAnnotations.from_parquet(path, npartitions=4)
            assert_same_votes(local, remote.compute())
            assert remote.report.columns == {
                "item": "task", "annotator": "worker", "label": "label",
            }  # fmt: skip

    def test_pieces_hold_equally_many_rows(self, tmp_path):
        frame = frame_of(NAMES["texts"])
        table = pa.Table.from_pandas(frame, preserve_index=False)
        arrow_parquet.write_table(table, tmp_path / "votes.parquet", row_group_size=5)
        source = _sources.from_parquet(tmp_path, dict.fromkeys(["item", "annotator", "label"]), 4)
        rows = [len(piece["label"]) for piece in source.tables.compute("read")]
        assert sum(rows) == source.rows == 50
        assert max(rows) <= 13

    @pytest.mark.parametrize("kind", [pa.int32(), pa.decimal128(5, 2), pa.binary()])
    def test_types_are_read_as_in_memory(self, tmp_path, kind):
        values = [b"a", b"b", b"a"] if kind == pa.binary() else [1, 2, 1]
        columns = {"task": ["x", "x", "y"], "worker": [1, 2, 1], "label": pa.array(values, kind)}
        arrow_parquet.write_table(pa.table(columns), tmp_path / "votes.parquet")
        remote = DaskAnnotations.from_parquet(tmp_path)
        wanted = ["a", "b"] if kind == pa.binary() else [1, 2]
        assert remote.classes.tolist() == wanted

    def test_a_built_in_set(self, tmp_path):
        votes = load_dataset("anesthesia").annotations
        votes.to_frame().to_parquet(tmp_path / "votes.parquet")
        remote = DaskAnnotations.from_parquet(tmp_path / "votes.parquet", npartitions=2)
        assert_same_votes(votes, remote.compute())

    def test_no_such_file(self, tmp_path):
        with pytest.raises(ValueError, match="cannot be read as Parquet"):
            DaskAnnotations.from_parquet(tmp_path / "nothing.parquet")

    def test_a_pattern_picks_the_votes_beside_the_truth(self, tmp_path):
        simulate_files(tmp_path, 50, 5, 3, seed=0)
        pattern = tmp_path / "annotations-*.parquet"
        remote = DaskAnnotations.from_parquet(pattern, npartitions=2)
        local = Annotations.from_frame(pd.concat(map(pd.read_parquet, tmp_path.glob(pattern.name))))
        assert_same_votes(local, remote.compute())
        with pytest.raises(ValueError, match=r"files lack one of the columns .*truth-00000"):
            DaskAnnotations.from_parquet(sorted(tmp_path.glob("*-00000.parquet")))
        with pytest.raises(ValueError, match="no file fits"):
            DaskAnnotations.from_parquet(tmp_path / "votes-*.parquet")

    def test_no_rows(self, tmp_path):
        with pytest.raises(ValueError, match="holds no rows"):
            DaskAnnotations.from_parquet(tmp_path)

    def test_lists_are_no_labels(self, tmp_path):
        table = pa.table({"task": [1], "worker": [1], "label": [["a"]]})
        arrow_parquet.write_table(table, tmp_path / "votes.parquet")
        with pytest.raises(ValueError, match=r"columns 'label' .* hold lists"):
            DaskAnnotations.from_parquet(tmp_path)


class TestRefusals:
    def test_what_is_no_dask_frame(self):
        with pytest.raises(TypeError, match="needs a Dask data frame; got DataFrame"):
            DaskAnnotations.from_dask(frame_of(NAMES["texts"]))

    def test_unknown_columns(self):
        pieces = dd.from_pandas(frame_of(NAMES["texts"]), npartitions=1)
        with pytest.raises(ValueError, match="there is no column 'tsk'"):
            DaskAnnotations.from_dask(pieces, item="tsk")

    def test_labels_beside_the_declared_classes(self):
        pieces = dd.from_pandas(frame_of(NAMES["texts"]), npartitions=2)
        with pytest.raises(ValueError, match=r"not among the declared classes: 'skip'"):
            DaskAnnotations.from_dask(pieces, classes=["no", "yes"])

    def test_labels_of_nobody(self):
        frame = frame_of(NAMES["texts"])
        frame.loc[7, "task"] = None
        with pytest.raises(ValueError, match="1 labels have no item"):
            DaskAnnotations.from_dask(dd.from_pandas(frame, npartitions=2))

    @pytest.mark.parametrize("option", [{"npartitions": 0}, {"on_duplicate": "sum"}])
    def test_options_out_of_range(self, option):
        pieces = dd.from_pandas(frame_of(NAMES["texts"]), npartitions=1)
        with pytest.raises(ValueError, match=next(iter(option))):
            DaskAnnotations.from_dask(pieces, **option)


def test_parts_do_not_depend_on_the_order_of_the_rows():
    votes = problems.ragged(4, n_items=20, n_labels=80)
    one, other = (spread(votes, n_pieces=3, n_parts=4, seed=seed).compute() for seed in (0, 1))
    np.testing.assert_array_equal(one.items, other.items)
    np.testing.assert_array_equal(one.annotator, other.annotator)
    np.testing.assert_array_equal(one.label, other.label)


def test_it_tells_its_sizes():
    votes = spread(problems.planted(0, n_items=10).votes, n_parts=2)
    assert repr(votes) == (
        "DaskAnnotations(10 items, 8 annotators, 3 classes, 50 annotations in 2 parts)"
    )
