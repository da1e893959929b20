from __future__ import annotations

import csv

import pytest


def test_compare_scores_built_in_sets_with_their_truth(run):
    code, out, err = run("compare", "demo", "--model", "wawa", "--model", "dawid-skene")
    assert (code, err) == (0, "")
    assert out.startswith("demo: 400 items, 400 with known truth\n")
    for words in ("majority-vote", "wawa", "dawid-skene", "accuracy", "ECE", "majority vote by"):
        assert words in out


def test_compare_with_a_file_of_truth(run, folder):
    folder.joinpath("truth.csv").write_text("task,truth\n1,yes\n2,no\n3,no\n")
    code, out, _ = run("compare", "votes.csv", "--truth", "truth.csv", "--model", "wawa")
    assert code == 0
    assert "votes.csv: 12 items, 3 with known truth" in out
    assert "66.67%" in out
    assert "Nothing beats majority vote" in out
    assert "iterative" not in out


def test_compare_without_truth_sets_labels_aside(run):
    code, out, err = run("compare", "anesthesia", "--model", "pooled")
    assert (code, err) == (0, "")
    assert "held-out" in out
    assert "the 315 labels set aside" in out
    out = run("compare", "anesthesia", "--model", "pooled", "--folds", "0").out
    assert "Without a truth" in out
    assert "held-out" not in out


def test_compare_writes_a_table_and_a_picture(run, folder):
    names = ("--model", "wawa", "--model", "pooled")
    code, out, err = run("compare", "demo", *names, "-o", "found.csv", "--plot", "found.png")
    assert (code, err) == (0, "")
    assert "wrote found.csv: 3 models" in out
    assert "wrote found.png" in out
    rows = list(csv.DictReader(folder.joinpath("found.csv").read_text().splitlines()))
    assert [row["model"] for row in rows] == ["majority-vote", "wawa", "pooled"]
    assert float(rows[0]["accuracy"]) > 0.5
    assert folder.joinpath("found.png").read_bytes().startswith(b"\x89PNG")


def test_what_compare_refuses(refused, folder):
    assert ".png, .svg, .pdf" in refused("compare", "demo", "--plot", "found.csv")
    assert ".csv, .tsv" in refused("compare", "demo", "-o", "found.png")
    assert "at least 2" in refused("compare", "demo", "--folds", "1")


def test_a_bar_is_for_terminals(run, monkeypatch):
    monkeypatch.setattr("aggregate.cli.compare._is_terminal", lambda stream: True)
    assert "fit" in run("compare", "demo", "--model", "wawa").err
    assert run("compare", "demo", "--model", "wawa", "--no-progress").err == ""


@pytest.mark.parametrize("name", ["bluebird", "dog", "web", "music_genre"])
def test_real_files(run, real, folder, name):
    from tests.conftest import data_folder

    path = data_folder() / name
    votes, truth = str(path / "annotations.csv"), str(path / "truth.csv")
    names = ("--model", "dawid-skene", "--model", "glad", "--model", "kos")
    code, out, _ = run("compare", votes, "--truth", truth, *names)
    assert code == 0
    vote = {"bluebird": 75.93, "dog": 82.22, "web": 73.07, "music_genre": 70.42}[name]
    assert f"{vote}%" in out
