"""Arrays and a JSON header in one file that holds data and nothing else.

The file is a ``.npz`` that `numpy.load` opens (a zip of ``.npy`` members, not compressed) with
one member more, ``header.json``. Reading takes nothing on trust: no member may be compressed
or larger than the file, no array may claim more than its member holds, none may hold Python
objects. Nothing is unpacked to disk and nothing is ever executed.
"""

from __future__ import annotations

import json
import math
import os
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregate.io.errors import ReadError
from aggregate.io.replacing import replacing

Arrays = dict[str, NDArray[Any]]

_HEADER: Final = "header.json"
_LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)  # equal contents make equal files
_KINDS: Final = "biufUSMm"  # dtypes whose bytes are plain data
# What zipfile, json and NumPy raise over bytes that are not what they should be.
_BROKEN: Final = (
    zipfile.BadZipFile, ValueError, TypeError, ArithmeticError, LookupError, RuntimeError,
    EOFError, OSError, struct.error,
)  # fmt: skip


class Kind(NamedTuple):
    """What sort of file it is: its mark in the header, its version and its name in errors."""

    mark: str
    version: int
    noun: str


def write_archive(
    path: str | os.PathLike[str], kind: Kind, header: Mapping[str, Any], arrays: Arrays
) -> None:
    """Write a file whole or not at all.

    Parameters
    ----------
    path : str or path-like
    kind : Kind
    header : mapping
        What JSON can hold; the kind and the version are added.
    arrays : mapping from name to ndarray
        Of any dtype but object.

    Raises
    ------
    WriteError
        If the file system refuses; an older file is left as it was.
    """
    marked = {"format": kind.mark, "format_version": kind.version, **header}
    with replacing(Path(path)) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(_HEADER, _LONG_AGO), json.dumps(marked))
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", _LONG_AGO)
            with archive.open(entry, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)


def read_archive(path: str | os.PathLike[str], kind: Kind) -> tuple[dict[str, Any], Arrays]:
    """Read what `write_archive` wrote.

    Parameters
    ----------
    path : str or path-like
    kind : Kind
        What the file must be.

    Returns
    -------
    header : dict
    arrays : dict from name to ndarray

    Raises
    ------
    ReadError
        If the file is of another kind, cut off, damaged, made by a newer version or made to do
        harm.
    OSError
        If it cannot be opened.
    """
    with open(path, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                _check_sizes(archive, os.fstat(file.fileno()).st_size)
                header = _read_header(archive)
                _check_kind(str(path), header, kind)
                return header, _read_arrays(archive)
        except ReadError:
            raise
        except _BROKEN as error:
            raise ReadError(
                f"{path} is no {kind.noun} written by this package, or it is cut off or damaged "
                f"({error})."
            ) from error


def _check_sizes(archive: zipfile.ZipFile, size: int) -> None:
    entries = archive.infolist()
    if len({entry.filename for entry in entries}) < len(entries):
        raise zipfile.BadZipFile("two members have one name")
    for entry in entries:
        if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
            raise zipfile.BadZipFile(f"the member {entry.filename!r} is compressed")
    if sum(entry.file_size for entry in entries) > size:
        raise zipfile.BadZipFile("the members are larger than the file")


def _read_header(archive: zipfile.ZipFile) -> dict[str, Any]:
    header = json.loads(archive.read(_HEADER))
    if not isinstance(header, dict):
        raise ValueError("its header is no table")
    return header


def _check_kind(path: str, header: dict[str, Any], kind: Kind) -> None:
    mark, version = header.get("format"), header.get("format_version")
    if mark != kind.mark:
        raise ReadError(f"{path} is no {kind.noun}; its header says {mark!r:.60}.")
    if isinstance(version, bool) or not isinstance(version, int):
        raise ValueError(f"its version is {version!r}")
    if version != kind.version:
        raise ReadError(
            f"{path} is a {kind.noun} of format {version}, written by crowd-aggregate "
            f"{header.get('package_version')!s:.40}; this version reads format {kind.version}. "
            f"{'Upgrade crowd-aggregate' if version > kind.version else 'Make it anew'}."
        )


def _read_arrays(archive: zipfile.ZipFile) -> Arrays:
    arrays: Arrays = {}
    for entry in archive.infolist():
        if entry.filename.endswith(".npy"):
            with archive.open(entry) as member:
                arrays[entry.filename.removesuffix(".npy")] = _read_array(member, entry.file_size)
    return arrays


def _read_array(member: IO[bytes], size: int) -> NDArray[Any]:
    """Read one array, its claims checked before anything is allocated."""
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[np.lib.format.read_magic(member)]
    shape, fortran_order, dtype = read_header(member)
    if dtype.kind not in _KINDS or dtype.hasobject:
        raise ValueError(f"an array holds {dtype}, not plain data")
    count = math.prod(shape)
    if min(shape, default=0) < 0 or count * dtype.itemsize != size - member.tell():
        raise ValueError(f"an array claims the shape {shape}, which is not what the file holds")
    array = np.empty(count, dtype)
    if array.nbytes:
        _fill(member, array.view(np.uint8))
    return array.reshape(shape, order="F" if fortran_order else "C")


def _fill(member: IO[bytes], target: NDArray[np.uint8]) -> None:
    view = target.data
    while view.nbytes:
        n_bytes = member.readinto(view)  # type: ignore[attr-defined]
        if not n_bytes:
            raise EOFError("it ends too early")
        view = view[n_bytes:]
