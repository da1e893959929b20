"""Annotations in a folder: arrays that are mapped instead of read, under a small checked header."""

from aggregate.storage.errors import FolderError
from aggregate.storage.folder import Stored, open_folder, save_folder
from aggregate.storage.mapping import count_codes, is_mapped, pieces, release
from aggregate.storage.writer import FolderWriter

__all__ = [
    "FolderError",
    "FolderWriter",
    "Stored",
    "count_codes",
    "is_mapped",
    "open_folder",
    "pieces",
    "release",
    "save_folder",
]
