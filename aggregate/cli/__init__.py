"""The command line: ``aggregate label``, ``describe``, ``compare`` and ``datasets``."""

from __future__ import annotations

from aggregate.cli.app import main

__all__ = ["main"]
