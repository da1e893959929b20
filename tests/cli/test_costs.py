from __future__ import annotations

import numpy as np
import pytest

from aggregate import DawidSkene, read_annotations
from aggregate.cli import label_blocks
from aggregate.fusion import expected_costs
from aggregate.grouping import group_annotations
from tests.cli.test_label import rows

COSTS = "truth,label,cost\nyes,no,9\nno,yes,1\n"


def expected(folder):
    """Return the labels of least cost, and that cost."""
    votes = read_annotations(folder / "votes.csv")
    table = np.array([[0.0, 1.0], [9.0, 0.0]])
    model = DawidSkene().fit(votes)
    return model.predict(votes, costs=table), expected_costs(model.probas_, table).min(axis=1)


@pytest.fixture
def priced(folder):
    """Return a folder whose votes are doubtful enough that costs change labels."""
    random = np.random.default_rng(0)
    lines = [
        f"{item},{who},{'yes' if random.random() < (0.7 if item % 2 else 0.3) else 'no'}"
        for item in range(60)
        for who in ("ann", "bob", "cyd")
    ]
    folder.joinpath("votes.csv").write_text("task,worker,label\n" + "\n".join(lines) + "\n")
    folder.joinpath("costs.csv").write_text(COSTS)
    return folder


def test_labels_cost_least_and_say_what(run, priced):
    options = ("--model", "dawid-skene", "--costs", "costs.csv")
    code, out, _ = run("label", "votes.csv", *options)
    labels, cost = expected(priced)
    table = rows(out)
    assert code == 0
    assert [row["label"] for row in table] == labels.tolist()
    np.testing.assert_allclose([float(row["cost"]) for row in table], cost, atol=1e-6)
    plain = [row["label"] for row in rows(run("label", "votes.csv", *options[:2]).out)]
    assert plain.count("yes") < labels.tolist().count("yes")


def test_a_saved_model_and_blocks_decide_alike(run, priced, monkeypatch):
    options = ("--model", "dawid-skene", "--costs", "costs.csv", "--save-model", "m.npz")
    first = rows(run("label", "votes.csv", *options).out)
    assert rows(run("label", "votes.csv", "--fitted", "m.npz", "--costs", "costs.csv").out) == first
    group_annotations([priced / "votes.csv"], priced / "grouped")
    monkeypatch.setattr(label_blocks, "LARGE", 10)
    for extra in (("--model", "dawid-skene"), ("--fitted", "m.npz")):
        code, _, err = run("label", "grouped", *extra, "--costs", "costs.csv", "-o", "out.csv")
        assert (code, err) == (0, "")
        found = {row["item"]: row for row in rows(priced.joinpath("out.csv").read_text())}
        for row in first:
            assert found[row["item"]]["label"] == row["label"]
            assert float(found[row["item"]]["cost"]) == pytest.approx(float(row["cost"]), abs=1e-5)


def test_bad_costs_are_refused_in_one_sentence(refused, priced):
    assert "does not exist" in refused("label", "votes.csv", "--costs", "lost.csv")
    priced.joinpath("costs.csv").write_text("truth,label,cost\nyes,maybe,1\n")
    assert "'maybe'" in refused("label", "votes.csv", "--costs", "costs.csv")
    both = refused("label", "-", "--costs", "-", stdin=b"task,worker,label\n1,a,x\n2,b,y\n")
    assert "cannot both come from standard input" in both
    assert "is also read" in refused(
        "label", "votes.csv", "--costs", "costs.csv", "-o", "costs.csv"
    )
