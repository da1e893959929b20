from __future__ import annotations

import pytest


def test_describe_tells_the_guess_the_counts_and_the_health(run, folder):
    code, out, err = run("describe", "votes.csv")
    assert (code, err) == (0, "")
    for words in (
        "votes.csv: csv, long",
        "columns (recognised): item = 'task', annotator = 'worker', label = 'label'",
        "36 rows read",
        "12 items, 3 annotators, 2 classes, 36 annotations",
        "share of labels: no 50.0%, yes 50.0%",
        "items whose labels all agree: 0.0%",
        "pairs of annotators with a common item: 3 of 3",
        "annotators who agree with others less than by chance: 1 ('cyd')",
    ):
        assert words in out


def test_describe_a_built_in_set(run):
    code, out, _ = run("describe", "anesthesia")
    assert code == 0
    assert out.startswith("anesthesia (built-in set)\n")
    assert "repeated item and annotator: 90" in out


def test_compare_scores_built_in_sets_with_their_truth(run):
    code, out, err = run("compare", "demo")
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


def test_compare_without_truth(run):
    assert "Without a truth" in run("compare", "anesthesia").out


def test_datasets_lists_them(run):
    code, out, _ = run("datasets")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["name", "anesthesia", "demo"]
    assert "…" not in out


@pytest.mark.parametrize("name", ["bluebird", "dog", "web", "music_genre"])
def test_real_files(run, real, folder, name):
    from tests.conftest import data_folder

    path = data_folder() / name
    code, out, _ = run("compare", str(path / "annotations.csv"), "--truth", str(path / "truth.csv"))
    assert code == 0
    vote = {"bluebird": 75.93, "dog": 82.22, "web": 73.07, "music_genre": 70.42}[name]
    assert f"{vote}%" in out


def test_a_real_scale_is_refused(refused, real):
    from tests.conftest import data_folder

    path = data_folder() / "emotion_numeric" / "annotations.csv"
    assert "from -100 to 100" in refused("label", str(path))
