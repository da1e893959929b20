"""A file that takes the place of another only once it is whole and on the disk."""

from __future__ import annotations

import glob
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from aggregate.io.errors import WriteError

_RANDOM_BYTES: Final = 4


@contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the target's place when all went well, and vanishes otherwise."""
    place = Path(os.path.realpath(target))  # a link keeps pointing where it did
    if place.is_dir():
        raise WriteError(f"{target} is a folder: name a file in it.")
    if not place.parent.is_dir():
        raise WriteError(f"{target} cannot be written: there is no folder {place.parent}.")
    if place.exists() and not place.is_file():  # a pipe or device: nothing to replace
        with place.open("wb") as file:
            yield file
        return
    hidden = place.with_name(f"{_hidden_start(place)}{secrets.token_hex(_RANDOM_BYTES)}.tmp")
    try:
        with hidden.open("xb") as file:  # new, with the permissions that umask asks for
            yield file
            file.flush()
            os.fsync(file.fileno())
        hidden.replace(place)
    except OSError as error:
        hidden.unlink(missing_ok=True)
        raise WriteError(
            f"{target} cannot be written: {error.strerror or error}; nothing was changed."
        ) from error
    except BaseException:
        hidden.unlink(missing_ok=True)
        raise
    _settle(place.parent)


def remove_leftovers(target: Path) -> None:
    """Remove the hidden files of processes that were killed while they replaced the target."""
    place = Path(os.path.realpath(target))
    pattern = glob.escape(_hidden_start(place)) + "[0-9a-f]" * 2 * _RANDOM_BYTES + ".tmp"
    for hidden in place.parent.glob(pattern):
        hidden.unlink(missing_ok=True)


def _hidden_start(place: Path) -> str:
    return f".{place.name[:100]}."


def _settle(folder: Path) -> None:
    """Make the rename itself survive a power cut, where the system can."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # a folder cannot be opened everywhere
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)
