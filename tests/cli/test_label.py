from __future__ import annotations

import csv
import gzip
import io
import json

import numpy as np
import pytest

from aggregate import Auto, MajorityVote, load_dataset, read_annotations, uncertainty


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_a_pipe_gets_the_table_and_the_terminal_the_summary(run):
    code, out, err = run("label", "anesthesia")
    table = rows(out)
    model = Auto().fit(load_dataset("anesthesia").annotations)
    assert code == 0
    assert [row["item"] for row in table] == [str(i) for i in range(1, 46)]
    assert [row["label"] for row in table] == [str(label) for label in model.labels_]
    best = model.probas_.max(axis=1)
    np.testing.assert_allclose([float(row["confidence"]) for row in table], best, atol=1e-6)
    entropy = -(model.probas_ * np.log2(model.probas_)).sum(axis=1)
    np.testing.assert_allclose([float(row["entropy"]) for row in table], entropy, atol=1e-6)
    assert [row["uncertain"] for row in table] == [str(p < 0.7) for p in best]
    assert {row["votes"] for row in table} == {"7"}
    assert table[1]["agreement"] == "0.714286"  # patient 2: 3 3 3 4 3 3 4
    for words in (
        "anesthesia (built-in set)",
        "45 items, 5 annotators, 4 classes, 315 labels",
        "90 labels repeat an item and annotator; each counts",
        "auto, converged after",
        "3 of 45 items uncertain (below 0.7)",
        "annotators by skill",
    ):
        assert words in err


def test_a_terminal_gets_the_first_rows_and_how_to_save(run, terminal, folder):
    code, out, err = run("label", "demo")
    assert (code, err) == (0, "")
    assert "… and 390 more" in out
    assert out.endswith("To save all: aggregate label demo -o labels.csv\n")
    assert "the best and the worst 3 of 28" in out
    assert "2 with fewer than 10 labels: skill unknown" in out
    assert "always the same label" in out
    assert max(map(len, out.splitlines())) < 100


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.jsonl", "out.csv.gz", "out.parquet"])
def test_every_kind_of_file_is_written(run, folder, name):
    code, out, err = run("label", "votes.csv", "-o", name)
    assert (code, err) == (0, "")
    assert f"wrote {name}: 12 rows" in out
    assert sorted(path.name for path in folder.iterdir()) == sorted(["votes.csv", name])
    if name.endswith("parquet"):
        import pyarrow.parquet as parquet

        labels = parquet.read_table(name)["label"].to_pylist()
    else:
        content = (folder / name).read_bytes()
        text = (gzip.decompress(content) if name.endswith("gz") else content).decode()
        if name.endswith("jsonl"):
            labels = [json.loads(line)["label"] for line in text.splitlines()]
        else:
            table = rows(text.replace("\t", ","))
            labels = [row["label"] for row in table]
    assert labels == ["yes", "no"] * 6


def test_what_is_written_is_what_is_piped(run, folder):
    piped = run("label", "votes.csv").out
    run("label", "votes.csv", "-o", "out.csv")
    assert (folder / "out.csv").read_text() == piped


def test_standard_input_and_named_columns(run, folder):
    text = (folder / "votes.csv").read_text()
    odd = text.replace("task,worker,label", "hit,who,said").encode()
    same = run("label", "-", "--item", "hit", "--annotator", "who", "--label", "said", stdin=odd)
    assert same.code == 0
    assert same.out == run("label", "votes.csv").out
    assert "columns (as named): item = 'hit', annotator = 'who', label = 'said'" in same.err


def test_wide_tables_and_missing_words(run, folder):
    folder.joinpath("wide.csv").write_text("item,a,b,c\n1,x,x,skip\n2,y,skip,x\n3,skip,skip,skip\n")
    code, out, err = run("label", "wide.csv", "--layout", "wide", "--missing", "skip")
    table = rows(out)
    assert code == 0
    assert [row["votes"] for row in table] == ["2", "2", "0"]
    assert (table[2]["label"], table[2]["confidence"], table[2]["agreement"]) == ("", "", "")
    assert table[2]["uncertain"] == "True"
    assert "5 without a label" in err


