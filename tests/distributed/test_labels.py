"""What is known of each item comes back as Dask collections, or as files written by workers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aggregate import Annotations, DawidSkene, MajorityVote
from aggregate.distributed import DaskAnnotations
from tests import problems
from tests.distributed.crowds import spread


def named(votes, items, classes):
    """Return the same votes under other names."""
    return Annotations(
        votes.item_ptr, votes.annotator, votes.label, items, votes.annotators, classes
    )


VOTES = problems.planted(0, n_items=40).votes
TEXTS = np.array([f"q{i}" for i in range(40)], dtype=object)


@pytest.mark.parametrize("items", [np.arange(40), TEXTS], ids=["numbers", "texts"])
@pytest.mark.parametrize("classes", [np.arange(3), np.array(["a", "b", "c"], dtype=object)])
def test_a_frame_of_labels(items, classes):
    votes = named(VOTES, items, classes)
    remote = spread(votes)
    frame = remote.label_frame(DawidSkene().fit(remote, gold={items[0]: classes[1]}))
    assert frame.npartitions == remote.npartitions
    table = frame.compute().set_index("item").loc[items.tolist()]
    for name, kind in frame.dtypes.items():
        assert name == "item" or table[name].dtype == kind
    local = DawidSkene().fit(votes, gold={items[0]: classes[1]})
    columns = [f"proba_{name}" for name in classes.tolist()]
    np.testing.assert_allclose(table[columns], local.probas_, atol=1e-10)
    assert table["label"].tolist() == local.labels_.tolist()
    np.testing.assert_allclose(table["confidence"], local.probas_.max(axis=1), atol=1e-10)
    assert table["votes"].tolist() == votes.labels_per_item.tolist()
    assert table.iloc[0]["confidence"] == 1.0


def test_gold_belongs_to_the_last_fit():
    votes = named(VOTES, TEXTS, np.arange(3))
    one, other = spread(votes), spread(votes)
    shares = MajorityVote().fit(votes).probas_[0]
    wrong = int(shares.argmin())
    model = MajorityVote().fit(one, gold={"q0": wrong})
    table = one.label_frame(model).compute().set_index("item")
    assert table.loc["q0", f"proba_{wrong}"] == 1
    model.fit(other)
    table = one.label_frame(model).compute().set_index("item")
    assert table.loc["q0", f"proba_{wrong}"] == shares[wrong] < 1


def test_files_of_labels(tmp_path):
    votes = named(VOTES, TEXTS, np.array(["a", "b", "c"], dtype=object))
    remote = spread(votes, n_parts=11)
    model = DawidSkene().fit(remote)
    files = remote.write_labels(model, tmp_path / "labels")
    assert [file[-17:] for file in files[:2]] == ["labels-00.parquet", "labels-01.parquet"]
    assert sorted(map(str, (tmp_path / "labels").iterdir())) == files
    written = pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)
    pd.testing.assert_frame_equal(
        written, remote.label_frame(model).compute().reset_index(drop=True), check_dtype=False
    )
    with pytest.raises(ValueError, match="holds something"):
        remote.write_labels(model, tmp_path / "labels")


def test_labels_of_new_votes(tmp_path):
    model = DawidSkene().fit(VOTES)
    new = problems.planted(1, n_items=10, n_annotators=9).votes
    files = spread(new, n_parts=1).write_labels(model, tmp_path)
    table = pd.read_parquet(files[0]).set_index("item").loc[new.items]
    assert table["label"].tolist() == model.predict(new).tolist()


def test_a_part_without_items_has_no_rows(tmp_path):
    remote = spread(VOTES.select(items=np.arange(3)), n_parts=8)
    model = MajorityVote().fit(remote)
    assert len(remote.label_frame(model)) == 3
    assert len(remote.write_labels(model, tmp_path)) == 8
    assert isinstance(remote, DaskAnnotations)
