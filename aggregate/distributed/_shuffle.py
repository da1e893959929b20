"""All the labels of an item into one part: pieces are cut up, and the cuts put together.

With P parts, P cuts of each of P pieces are P² tasks. Beyond some thousands of them, they are
made in two rounds, as a number is sorted digit by digit: groups of pieces exchange the first
digit of the part, then the second, with about 2·P·√P tasks. Order within an item is kept, so
that "the first of several labels" means the first in the source.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from operator import getitem
from typing import Any, Final

from aggregate.distributed._parts import Graph, Parts, each, keys_of
from aggregate.distributed._rows import Tables, cut, cut_piece, joined, put_together

_MOST_TASKS: Final = 10_000


def shuffle(pieces: Parts, tables: Parts, n_parts: int, on_duplicate: str) -> Parts:
    """Return a tuple of part, items and size for each of ``n_parts`` parts.

    Parameters
    ----------
    pieces : Parts
        Coded pieces of the source.
    tables : Parts
        One value, the `Tables` of the whole.
    n_parts : int
        How many parts to make, at least; in two rounds, a product of two numbers.
    on_duplicate : str
        As in `Annotations.from_columns`.
    """
    low = 1 if len(pieces) * n_parts <= _MOST_TASKS else math.isqrt(n_parts - 1) + 1
    high = -(-n_parts // low)
    graph = dict(pieces.graph) | tables.graph
    if low == 1:
        cuts = each("cut", cut_piece, pieces, tables, n_parts)
        graph |= cuts.graph
        columns = [_entries(graph, cuts.keys, part) for part in range(n_parts)]
    else:
        columns = _two_rounds(graph, pieces, tables, (high, low))
    keys = keys_of("put-together", len(columns))
    task = partial(_put_together, on_duplicate=on_duplicate)
    for key, column in zip(keys, columns, strict=True):
        graph[key] = (task, column, tables.keys[0])
    return Parts(graph, keys)


def _two_rounds(
    graph: Graph, pieces: Parts, tables: Parts, digits: tuple[int, int]
) -> list[list[Any]]:
    """Add the tasks of both rounds; return the keys of the cuts of each part."""
    high, low = digits
    cuts = each("cut", cut_piece, pieces, tables, high)
    graph |= cuts.graph
    n_groups = math.isqrt(len(pieces) - 1) + 1
    width = -(-len(pieces) // n_groups)
    groups = [cuts.keys[start : start + width] for start in range(0, len(pieces), width)]
    columns: list[list[Any]] = [[] for _ in range(high * low)]
    for group in groups:
        joined_keys, cut_keys = keys_of("join", high), keys_of("cut-again", high)
        for first in range(high):
            graph[joined_keys[first]] = (joined, _entries(graph, group, first))
            again = partial(cut, n_parts=low, divisor=high)
            graph[cut_keys[first]] = (again, joined_keys[first])
            for second in range(low):
                columns[first + high * second] += _entries(
                    graph, cut_keys[first : first + 1], second
                )
    return columns


def _entries(graph: Graph, keys: Sequence[Any], place: int) -> list[Any]:
    """Add a task that takes one entry of each value; return their keys."""
    entries = keys_of("piece-of-cut", len(keys))
    for entry, key in zip(entries, keys, strict=True):
        graph[entry] = (getitem, key, place)
    return entries


def _put_together(cuts: list[Any], tables: Tables, *, on_duplicate: str) -> Any:
    return put_together(cuts, tables, on_duplicate)
