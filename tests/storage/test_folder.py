"""Annotations saved and opened: the same, or a clear refusal."""

from __future__ import annotations

import json
import os
import pickle
import zlib
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregate import Annotations, DawidSkene, MajorityVote, simulate_annotations
from aggregate.moments import label_shares, pair_moments
from aggregate.storage import FolderError
from aggregate.storage import folder as folder_module
from tests.strategies import calm, votes

SMALL = [["cat", "dog", None], ["cat", None, "dog"]]


def saved(tmp_path: Path, annotations: Annotations) -> Path:
    return annotations.save(tmp_path / "votes")


TABLES = {
    "text": (["b", "aü", "\u20ac x"], ["x", "y"], ["no", "yes"]),
    "whole numbers": (np.array([2**40, -3, 7]), np.array([1, 2], dtype=np.uint8), [0, 1]),
    "mixed": (["a", 1, 2.5], [True, "u"], [1, "1"]),
    "truth values": ([1, 2, 3], [1, 2], [False, True]),
    "dates": (np.array(["2020-01-02", "2021-05-05", "2000-01-01"], "M8[ns]"), [1, 2], [0, 1]),
    "numbers": ([0.5, 1.25, 1e300], [1.0, 2.0], [0.1, 0.2]),
}


@pytest.mark.parametrize("kind", TABLES)
def test_identifiers_of_any_kind_come_back(tmp_path, kind):
    items, annotators, classes = TABLES[kind]
    first = Annotations.from_columns(
        [items[0], items[1], items[1]], [annotators[0], annotators[1], annotators[0]],
        [classes[0], classes[1], classes[0]], known_items=items,
    )  # fmt: skip
    opened = Annotations.open(saved(tmp_path, first))
    assert opened == first
    for name in ("items", "annotators", "classes"):
        assert getattr(opened, name).dtype == getattr(first, name).dtype
        assert list(map(type, getattr(opened, name).tolist())) == list(
            map(type, getattr(first, name).tolist())
        )
    assert opened.on_disk
    assert not first.on_disk
    assert not opened.label.flags.writeable


@calm
@given(votes())
def test_any_votes_come_back(tmp_path_factory, drawn):
    first = Annotations.from_columns(
        *drawn.columns,
        known_items=range(drawn.n_items),
        known_annotators=range(drawn.n_annotators),
        classes=range(drawn.n_classes),
    )
    opened = Annotations.open(first.save(tmp_path_factory.mktemp("any") / "votes"))
    assert opened == first
    assert opened.report == first.report
    assert opened.on_disk
    assert opened.describe() == first.describe()


def test_no_item_at_all(tmp_path):
    nothing = Annotations.from_columns([], [], [])
    assert Annotations.open(saved(tmp_path, nothing)) == nothing


@given(drawn=votes(min_rows=1), size=st.integers(1, 9))
@calm
def test_blocks_put_together_are_the_whole(drawn, size):
    whole = Annotations.from_columns(*drawn.columns)
    seen = 0
    for first, last, part in whole.blocks(size):
        assert first == seen
        assert part.n_annotations <= size or part.n_items == 1
        assert part == whole.select(items=np.isin(np.arange(whole.n_items), range(first, last)))
        seen = last
    assert seen == whole.n_items


