"""What reading and writing raise: one sentence naming the file, the place and the remedy."""

from __future__ import annotations


class ReadError(ValueError):
    """A file cannot be read as what it was taken for; the message says where and what helps."""


class WriteError(ValueError):
    """A table cannot be written; whatever stood at the path before is untouched."""
