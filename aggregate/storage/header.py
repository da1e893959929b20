"""The header of a folder: what the files hold, how long they are, what they must add up to."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any, Final

from aggregate.storage.errors import FolderError

HEADER: Final = "header.json"
FORMAT: Final = "aggregate-annotations"
VERSION: Final = 1
_AT_ONCE: Final = 1 << 22
_LARGEST: Final = 1 << 24  # bytes; a header has a few hundred


def file_checksum(path: Path) -> int:
    """Return the CRC-32 of a file's content, read in pieces."""
    value = 0
    with path.open("rb") as file:
        while piece := file.read(_AT_ONCE):
            value = zlib.crc32(piece, value)
    return value


def write_header(path: Path, content: dict[str, Any]) -> None:
    """Write the header, with a checksum of itself."""
    whole = {"format": FORMAT, "version": VERSION, **content}
    text = json.dumps({**whole, "checksum": _checksum(whole)}, indent=1)
    path.write_text(f"{text}\n", encoding="utf-8")


def is_annotations_folder(folder: Path) -> bool:
    """Return whether a folder holds a header of this format, of whatever version and state."""
    try:
        return FORMAT.encode() in (folder / HEADER).read_bytes()[:_LARGEST]
    except OSError:
        return False


def read_header(folder: Path) -> dict[str, Any]:
    """Return the header of a folder.

    Raises
    ------
    FolderError
        If there is no such folder, it is none of ours, or its header is damaged or of a
        version this package does not know.
    """
    if not folder.exists():
        raise FolderError(f"{folder} does not exist.")
    if not folder.is_dir():
        raise FolderError(f"{folder} is a file, not a folder that Annotations.save has written.")
    place = folder / HEADER
    if not place.is_file():
        raise FolderError(
            f"{folder} has no {HEADER}: it is not a folder that Annotations.save has written."
        )
    header = _parsed(place)
    if header.get("format") != FORMAT:
        raise FolderError(f"{place} is not the header of annotations (format {FORMAT!r}).")
    if header.get("version") != VERSION:
        raise FolderError(
            f"{folder} is of version {header.get('version')!r}; this package reads version "
            f"{VERSION}. Use a newer release of the package, or save the annotations again."
        )
    expected = header.pop("checksum", None)
    if expected != _checksum(header):
        raise FolderError(f"{place} was changed after it was written: save the annotations again.")
    return header


def _parsed(place: Path) -> dict[str, Any]:
    try:
        if place.stat().st_size > _LARGEST:
            raise ValueError("it is far too long")
        header = json.loads(place.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise FolderError(f"{place} is damaged ({error}): save the annotations again.") from error
    except OSError as error:
        raise FolderError(f"{place} cannot be read: {error.strerror or error}.") from error
    return header if isinstance(header, dict) else {}


def _checksum(content: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(content, sort_keys=True).encode())
