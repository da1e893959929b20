"""Labels of new votes by a model that was saved."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from aggregate import Auto, load_model, read_annotations

NEW = "task,worker,label\nx,ann,yes\nx,cyd,no\ny,dan,yes\n"


@pytest.fixture
def saved(folder, run):
    folder.joinpath("more.csv").write_text(NEW)
    assert run("label", "votes.csv", "-o", "labels.csv", "--save-model", "crowd.npz").code == 0
    return folder


def test_labels_are_those_of_the_model(saved, run):
    code, out, err = run("label", "more.csv", "--fitted", "crowd.npz")
    rows = list(csv.DictReader(io.StringIO(out)))
    model = Auto().fit(read_annotations(saved / "votes.csv"))
    new = read_annotations(saved / "more.csv")
    assert code == 0
    assert [row["item"] for row in rows] == ["x", "y"]
    assert [row["label"] for row in rows] == model.predict(new).tolist()
    confidence = [float(row["confidence"]) for row in rows]
    np.testing.assert_allclose(confidence, model.predict_proba(new).max(axis=1), atol=1e-6)
    assert "2 items, 3 labels by 3 annotators, 1 of them not in the fit" in err
    assert "labelled by the Auto in crowd.npz, fitted to 3 annotators" in err


def test_a_single_vote_is_enough(saved, run):
    vote = b"task,worker,label\nz,ann,no\n"
    code, out, _ = run("label", "-", "--fitted", "crowd.npz", "-o", "one.csv", stdin=vote)
    assert code == 0
    assert out.endswith("wrote one.csv: 1 row\n")
    assert saved.joinpath("one.csv").read_text().splitlines()[1].startswith("z,no,")


def test_a_terminal_gets_the_first_rows(saved, run, terminal):
    _, out, _ = run("label", "more.csv", "--fitted", "crowd.npz")
    assert "To save all: aggregate label more.csv --fitted crowd.npz -o labels.csv" in out


def test_the_file_holds_no_items(saved):
    assert not hasattr(load_model(saved / "crowd.npz"), "items_")


def test_refusals(saved, refused):
    assert "--gold does not apply" in refused(
        "label", "more.csv", "--fitted", "crowd.npz", "--gold", "votes.csv"
    )
    assert "no saved model" in refused("label", "more.csv", "--fitted", "votes.csv")
    assert "No such file" in refused("label", "more.csv", "--fitted", "nowhere.npz")
    assert "must end in .npz" in refused("label", "votes.csv", "--save-model", "model.pkl")
    saved.joinpath("odd.csv").write_text("task,worker,label\nx,ann,perhaps\nx,bob,yes\n")
    assert "does not know: 'perhaps'; it knows 'no', 'yes'" in refused(
        "label", "odd.csv", "--fitted", "crowd.npz"
    )
