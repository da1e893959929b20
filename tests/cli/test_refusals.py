"""Bad input gets one clear sentence and exit 2."""

from __future__ import annotations

import pytest

BAD_FILES = {
    "empty.csv": (b"", "is empty"),
    "noise.bin": (bytes(range(256)) * 8, "binary"),
    "one.csv": (b"label\nx\ny\n", "one column"),
    "latin.csv": (b"task,worker,label\n1,a,caf\xe9\n", "is not UTF-8"),
    "nul.csv": (b"task,worker,label\n1,a,x\0\n", "NUL"),
    "names.csv": (b"foo,bar,baz\n1,a,x\n", "no column looks like the item"),
    "ragged.csv": (b"task,worker,label\n1,a,x\n2,b\n", "line 3"),
    "header.csv": (b"task,worker,label\n", "no rows"),
    "unlabelled.csv": (b"task,worker,label\n1,a,\n2,a,\n", "holds no label"),
    "mixed.jsonl": (
        b'{"item":1,"annotator":"a","label":1}\n{"item":1,"annotator":"b","label":"y"}\n',
        "mixes",
    ),
    "objects.jsonl": (b'{"item":1,"annotator":"a","label":{"x":1}}\n', "object"),
    "line.csv": (b"task,worker,label\n1,a," + b"x" * (20 << 20) + b"\n", "a line (2) of more than"),
}


@pytest.mark.parametrize("command", ["label", "describe", "compare"])
@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files(refused, folder, command, name):
    content, words = BAD_FILES[name]
    folder.joinpath(name).write_bytes(content)
    message = refused(command, name)
    assert name in message
    assert words in message


def test_bad_standard_input(refused, folder):
    assert "standard input is empty" in refused("label", "-", stdin=b"")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing.csv"], "nothing.csv does not exist"),
        (["nothing"], "Built-in sets: anesthesia, demo."),
        (["."], "has no header"),
        (["votes.csv", "--item", "hit"], "there is no column 'hit' for the item"),
        (["votes.csv", "-o", "no/where.csv"], "there is no folder no"),
        (["votes.csv", "-o", "out.doc"], "must end in .csv, .tsv, .parquet, .jsonl"),
        (["votes.csv", "-o", "."], "is a folder"),
        (["votes.csv", "-o", "votes.csv"], "is also read"),
        (["votes.csv", "-o", "a.csv", "--annotators", "a.csv"], "cannot go to one file"),
        (["votes.csv", "--gold", "nothing.csv"], "nothing.csv does not exist"),
        (["votes.csv", "--gold", "gold.csv"], "no item of gold.csv is among the votes"),
        (["votes.csv", "--gold", "unseen.csv"], "classes that no annotator used: maybe"),
        (["votes.csv", "--gold", "odd.csv"], "name two of them item and label."),
        (["-", "--gold", "-"], "cannot both come from standard input"),
        (["votes.csv", "--model", "wawa", "--confusions", "c.csv"], "no confusion matrices"),
        (["votes.csv", "--n-jobs", "0"], "--n-jobs must be"),
        (["votes.csv", "--model", "best"], "see 'aggregate label --help'"),
        (["votes.csv", "--min-confidence", "2"], "is not in the range"),
        (["votes.csv", "--bogus"], "No such option"),
        ([], "Missing argument 'VOTES'"),
        (["demo", "--item", "x"], "is a built-in set: --item does not apply"),
        (["repeats.csv", "--on-duplicate", "error"], "repeat a pair of item and annotator"),
    ],
)
def test_bad_arguments(refused, folder, arguments, words):
    folder.joinpath("gold.csv").write_text("item,label\n77,yes\n")
    folder.joinpath("unseen.csv").write_text("item,label\n1,maybe\n")
    folder.joinpath("odd.csv").write_text("a,b,c\n1,2,3\n")
    folder.joinpath("repeats.csv").write_text("item,annotator,label\n1,a,x\n1,a,y\n")
    before = sorted(folder.iterdir())
    votes = folder.joinpath("votes.csv").read_bytes()
    assert words in refused("label", *arguments, stdin=votes)
    assert sorted(folder.iterdir()) == before


def test_an_unwritable_folder(refused, folder, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert "no permission in ." in refused("label", "votes.csv", "-o", "out.csv")


def test_a_disk_that_refuses(run, folder, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    code, _, err = run("label", "votes.csv", "-o", "out.csv")
    assert code == 2
    assert "No space left on device" in err
    assert not (folder / "out.csv").exists()


def test_numbers_on_a_scale_are_no_categories(refused, run, folder):
    lines = [f"{item},{who},{item * who - 50}" for item in range(30) for who in range(1, 4)]
    folder.joinpath("scale.csv").write_text("\n".join(["item,annotator,label", *lines]))
    message = refused("label", "scale.csv")
    assert "look like numbers on a scale" in message
    assert "from -50 to 37" in message
    assert run("label", "scale.csv", "--categories").code == 0


def test_too_many_classes_for_confusion_matrices(refused, run, folder, monkeypatch):
    monkeypatch.setattr("aggregate.cli.label._LARGEST_TABLE", 10)
    assert "is the label column right?" in refused("label", "votes.csv")
    assert run("label", "votes.csv", "--model", "wawa").code == 0


def test_too_little_memory_is_said(refused, folder, monkeypatch):
    def greedy(*_, **__):
        raise MemoryError

    monkeypatch.setattr("aggregate.models.DawidSkene.fit", greedy)
    assert "not enough memory" in refused("label", "votes.csv")


def test_usage_of_the_whole(run):
    assert run("frobnicate").err == "error: No such command 'frobnicate'; see 'aggregate --help'.\n"
    assert "Examples:" in run().out
    for command in ("label", "describe", "compare", "datasets"):
        code, out, _ = run(command, "--help")
        assert code == 0
        assert "Usage: aggregate" in out
