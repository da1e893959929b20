"""A folder of annotations written piece by piece, and in its place only when it is whole."""

from __future__ import annotations

import os
import secrets
import shutil
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregate._report import ImportReport
from aggregate.storage.errors import FolderError
from aggregate.storage.header import HEADER, is_annotations_folder, write_header
from aggregate.storage.tables import encoded_table

_AT_ONCE: Final = 1 << 20  # entries written at once


class ArrayFile:
    """One array, appended to a file; its length and checksum are kept on the way."""

    def __init__(self, path: Path, dtype: np.dtype[Any]) -> None:
        self._file = path.open("wb")
        self.name, self.dtype = path.name, dtype.newbyteorder("<")
        self.length = self.checksum = 0

    def append(self, values: ArrayLike) -> None:
        """Write more values, converted to the array's dtype block by block."""
        array = np.asarray(values)
        for first in range(0, len(array), _AT_ONCE):
            part = np.ascontiguousarray(array[first : first + _AT_ONCE], dtype=self.dtype)
            content: Any = part.view(np.uint8)
            self._file.write(content)
            self.checksum = zlib.crc32(content, self.checksum)
        self.length += len(array)

    def close(self) -> dict[str, Any]:
        """Force the file to disk and return its entry in the header."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        size = self.length * self.dtype.itemsize
        return {
            "file": self.name,
            "dtype": self.dtype.str,
            "length": self.length,
            "bytes": size,
            "crc32": self.checksum,
        }

    def abandon(self) -> None:
        """Close without more ado."""
        self._file.close()


class FolderWriter:
    """Write a folder of annotations beside its place; rename it when all of it is there.

    Use it as a context manager: leaving it without `commit` removes what was written.

    Parameters
    ----------
    folder : str or path-like
    overwrite : bool
        Whether a folder of annotations that stands there may be replaced. Anything else that
        stands there never is.

    Raises
    ------
    FolderError
        If the place is taken or cannot be written.
    """

    def __init__(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        self.target = Path(os.path.abspath(folder))
        _check_place(self.target, overwrite)
        name = f".{self.target.name[:100]}.{secrets.token_hex(4)}.tmp"
        self.folder = self.target.with_name(name)
        self._open: dict[str, ArrayFile] = {}
        self._tables: dict[str, dict[str, Any]] = {}
        try:
            self.folder.mkdir()
        except OSError as error:
            raise FolderError(f"{folder} cannot be written: {error.strerror or error}.") from error

    def array(self, name: str, dtype: Any) -> ArrayFile:
        """Return the array of that name, to be appended to."""
        self._open[name] = ArrayFile(self.folder / f"{name}.bin", np.dtype(dtype))
        return self._open[name]

    def table(self, name: str, values: NDArray[Any]) -> None:
        """Write the identifiers that codes stand for, whatever they are."""
        kind, parts = encoded_table(name, values)
        for suffix, part in parts.items():
            self.array(f"{name}{suffix}", part.dtype).append(part)
        self.declare_table(name, kind, len(values))

    def declare_table(self, name: str, kind: str, length: int) -> None:
        """Say what a table is whose arrays were appended to piece by piece."""
        self._tables[name] = {"kind": kind, "length": length}

    def commit(self, report: ImportReport | None = None) -> Path:
        """Finish all arrays, write the header and put the folder in its place."""
        arrays = {name: file.close() for name, file in self._open.items()}
        content: dict[str, Any] = {"arrays": arrays, "tables": self._tables}
        if report is not None:
            content["report"] = _plain(asdict(report))
        write_header(self.folder / HEADER, content)
        _settle(self.folder / HEADER)
        _settle(self.folder)
        self._take_place()
        return self.target

    def _take_place(self) -> None:
        older = self.folder.with_suffix(".old") if self.target.exists() else None
        if older is not None:
            self.target.rename(older)
        self.folder.rename(self.target)
        if older is not None:
            shutil.rmtree(older)
        _settle(self.target.parent)

    def __enter__(self) -> FolderWriter:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove what was not committed; say which folder could not be written."""
        for file in self._open.values():
            file.abandon()
        shutil.rmtree(self.folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise FolderError(
                f"{self.target} cannot be written: {error.strerror or error}; nothing was changed."
            ) from error


def _check_place(target: Path, overwrite: bool) -> None:
    if not target.parent.is_dir():
        raise FolderError(f"{target} cannot be written: there is no folder {target.parent}.")
    if not target.exists():
        return
    if not is_annotations_folder(target):
        raise FolderError(
            f"{target} exists and holds something other than annotations: choose another name."
        )
    if not overwrite:
        raise FolderError(f"{target} exists: choose another name, or say overwrite=True.")


def _plain(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the report as JSON knows it."""
    return {
        name: dict(value) if isinstance(value, Mapping) else value for name, value in report.items()
    }


def _settle(path: Path) -> None:
    """Force a file, or the names in a folder, to disk; some systems cannot with folders."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:  # the rename is then as safe as the system makes it
        pass
    finally:
        os.close(descriptor)
