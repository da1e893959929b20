from __future__ import annotations


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
        "whether anybody copies is unknown, as pairs share too few items",
    ):
        assert words in out


def test_describe_a_built_in_set(run):
    code, out, _ = run("describe", "anesthesia")
    assert code == 0
    assert out.startswith("anesthesia (built-in set)\n")
    assert "repeated item and annotator: 90" in out


def test_datasets_lists_them(run):
    code, out, _ = run("datasets")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["name", "anesthesia", "demo"]
    assert "…" not in out


def test_a_real_scale_is_refused(refused, real):
    from tests.conftest import data_folder

    path = data_folder() / "emotion_numeric" / "annotations.csv"
    assert "from -100 to 100" in refused("label", str(path))
