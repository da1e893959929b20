"""From a made-up crowd to labels by way of a folder, as a user types it."""

from __future__ import annotations

import os

import numpy as np
import pyarrow.parquet as pq
import pytest

from aggregate.cli import label_blocks

SIZES = ("--items", "900", "--annotators", "30", "--classes", "3", "--labels-per-item", "3-6")


@pytest.fixture
def votes(folder, run):
    """Simulate and group; the folder is called votes."""
    ended = run("simulate", "-o", "crowd", *SIZES, "--rows-per-file", "1000", "--seed", "4")
    assert ended.code == 0
    assert "labels in 1 file" in ended.out
    ended = run("group", "crowd/annotations-00000.parquet", "-o", "votes", "--memory", "0.001")
    assert ended.code == 0
    assert "item = 'item', annotator = 'annotator', label = 'label'" in ended.out
    assert "wrote votes: Annotations(900 items, 30 annotators, 3 classes" in ended.out
    assert ended.err == ""
    return folder


@pytest.fixture
def as_if_large(monkeypatch):
    monkeypatch.setattr(label_blocks, "LARGE", 100)


@pytest.mark.parametrize("output", ["labels.parquet", "labels.csv", "labels.jsonl.gz"])
@pytest.mark.parametrize("model", ["dawid-skene", "majority-vote"])
def test_blocks_write_what_the_whole_writes(votes, run, monkeypatch, output, model):
    monkeypatch.setattr("aggregate.cli.intervals._MANY_LABELS", 100)
    truth = pq.read_table("crowd/truth-00000.parquet").slice(0, 50)
    pq.write_table(truth.select(["item", "label"]), "gold.parquet")
    command = ["label", "votes", "--model", model, "--gold", "gold.parquet", "-o", output]
    command += ["--annotators", "people.csv"]
    if model == "dawid-skene":
        command += ["--confusions", "confusions.csv"]
    whole = run(*command)
    files = [one for one in (output, "people.csv", "confusions.csv") if os.path.exists(one)]
    expected = {name: read(name) for name in files}
    monkeypatch.setattr(label_blocks, "LARGE", 100)
    parts = run(*command)
    assert (whole.code, parts.code) == (0, 0)
    for name, table in expected.items():
        found = read(name)
        assert found.columns.tolist() == table.columns.tolist()
        same = [column for column in table.columns if column != "note"]
        assert found[same].equals(table[same])
    for line in ("items uncertain", "known labels kept", "wrote people.csv: 30 rows"):
        assert line in whole.out
        assert line in parts.out
    uncertain = [line for line in whole.out.splitlines() if "uncertain" in line]
    assert uncertain == [line for line in parts.out.splitlines() if "uncertain" in line]


def read(name):
    import pandas as pd

    if name.endswith(".parquet"):
        return pd.read_parquet(name)
    return pd.read_json(name, lines=True) if "jsonl" in name else pd.read_csv(name)


def test_the_truth_is_mostly_found(votes, run, as_if_large):
    assert run("label", "votes", "-o", "labels.parquet").code == 0
    labels = pq.read_table("labels.parquet").to_pandas().set_index("item")["label"]
    truth = pq.read_table("crowd/truth-00000.parquet").to_pandas().set_index("item")["label"]
    assert (labels == truth.loc[labels.index]).mean() > 0.9


def test_a_fit_goes_on_from_its_checkpoint(votes, run, as_if_large):
    command = ("label", "votes", "-o", "labels.csv", "--checkpoint", "fit.npz")
    assert run(*command, "--max-iter", "3").code == 0
    assert os.path.exists("fit.npz")
    ended = run(*command)
    assert ended.code == 0
    whole = run("label", "votes", "-o", "whole.csv")
    assert read("labels.csv").equals(read("whole.csv"))
    assert [line for line in ended.out.splitlines() if "passes" in line] == [
        line for line in whole.out.splitlines() if "passes" in line
    ]


def test_a_fitted_model_labels_a_folder(votes, run, refused, monkeypatch):
    assert run("label", "votes", "-o", "a.csv", "--save-model", "crowd.npz").code == 0
    whole = run("label", "votes", "-o", "whole.csv", "--fitted", "crowd.npz")
    monkeypatch.setattr(label_blocks, "LARGE", 100)
    parts = run("label", "votes", "-o", "parts.csv", "--fitted", "crowd.npz")
    assert (whole.code, parts.code) == (0, 0)
    assert parts.out == whole.out.replace("whole.csv", "parts.csv")
    assert read("parts.csv").equals(read("whole.csv"))
    assert "name a file with -o" in refused("label", "votes", "--fitted", "crowd.npz")


def test_describe_a_folder(votes, run, monkeypatch):
    small = run("describe", "votes")
    assert small.code == 0
    assert "900 items, 30 annotators, 3 classes" in small.out
    assert "what can be learned" in small.out
    monkeypatch.setattr(label_blocks, "LARGE", 100)
    large = run("describe", "votes")
    assert large.code == 0
    assert "900 items, 30 annotators, 3 classes" in large.out
    assert "not looked for in so many labels" in large.out


def test_the_same_seed_gives_the_same_files(folder, run):
    for name in ("one", "two"):
        assert run("simulate", "-o", name, *SIZES, "--in-order").code == 0
    tables = [pq.read_table(f"{name}/annotations-00000.parquet") for name in ("one", "two")]
    assert tables[0].equals(tables[1])
    assert (np.diff(tables[0]["item"].to_numpy()) >= 0).all()


def test_refusals(votes, refused, as_if_large):
    assert "too many to be shown: name a file with -o" in refused("label", "votes")
    words = refused("label", "votes", "--item", "task")
    assert "--item does not apply to it, but to 'aggregate group'" in words
    assert "see 'aggregate group --help'" in refused("describe", "crowd")
    assert "say --overwrite" in refused("group", "votes.csv", "-o", "votes")
    words = refused("label", "votes", "-o", "a.csv", "--model", "wawa", "--checkpoint", "c.npz")
    assert "wawa takes no --checkpoint" in words
    assert "a number or a range like 3-7; got many" in refused(
        "simulate", "-o", "new", "--labels-per-item", "many"
    )
    assert "holds a simulation with other settings" in refused("simulate", "-o", "crowd")