def test_models_by_name(run, folder):
    out = run("label", "votes.csv", "--model", "majority-vote").out
    model = MajorityVote().fit(read_annotations("votes.csv"))
    assert [row["label"] for row in rows(out)] == model.labels_.tolist()
    assert [float(row["confidence"]) for row in rows(out)] == pytest.approx([2 / 3] * 12, abs=1e-6)


def test_confidence_below_the_wish_is_flagged(run, folder):
    every = run("label", "votes.csv", "--model", "majority-vote", "--min-confidence", "0.67")
    assert {row["uncertain"] for row in rows(every.out)} == {"True"}
    assert "12 of 12 items uncertain (below 0.67)" in every.err
    none = run("label", "votes.csv", "--model", "majority-vote", "--min-confidence", "0.66")
    assert {row["uncertain"] for row in rows(none.out)} == {"False"}


def test_gold_is_kept_and_scores_the_annotators(run, folder):
    folder.joinpath("gold.csv").write_text("item,truth\n1,no\n2,no\n")
    code, out, err = run("label", "votes.csv", "--gold", "gold.csv", "--annotators", "people.csv")
    table, people = rows(out), rows((folder / "people.csv").read_text())
    assert code == 0
    assert table[0]["label"] == "no"
    assert (table[0]["confidence"], table[0]["agreement"]) == ("1.0", "0.333333")
    assert [row["gold_labels"] for row in people] == ["2", "2", "2"]
    assert [row["gold_correct"] for row in people] == ["1", "1", "1"]
    assert "2 known labels kept" in err
    assert "wrote people.csv: 3 rows" in err


def test_gold_items_are_matched_as_they_are_written(run, folder):
    """Items that are numbers in the votes may be text beside others in the gold file."""
    folder.joinpath("gold.csv").write_text("task,label\n1,no\nextra,yes\n")
    code, out, err = run("label", "votes.csv", "--gold", "gold.csv")
    assert code == 0
    assert rows(out)[0]["label"] == "no"
    assert "warning: 1 items of gold.csv are not among the votes and are left out\n" in err


def test_gold_columns_may_be_named_as_those_of_the_votes(run, folder):
    folder.joinpath("odd.csv").write_text("hit,who,said\n1,a,x\n1,b,y\n2,a,y\n2,b,y\n")
    folder.joinpath("gold.csv").write_text("hit,said\n1,y\n")
    names = ("--item", "hit", "--annotator", "who", "--label", "said")
    code, out, _ = run("label", "odd.csv", *names, "--gold", "gold.csv")
    assert code == 0
    assert rows(out)[0]["label"] == "y"


def test_confusions_and_annotators(run, folder):
    run("label", "demo", "-o", "o.csv", "--confusions", "c.csv", "--annotators", "a.csv")
    demo = load_dataset("demo").annotations
    model = Auto().fit(demo)
    confusions = rows((folder / "c.csv").read_text())
    assert list(confusions[0]) == ["annotator", "truth", "label", "probability"]
    table = np.array([float(row["probability"]) for row in confusions]).reshape(30, 3, 3)
    np.testing.assert_allclose(table, model.confusion_, atol=1e-6)
    swap = {
        (row["truth"], row["label"]): row for row in confusions if row["annotator"] == "person-07"
    }
    assert float(swap["yes", "no"]["probability"]) > 0.55
    people = {row["annotator"]: row for row in rows((folder / "a.csv").read_text())}
    assert people["person-04"]["note"] == "fewer than 10 labels: skill unknown"
    assert people["person-21"]["note"] == "always the same label"
    assert people["person-01"]["note"] == ""


