"""The one error of this room."""

from __future__ import annotations


class FolderError(ValueError):
    """A folder of annotations cannot be read or written; the message says why and what to do."""
