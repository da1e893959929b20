"""Crowds drawn into files: the same rows however they are shared out, and the same model."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aggregate.simulate import files, simulate_files

SIZES = (1000, 40, 3)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(files, "ITEMS_PER_BLOCK", 128)


def table(folder, kind="annotations"):
    return pa.concat_tables([pq.read_table(path) for path in sorted(folder.glob(f"{kind}-*"))])


def test_files_and_threads_change_no_row(tmp_path):
    options = {"labels_per_item": (2, 5), "seed": 7}
    one = simulate_files(tmp_path / "one", *SIZES, rows_per_file=10**9, **options)
    several = simulate_files(tmp_path / "b", *SIZES, rows_per_file=900, n_jobs=2, **options)
    other = simulate_files(tmp_path / "c", *SIZES, labels_per_item=(2, 5), seed=8)
    assert len(list(one.glob("annotations-*"))) == 1
    assert len(list(several.glob("annotations-*"))) == 8
    for kind in ("annotations", "truth"):
        assert table(one, kind).equals(table(several, kind))
        assert not table(one, kind).equals(table(other, kind))


@pytest.mark.parametrize("shuffle", [False, True])
def test_every_item_is_drawn_once_by_different_annotators(tmp_path, shuffle):
    folder = simulate_files(tmp_path, *SIZES, labels_per_item=4, shuffle=shuffle)
    votes = table(folder).to_pandas()
    assert sorted(table(folder, "truth")["item"].to_pylist()) == list(range(1000))
    assert (votes.groupby("item").size() == 4).all()
    assert votes["item"].nunique() == 1000
    assert not votes.duplicated(["item", "annotator"]).any()
    assert votes["item"].is_monotonic_increasing != shuffle
    assert set(votes["label"]) == {0, 1, 2}


def test_labels_follow_the_written_confusions_and_truth(tmp_path):
    prior = [0.2, 0.3, 0.5]
    folder = simulate_files(
        tmp_path, 20_000, 5, 3, labels_per_item=3, class_prior=prior, accuracy=(0.4, 0.9), seed=3
    )
    truth = table(folder, "truth").to_pandas().set_index("item")["label"]
    votes = table(folder).to_pandas()
    votes["truth"] = truth.loc[votes["item"]].to_numpy()
    expected = pq.read_table(folder / "confusions.parquet").to_pandas()
    expected = expected.set_index(["annotator", "truth", "label"])["probability"]
    assert np.allclose(expected.groupby(["annotator", "truth"]).sum(), 1)
    counts = votes.groupby(["annotator", "truth", "label"]).size()
    totals = votes.groupby(["annotator", "truth"]).size()
    for (annotator, true, label), probability in expected.items():
        total = totals[annotator, true]
        error = np.sqrt(probability * (1 - probability) / total)
        share = counts.get((annotator, true, label), 0) / total
        assert abs(share - probability) < 4.5 * error
    shares = truth.value_counts(normalize=True).sort_index()
    assert np.allclose(shares, prior, atol=4 * np.sqrt(0.25 / 20_000))


def test_a_stopped_run_goes_on(tmp_path):
    whole = simulate_files(tmp_path / "whole", *SIZES, rows_per_file=1000)
    part = tmp_path / "part"

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate_files(part, *SIZES, rows_per_file=1000, progress=stop)
    written = {path: path.stat().st_mtime_ns for path in part.glob("annotations-*")}
    assert 0 < len(written) < len(list(whole.glob("annotations-*")))
    counts = []
    simulate_files(part, *SIZES, rows_per_file=1000, progress=counts.append)
    assert sum(counts) == table(whole).num_rows
    assert all(path.stat().st_mtime_ns == before for path, before in written.items())
    for kind in ("annotations", "truth"):
        assert table(part, kind).equals(table(whole, kind))
    assert not list(part.glob(".*"))


def test_another_simulation_is_not_mixed_in(tmp_path):
    simulate_files(tmp_path, *SIZES)
    with pytest.raises(ValueError, match="holds a simulation with other settings"):
        simulate_files(tmp_path, *SIZES, seed=1)
    (tmp_path / "simulation.json").unlink()
    with pytest.raises(ValueError, match="holds other files of annotations"):
        simulate_files(tmp_path, *SIZES)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"rows_per_file": 0}, "rows_per_file must be an integer of at least 1"),
        ({"seed": -1}, "seed must be an integer of at least 0"),
        ({"labels_per_item": 41}, "labels_per_item must be at most n_annotators=40"),
        ({"hard_items": 2}, "hard_items must be a number"),
    ],
)
def test_wrong_numbers(tmp_path, arguments, words):
    with pytest.raises(ValueError, match=words):
        simulate_files(tmp_path / "new", *SIZES, **arguments)
    assert not (tmp_path / "new").exists()
