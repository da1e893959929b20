"""Values that live on a cluster, one for each part of the votes, and what can be done to them.

`Parts` is a Dask collection: Dask's own client runs it where there is one, and threads of this
process where there is none. Every value has a recipe that goes back to the source, so a value
that is lost with its worker is made again by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final
from uuid import uuid4

from aggregate.distributed._cluster import Shared, told

FAN_IN: Final = 8  # parts that one step of a tree adds up

Graph = dict[Any, Any]


class Parts:
    """A value per part of the votes, made by a graph of tasks.

    Parameters
    ----------
    graph : dict
        Dask's: from key to task or value.
    keys : list
        The key of each part's value, in order.
    """

    def __init__(self, graph: Graph, keys: Sequence[Any]) -> None:
        self.graph, self.keys = graph, list(keys)

    def __len__(self) -> int:
        return len(self.keys)

    # What Dask asks of a collection ----------------------------------------------------------

    def __dask_graph__(self) -> Graph:
        return self.graph

    def __dask_keys__(self) -> list[Any]:
        return self.keys

    def __dask_tokenize__(self) -> Any:
        return tuple(self.keys)

    def __dask_postcompute__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return list, ()

    def __dask_postpersist__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _rebuilt, (self.keys,)

    @staticmethod
    def __dask_optimize__(graph: Any, keys: Any, **options: Any) -> Any:
        """Leave the graph as it is: every task in it is wanted."""
        return graph

    @staticmethod
    def __dask_scheduler__(*arguments: Any, **options: Any) -> Any:
        """Run in threads where no client is at hand."""
        from dask.threaded import get

        return get(*arguments, **options)

    # Tasks -----------------------------------------------------------------------------------

    def map(self, name: str, function: Callable[..., Any], *others: Any) -> Parts:
        """Return ``function(value, *others)`` for each part (see `each`)."""
        return each(name, function, self, *others)

    def pick(self, name: str, place: int) -> Parts:
        """Return one entry of every part's tuple."""
        return self.map(name, _entry, place)

    def reduce(self, name: str, function: Callable[[list[Any]], Any]) -> Parts:
        """Return one value: a tree of ``function([value, value, …])`` over neighbours, in order.

        Which values meet depends on their number alone, so that sums of floating-point numbers
        are the same wherever and whenever the tasks run.
        """
        graph, level, stem = dict(self.graph), list(self.keys), f"{name}-{uuid4().hex}"
        depth = 0
        while len(level) > 1 or depth == 0:
            groups = [level[start : start + FAN_IN] for start in range(0, len(level), FAN_IN)]
            level = [f"{stem}-{depth}.{place}" for place in range(len(groups))]
            graph |= {key: (function, group) for key, group in zip(level, groups, strict=True)}
            depth += 1
        return Parts(graph, level)

    # Running ---------------------------------------------------------------------------------

    def persist(self, doing: str, n_parts: int | None = None) -> Parts:
        """Compute all values and leave them where they are; return when they are there.

        Raises
        ------
        ClusterError
            If workers die of it, in words that begin with what they were ``doing``.
        """
        from dask.base import persist

        with told(doing, n_parts or len(self)):
            (kept,) = persist(self)
            wait_for([value for value in kept.graph.values() if hasattr(value, "key")])
        return Parts(dict(kept.graph), self.keys)

    def compute(self, doing: str, n_parts: int | None = None) -> list[Any]:
        """Compute all values and bring them here."""
        from dask.base import compute

        with told(doing, n_parts or len(self)):
            (values,) = compute(self)
        return list(values)


def each(name: str, function: Callable[..., Any], *arguments: Any) -> Parts:
    """Return ``function(*arguments)`` for each part.

    An argument that is `Parts` is taken part by part, or as a whole where there is one part
    alone; a `Shared` value is the same for all; anything else is an argument as it is.
    """
    several = {len(one) for one in arguments if isinstance(one, Parts) and len(one) > 1}
    (n_parts,) = several or {1}
    graph: Graph = {}
    fixed: dict[int, Any] = {}
    columns: list[list[Any]] = []
    for place, one in enumerate(arguments):
        if isinstance(one, Parts):
            graph |= one.graph
            columns.append(one.keys if len(one) == n_parts else one.keys * n_parts)
        elif isinstance(one, Shared):
            graph[one.key] = one.task
            columns.append([one.key] * n_parts)
        else:
            fixed[place] = one
    task = partial(_call, function, fixed)
    keys = keys_of(name, n_parts)
    for key, row in zip(keys, zip(*columns, strict=True), strict=True):
        graph[key] = (task, *row)
    return Parts(graph, keys)


def given(name: str, function: Callable[[Any], Any], values: Sequence[Any]) -> Parts:
    """Return ``function(value)`` for each of some values that are known here."""
    keys = keys_of(name, len(values))
    tasks = [(partial(function, value),) for value in values]
    return Parts(dict(zip(keys, tasks, strict=True)), keys)


def keys_of(name: str, n_parts: int) -> list[str]:
    """Return new keys that end in the number of the part, which error messages tell."""
    stem = f"{name}-{uuid4().hex}"
    return [f"{stem}-{part}" for part in range(n_parts)]


def wait_for(futures: list[Any]) -> None:
    """Wait until futures are there; raise the first failure among them."""
    if not futures:
        return
    from distributed import wait

    wait(futures)
    for future in futures:
        if future.status != "finished":
            future.result()


def _rebuilt(graph: Graph, keys: list[Any], rename: Any = None) -> Parts:
    return Parts(dict(graph), keys)


def _entry(value: Any, place: int) -> Any:
    return value[place]


def _call(function: Callable[..., Any], fixed: dict[int, Any], *rest: Any) -> Any:
    """Call with the fixed arguments at their places and the rest in between."""
    n, others = len(fixed) + len(rest), iter(rest)
    return function(*(fixed[place] if place in fixed else next(others) for place in range(n)))
