"""Positions beyond 2^31: pointers, chunks and files, without the memory that so many would take."""

from __future__ import annotations

import numpy as np
import pytest

from aggregate import Annotations
from aggregate._blocks import item_blocks
from aggregate._chunks import chunk_codes, chunks
from aggregate.grouping.assemble import Range
from aggregate.grouping.output import Output
from aggregate.models._stored_passes import SharesOnDisk
from aggregate.storage import FolderWriter, is_mapped, release
from aggregate.storage.mapping import mapped_array

HUGE = 2**31 + 11  # labels of the first item
TAIL = [(2, 1), (0, 0), (2, 1), (1, 1)]  # (annotator, label) of those after it


class Fake:
    """An array whose slices are right, of which only the end exists."""

    def __init__(self, tail):
        self._tail, self._length = np.array(tail, dtype=np.int32), HUGE + len(tail)

    def __len__(self):
        return self._length

    def __getitem__(self, rows):
        assert rows.start >= HUGE
        return self._tail[rows.start - HUGE : rows.stop - HUGE]


@pytest.fixture
def huge():
    """Return annotations of three items, the first of which has more labels than 2^31."""
    annotations = object.__new__(Annotations)
    parts = {
        "item_ptr": np.array([0, HUGE, HUGE + 1, HUGE + 4]),
        "annotator": Fake([who for who, _ in TAIL]),
        "label": Fake([said for _, said in TAIL]),
        "items": np.arange(3),
        "annotators": np.arange(3),
        "classes": np.arange(2),
    }
    for name, values in parts.items():
        object.__setattr__(annotations, name, values)
    return annotations


def test_chunks_and_their_codes(huge):
    assert list(chunks(huge.item_ptr, 0, 3)) == [(0, 1), (1, 3)]
    pointers, code = chunk_codes(huge, 1, 3, 3, 2)
    assert pointers.tolist() == [0, 1, 4]
    assert code.tolist() == [who * 2 + said for who, said in TAIL]
    assert SharesOnDisk(huge, None).rows(2, 3).tolist() == [[1 / 3, 2 / 3]]


def test_blocks(huge):
    assert huge.n_annotations == HUGE + 4
    part = huge._block(1, 3)
    assert part.item_ptr.tolist() == [0, 1, 4]
    assert part.annotator.tolist() == [who for who, _ in TAIL]
    assert huge.labels_per_item.tolist() == [HUGE, 1, 3]
    bounds = item_blocks(np.arange(9, dtype=np.int64) * HUGE)
    assert bounds.tolist() == list(range(9))


def test_pointers_of_a_folder_go_on_beyond(tmp_path):
    names = np.arange(3)
    with FolderWriter(tmp_path / "votes") as writer:
        output = Output(writer, np.dtype(np.int64), (names, names), "keep")
        output._annotator.length = HUGE  # as if so many had been written
        two = np.array([0, 1], dtype=np.int32)
        output.append(Range(np.array([7, 2**40]), np.array([1, 1]), two, two, 0, np.empty((0, 2))))
        output._item_ptr._file.flush()
        ends = np.fromfile(writer.folder / "item_ptr.bin", dtype="<i8")
    assert ends.tolist() == [0, HUGE + 1, HUGE + 2]


def test_a_file_of_more_values_is_mapped(tmp_path):
    path = tmp_path / "label.bin"
    tail = np.array([5, 6, 7], dtype=np.int32)
    with path.open("wb") as file:  # sparse: a hole of eight gigabytes takes no disk
        file.seek(HUGE * 4)
        file.write(tail.tobytes())
    if path.stat().st_blocks * 512 > 2**30:
        pytest.skip("this file system has no sparse files")
    array = mapped_array(path, np.dtype("<i4"), HUGE + 3)
    assert is_mapped(array)
    assert array[HUGE:].tolist() == [5, 6, 7]
    release(array[HUGE - 10**6 :])
    assert array[-1] == 7
