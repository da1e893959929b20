"""From annotations to a folder and back, the arrays mapped rather than read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate._report import ImportReport
from aggregate.storage.errors import FolderError
from aggregate.storage.header import file_checksum, read_header
from aggregate.storage.mapping import mapped_array
from aggregate.storage.tables import decoded_table, is_plain
from aggregate.storage.writer import FolderWriter

ARRAYS: Final = {"item_ptr": "<i8", "annotator": "<i4", "label": "<i4"}
TABLES: Final = ("items", "annotators", "classes")
SMALL: Final = 1 << 26
"""Bytes of a folder up to which its checksums are verified without being asked."""


class Stored(NamedTuple):
    """What a folder holds, named and in the order as `Annotations` has it."""

    item_ptr: NDArray[np.int64]
    annotator: NDArray[np.int32]
    label: NDArray[np.int32]
    items: NDArray[Any]
    annotators: NDArray[Any]
    classes: NDArray[Any]
    report: ImportReport | None


def save_folder(stored: Stored, folder: str | os.PathLike[str], *, overwrite: bool) -> Path:
    """Write annotations to a folder; see `Annotations.save`."""
    with FolderWriter(folder, overwrite=overwrite) as writer:
        for name in TABLES:  # first, since they may be refused
            writer.table(name, getattr(stored, name))
        for name, dtype in ARRAYS.items():
            writer.array(name, dtype).append(getattr(stored, name))
        return writer.commit(stored.report)


def open_folder(folder: str | os.PathLike[str], *, verify: bool | None = None) -> Stored:
    """Map the arrays of a folder; see `Annotations.open`."""
    place = Path(folder)
    header = read_header(place)
    try:
        entries = {name: dict(entry) for name, entry in header["arrays"].items()}
        size = sum(int(entry["bytes"]) for entry in entries.values())
        if verify is None:
            verify = size <= SMALL
        arrays = {name: _mapped(place, entry, verify) for name, entry in entries.items()}
        for name, dtype in ARRAYS.items():
            if arrays[name].dtype != np.dtype(dtype):
                raise ValueError(f"{name} must be of dtype {dtype}")
        items, annotators, classes = (
            _table(arrays, name, header["tables"][name]) for name in TABLES
        )
        report = _report(header.get("report"))
    except (KeyError, TypeError, AttributeError) as error:
        raise FolderError(f"the header of {place} lacks what it needs ({error!r}).") from error
    except FolderError:
        raise
    except (ValueError, RecursionError) as error:
        raise FolderError(f"{place} is damaged ({error}): save the annotations again.") from error
    item_ptr, annotator, label = (arrays[name] for name in ARRAYS)
    return Stored(item_ptr, annotator, label, items, annotators, classes, report)


def _mapped(folder: Path, entry: Mapping[str, Any], verify: bool) -> NDArray[Any]:
    """Map one array after checking its file against the header."""
    name, length, size = str(entry["file"]), int(entry["length"]), int(entry["bytes"])
    if Path(name).name != name or name in ("", ".", ".."):
        raise FolderError(f"{folder}: the header names the file {name!r} outside of the folder.")
    dtype = np.dtype(str(entry["dtype"]))
    if not is_plain(dtype) or length < 0 or length * dtype.itemsize != size:
        raise ValueError(f"{name} cannot hold {length} values of dtype {dtype} in {size} bytes")
    path = folder / name
    if not path.is_file():
        raise FolderError(f"{folder} lacks the file {name}: copy the whole folder again.")
    found = path.stat().st_size
    if found != size:
        raise FolderError(
            f"{path} has {found:,} bytes instead of {size:,}: it was cut off or changed; copy the "
            "folder again, or save the annotations again."
        )
    if verify and file_checksum(path) != entry["crc32"]:
        raise FolderError(
            f"{path} does not hold what was written (its checksum differs): copy the folder "
            "again, or save the annotations again."
        )
    return mapped_array(path, dtype, length)


def _table(arrays: Mapping[str, NDArray[Any]], name: str, entry: Mapping[str, Any]) -> NDArray[Any]:
    parts = {key.removeprefix(name): array for key, array in arrays.items() if key.startswith(name)}
    return decoded_table(str(entry["kind"]), int(entry["length"]), parts)


def _report(content: Any) -> ImportReport | None:
    if content is None:
        return None
    known = {field.name for field in fields(ImportReport)}
    found = {name: value for name, value in dict(content).items() if name in known}
    found["ignored_columns"] = tuple(found.get("ignored_columns", ()))
    return ImportReport(**found)
