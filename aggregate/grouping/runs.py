"""Rows on their way: one temporary file per range of items, rows in the order they were read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int32]

_LABEL_BITS: Final = 8
_MOST_LABELS: Final = (1 << _LABEL_BITS) - 1
_MOST_ANNOTATORS: Final = (1 << (32 - _LABEL_BITS)) - 1
_HEAD: Final = 4  # numbers before each piece: rows, bytes of text or of a key, packed or not, base


class Rows(NamedTuple):
    """Rows of one range."""

    items: Any
    """Keys, or an Arrow array of large strings."""
    annotator: Codes
    label: Codes


class Runs:
    """The temporary files.

    Parameters
    ----------
    folder : Path
        An empty folder that the caller removes.
    n_parts : int
        How many ranges there are.
    """

    def __init__(self, folder: Path, n_parts: int) -> None:
        self._folder = folder
        self.n_rows = np.zeros(n_parts, dtype=np.int64)
        self._stack = ExitStack()
        self._files: list[BinaryIO] = [
            self._stack.enter_context(self._path(part).open("wb", buffering=0))
            for part in range(n_parts)
        ]

    def append_numbers(self, part: int, keys: NDArray[np.int64], who: Codes, said: Codes) -> None:
        """Add rows with numbers for items to a range; near ones take four bytes each."""
        base = int(keys.min())
        near = int(keys.max()) - base < 2**32
        items = (keys - base).astype(np.uint32) if near else keys
        self._append(part, items.tobytes(), items.dtype.itemsize, base if near else 0, who, said)

    def append_text(self, part: int, texts: Any, who: Codes, said: Codes) -> None:
        """Add rows with text for items, an Arrow array of large strings, to a range."""
        where, content = text_buffers(texts)
        lengths = np.diff(where).astype(np.uint32)
        text = content[where[0] : where[-1]]
        self._append(part, lengths.tobytes() + text.tobytes(), len(text), 0, who, said)

    def _append(
        self, part: int, items: bytes, width: int, base: int, who: Codes, said: Codes
    ) -> None:
        fits = who.max(initial=0) < _MOST_ANNOTATORS and said.max(initial=0) < _MOST_LABELS
        head = np.array([len(who), width, fits, base], dtype=np.int64)
        if fits:  # missing is -1, hence the ones that are added
            packed = (who + 1).astype(np.uint32) << _LABEL_BITS | (said + 1).astype(np.uint32)
            codes = packed.tobytes()
        else:
            codes = who.tobytes() + said.tobytes()
        self._files[part].write(b"".join((head.tobytes(), items, codes)))
        self.n_rows[part] += len(who)

    def finish(self) -> None:
        """Close the files for writing."""
        self._stack.close()

    def read(self, part: int, *, text: bool) -> Rows:
        """Return the rows of a range and remove its file."""
        path = self._path(part)
        n_rows = int(self.n_rows[part])
        who, said = np.empty(n_rows, dtype=np.int32), np.empty(n_rows, dtype=np.int32)
        keys = np.empty(0 if text else n_rows, dtype=np.int64)
        lengths = np.empty(n_rows if text else 0, dtype=np.int64)
        texts: list[bytes] = []
        first = 0
        with path.open("rb") as file:
            for head in _heads(file):
                n, width, fits, base = head.tolist()
                rows = slice(first, first + n)
                if text:
                    lengths[rows] = np.fromfile(file, np.uint32, n)
                    texts.append(file.read(width))
                else:
                    keys[rows] = np.fromfile(file, np.uint32 if width == 4 else np.int64, n)
                    keys[rows] += base
                if fits:
                    packed = np.fromfile(file, np.uint32, n)
                    who[rows] = (packed >> _LABEL_BITS).astype(np.int32) - 1
                    said[rows] = (packed & _MOST_LABELS).astype(np.int32) - 1
                else:
                    who[rows] = np.fromfile(file, np.int32, n)
                    said[rows] = np.fromfile(file, np.int32, n)
                first += n
        path.unlink()
        return Rows(_strings(lengths, texts) if text else keys, who, said)

    def _path(self, part: int) -> Path:
        return self._folder / f"range-{part:05d}.run"

    def __enter__(self) -> Runs:
        """Return itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the files."""
        self.finish()


def text_buffers(texts: Any) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return offsets and bytes of an Arrow array of large strings without nulls."""
    _, offsets, content = texts.buffers()
    if not len(texts):
        return np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.uint8)
    where = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    text = np.frombuffer(content, np.uint8) if content else np.empty(0, dtype=np.uint8)
    return where, text


def _heads(file: BinaryIO) -> Iterator[NDArray[np.int64]]:
    while len(head := np.fromfile(file, np.int64, _HEAD)):
        yield head


def _strings(lengths: NDArray[np.int64], texts: list[bytes]) -> Any:
    import pyarrow as pa

    offsets = np.concatenate(([0], np.cumsum(lengths)))
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(texts))]
    return pa.Array.from_buffers(pa.large_string(), len(lengths), buffers)
