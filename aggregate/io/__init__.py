"""Files in and out: votes and gold labels from tables of any usual format, tables written whole."""

from __future__ import annotations

from aggregate.io.costs import read_costs
from aggregate.io.errors import ReadError, WriteError
from aggregate.io.gold import Gold, read_gold
from aggregate.io.read import read_annotations
from aggregate.io.write import write_blocks, write_table

__all__ = [
    "Gold",
    "ReadError",
    "WriteError",
    "read_annotations",
    "read_costs",
    "read_gold",
    "write_blocks",
    "write_table",
]