def test_blocks_of_a_folder_are_in_memory(tmp_path):
    whole = Annotations.from_columns(np.arange(100) // 3, np.arange(100) % 3, np.arange(100) % 2)
    opened = Annotations.open(saved(tmp_path, whole))
    parts = [part for _, _, part in opened.blocks(10)]
    assert len(parts) > 5
    assert not any(part.on_disk for part in parts)
    assert np.array_equal(np.concatenate([part.label for part in parts]), whole.label)
    assert opened == whole  # pages given back are fetched again


def test_a_saved_folder_can_be_saved_elsewhere_and_pickled(tmp_path):
    opened = Annotations.open(saved(tmp_path, Annotations.from_matrix(SMALL)))
    again = Annotations.open(opened.save(tmp_path / "other"))
    assert again == opened
    content = pickle.dumps(opened)
    assert len(content) < 1000
    assert pickle.loads(content).on_disk


def test_nothing_is_overwritten_unasked(tmp_path):
    place = saved(tmp_path, Annotations.from_matrix(SMALL))
    other = Annotations.from_matrix([[0, 1]])
    with pytest.raises(FolderError, match="exists: choose another name, or say overwrite=True"):
        other.save(place)
    assert other.save(place, overwrite=True) == place
    assert Annotations.open(place) == other
    assert os.listdir(tmp_path) == ["votes"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_not_ours_is_never_replaced(tmp_path, overwrite):
    (tmp_path / "votes").mkdir()
    (tmp_path / "votes" / "thesis.txt").write_text("years of work")
    with pytest.raises(FolderError, match="something other than annotations"):
        Annotations.from_matrix(SMALL).save(tmp_path / "votes", overwrite=overwrite)
    assert (tmp_path / "votes" / "thesis.txt").read_text() == "years of work"


def test_a_place_that_does_not_exist(tmp_path):
    with pytest.raises(FolderError, match="there is no folder"):
        Annotations.from_matrix(SMALL).save(tmp_path / "no" / "votes")
    with pytest.raises(FolderError, match="does not exist"):
        Annotations.open(tmp_path / "votes")


def test_identifiers_that_only_pickle_could_hold_are_refused(tmp_path):
    odd = Annotations.from_columns([Decimal("1.5"), (1, 2)], [1, 1], [0, 1])
    with pytest.raises(FolderError, match=r"items that are neither .* Decimal\('1.5'\)"):
        odd.save(tmp_path / "votes")
    assert os.listdir(tmp_path) == []  # nor is anything left behind


def test_a_failure_half_way_leaves_the_older_folder(tmp_path, monkeypatch):
    first = Annotations.from_matrix(SMALL)
    place = saved(tmp_path, first)
    monkeypatch.setattr(folder_module, "ARRAYS", {"item_ptr": "<i8", "nonsense": "<i4"})
    with pytest.raises(AttributeError):
        first.save(place, overwrite=True)
    monkeypatch.undo()
    assert Annotations.open(place) == first
    assert os.listdir(tmp_path) == ["votes"]


# Damage ------------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path):
    crowd = Annotations.from_columns(np.arange(60) // 3, np.arange(60) % 3, np.arange(60) % 2)
    return saved(tmp_path, crowd)


def test_a_file_that_was_cut_off(place):
    file = place / "label.bin"
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(FolderError, match=r"label\.bin has 236 bytes instead of 240"):
        Annotations.open(place)


def test_a_file_that_is_missing(place):
    (place / "annotator.bin").unlink()
    with pytest.raises(FolderError, match=r"lacks the file annotator\.bin"):
        Annotations.open(place)


def test_a_changed_byte_is_seen_where_the_content_is_verified(place, monkeypatch):
    file = place / "label.bin"
    content = bytearray(file.read_bytes())
    content[0] ^= 1  # label 0 becomes label 1: legal, and wrong
    file.write_bytes(content)
    with pytest.raises(FolderError, match="its checksum differs"):
        Annotations.open(place)
    monkeypatch.setattr(folder_module, "SMALL", 10)  # as if it were a large folder
    Annotations.open(place)
    with pytest.raises(FolderError, match="its checksum differs"):
        Annotations.open(place, verify=True)


def test_codes_out_of_range_are_refused_even_unverified(place):
    codes = np.fromfile(place / "annotator.bin", dtype="<i4")
    codes[5] = 3
    codes.tofile(place / "annotator.bin")
    with pytest.raises(ValueError, match="annotator codes must lie between 0 and 2"):
        Annotations.open(place, verify=False)


@pytest.mark.parametrize("wrong", [2**40, -1, 1])
def test_text_whose_offsets_lie(tmp_path, wrong):
    place = saved(tmp_path, Annotations.from_columns(["ab", "\u20acd"], [1, 1], [0, 1]))
    offsets = np.fromfile(place / "items.offsets.bin", dtype="<i8")
    offsets[1 if wrong == 1 else 2] = wrong if wrong != 1 else 3  # through the middle of a letter
    offsets.tofile(place / "items.offsets.bin")
    with pytest.raises(FolderError, match="is damaged"):
        Annotations.open(place, verify=False)


def test_pointers_that_go_back(place):
    pointers = np.fromfile(place / "item_ptr.bin", dtype="<i8")
    pointers[3], pointers[4] = pointers[4], pointers[3]
    pointers.tofile(place / "item_ptr.bin")
    with pytest.raises(ValueError, match="item_ptr must never decrease"):
        Annotations.open(place, verify=False)


def rewrite(place: Path, change) -> None:
    """Change the header and make its own checksum right again."""
    header = json.loads((place / "header.json").read_text())
    header.pop("checksum")
    change(header)
    header["checksum"] = zlib.crc32(json.dumps(header, sort_keys=True).encode())
    (place / "header.json").write_text(json.dumps(header))


def set_entry(name, key, value):
    return lambda header: header["arrays"][name].update({key: value})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda header: header.update(version=2), "version 2; this package reads version 1"),
        (lambda header: header.update(format="other"), "is not the header of annotations"),
        (lambda header: header["arrays"].pop("label"), "lacks what it needs"),
        (set_entry("items", "dtype", "|O"), "cannot hold"),
        (set_entry("label", "dtype", "<f4"), "label must be of dtype"),
        (set_entry("label", "length", -1), "cannot hold"),
        (set_entry("label", "file", "../header.json"), "outside of the folder"),
        (lambda header: header["tables"]["items"].update(kind="pickle"), "'pickle' are unknown"),
        (lambda header: header["tables"]["items"].update(length=7), "20 values instead of 7"),
        (lambda header: header.update(tables=3), "lacks what it needs"),
    ],
)  # fmt: skip
def test_a_header_that_lies(place, change, words):
    rewrite(place, change)
    with pytest.raises(FolderError, match=words):
        Annotations.open(place)