def test_skills_have_intervals(run, folder, monkeypatch):
    told = run("label", "demo", "-o", "o.csv", "--annotators", "a.csv").out
    assert "wrote a.csv: 30 rows, skills with 95% intervals" in told
    people = rows((folder / "a.csv").read_text())
    assert list(people[0])[:5] == ["annotator", "labels", "skill", "skill_low", "skill_high"]
    demo = load_dataset("demo").annotations
    skill = uncertainty(Auto().fit(demo), demo, n_draws=0).skill
    for name, column in (("skill_low", skill.low), ("skill_high", skill.high)):
        np.testing.assert_allclose([float(row[name]) for row in people], column, atol=1e-6)
    told = run("label", "demo", "-o", "o.csv", "--annotators", "a.csv", "--model", "mace").out
    assert "wrote a.csv: 30 rows, no intervals of skills: mace has none" in told
    assert "skill_low" not in rows((folder / "a.csv").read_text())[0]
    monkeypatch.setattr("aggregate.cli.intervals._MANY_LABELS", 10)
    told = run("label", "demo", "-o", "o.csv", "--annotators", "a.csv").out
    assert "wrote a.csv: 30 rows, no intervals of skills: too many labels" in told


def test_oddities_are_told(run, folder):
    folder.joinpath("odd.csv").write_text("item,annotator,label\n1,a,x\n2,b,x\n")
    err = run("label", "odd.csv").err
    assert "every label is x: there is nothing to decide" in err
    assert "items with a single label: 2" in err
    assert "2 groups of annotators share no item" in err
    folder.joinpath("one.csv").write_text("item,annotator,label\n1,a,x\n2,a,y\n")
    assert "one annotator only" in run("label", "one.csv").err


def test_a_fit_that_stops_early_is_one_line_of_warning(run):
    code, _, err = run("label", "anesthesia", "--max-iter", "2")
    assert code == 0
    assert err.startswith("warning: the model had not converged")
    assert err.splitlines()[1] == "anesthesia (built-in set)"
    assert "not converged after 2 passes" in err
    assert err.count("warning:") == 1  # though several models ran out of passes


def test_a_file_goes_before_a_built_in_set(run, folder):
    folder.joinpath("demo").write_text("item,annotator,label\n1,a,x\n1,b,y\n")
    assert len(rows(run("label", "demo").out)) == 1


def test_a_progress_bar_is_for_terminals(run, terminal, monkeypatch):
    monkeypatch.setattr("aggregate.cli.label._WORTH_A_BAR", 0)
    assert "Auto" in run("label", "demo").err
    assert run("label", "demo", "--no-progress").err == ""


def test_very_many_votes_get_one_model(run, folder, monkeypatch):
    assert "auto, converged" in run("label", "demo").err
    assert "dawid-skene, converged" in run("label", "demo", "--checkpoint", "state.npz").err
    monkeypatch.setattr("aggregate.cli.label._MANY_VOTES", 1000)
    assert "dawid-skene, converged" in run("label", "demo").err
    monkeypatch.undo()
    monkeypatch.setattr("aggregate.cli.label._MANY_ENTRIES", 100)
    assert "dawid-skene, converged" in run("label", "demo").err


def test_the_choice_is_explained(run):
    told = run("label", "demo").err
    assert "because     The soft labels are the mean of hierarchical (" in told
    assert "labels differ from the majority's" in told


def test_many_classes_are_counted_in_the_summary(run, folder):
    lines = [f"{item},{who},c{item}" for item in range(8) for who in "ab"]
    folder.joinpath("many.csv").write_text("\n".join(["item,annotator,label", *lines]))
    assert "and 3 more classes" in run("label", "many.csv").err


def test_a_long_name_is_cut_on_the_screen_only(run, terminal, folder):
    folder.joinpath("long.csv").write_text(f"item,annotator,label\n{'x' * 200},a,yes\n")
    out = run("label", "long.csv", "-o", "out.csv", "--annotators", "people.csv").out
    assert "xxx" not in out
    assert "x" * 71 + "…" in run("label", "long.csv").out
    assert "x" * 200 in (folder / "out.csv").read_text()