@pytest.mark.parametrize("content", ["", "{", "[1]", "[" * 100_000, "null", "{}"])
def test_a_header_that_is_none(place, content):
    (place / "header.json").write_text(content)
    with pytest.raises(FolderError, match=r"header\.json is (damaged|not the header)"):
        Annotations.open(place)


def test_a_header_edited_by_hand(place):
    text = (place / "header.json").read_text()
    (place / "header.json").write_text(text.replace('"length": 60', '"length": 59', 1))
    with pytest.raises(FolderError, match="was changed after it was written"):
        Annotations.open(place)


def test_another_folder_and_a_file(tmp_path):
    with pytest.raises(FolderError, match=r"has no header\.json"):
        Annotations.open(tmp_path)
    (tmp_path / "votes.csv").write_text("item,label\n")
    with pytest.raises(FolderError, match="is a file, not a folder"):
        Annotations.open(tmp_path / "votes.csv")


# The same answers --------------------------------------------------------------------------


def test_models_answer_the_same(tmp_path):
    first = simulate_annotations(400, 8, 3, random_state=0).annotations
    opened = Annotations.open(saved(tmp_path, first))
    for model in (MajorityVote(), DawidSkene(), DawidSkene(init="spectral", random_state=0)):
        expected, found = model.fit(first).probas_, model.fit(opened).probas_
        assert np.array_equal(expected, found)
    assert opened.describe() == first.describe()
    assert opened.to_frame().equals(first.to_frame())


@pytest.mark.parametrize(
    "name", ["anesthesia", "bluebird", "dog", "emotion_numeric", "face_sentiment", "music_genre",
             "product", "rte", "sentiment_polarity", "web"],
)  # fmt: skip
def test_real_sets_answer_the_same(real, tmp_path, name):
    first, _ = real(name)
    opened = Annotations.open(saved(tmp_path, first))
    assert opened == first
    assert opened.describe() == first.describe()
    assert np.array_equal(MajorityVote().fit(opened).probas_, MajorityVote().fit(first).probas_)
    few = DawidSkene(max_iter=5, tol=0)
    expected = few.fit(first).confusion_
    np.testing.assert_allclose(few.fit(opened).confusion_, expected, rtol=1e-9, atol=1e-12)
    for moments in (label_shares, pair_moments):
        expected, found = moments(first), moments(opened)
        assert np.array_equal(found.counts, expected.counts)


def test_text_that_is_no_unicode(tmp_path):
    items = np.array(["\ud800", "b"], dtype=object)
    names = np.array([0, 1])
    first = Annotations([0, 1, 2], [0, 1], [1, 0], items, names, names)
    assert Annotations.open(saved(tmp_path, first)).items.tolist() == ["\ud800", "b"]
