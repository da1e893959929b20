"""The cluster itself: is Dask there, which client, what to send to all, what to say of failures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final
from uuid import uuid4

from aggregate.distributed.errors import ClusterError

_PARAMETERS_MAY_BE_LARGE: Final = {"distributed.admin.large-graph-warning-threshold": "1 TiB"}


def require_dask() -> None:
    """Refuse to go on without Dask, with the command that installs it."""
    try:
        import dask  # noqa: F401
        import distributed  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "aggregate.distributed needs Dask: python -m pip install 'crowd-aggregate[dask]'."
        ) from error


def current_client() -> Any:
    """Return the Dask client in use, or None."""
    from distributed import get_client

    try:
        return get_client()
    except ValueError:
        return None


def count_threads() -> int:
    """Return how many tasks can run at the same time."""
    from aggregate._blocks import count_threads

    client = current_client()
    return count_threads(-1) if client is None else max(1, sum(client.nthreads().values()))


class Shared:
    """A value that every task may read: each worker gets it once, not with every task.

    It is a task without arguments. So the scheduler keeps it, workers fetch it from each other,
    and none of them takes it along when it dies, as happens to what is scattered.
    """

    def __init__(self, value: Any) -> None:
        self.key = f"shared-{uuid4().hex}"
        self.task = (partial(_given, value),)


def _given(value: Any) -> Any:
    return value


@contextmanager
def told(doing: str, n_parts: int) -> Iterator[None]:
    """Turn what goes wrong on a cluster into an error that says what to change."""
    from dask import config
    from distributed import CancelledError, KilledWorker

    try:
        with config.set(_PARAMETERS_MAY_BE_LARGE):
            yield
    except KilledWorker as error:
        raise ClusterError(
            f"{_times(error.allowed_failures + 1)} that was to {doing}"
            f"{_which(error.task, n_parts)}, the last one "
            f"{getattr(error.last_worker, 'address', error.last_worker)}. Most likely it ran out "
            f"of memory (its log says). {_remedy(n_parts)}"
        ) from error
    except MemoryError as error:
        raise ClusterError(
            f"a worker ran out of memory when it was to {doing}. {_remedy(n_parts)}"
        ) from error
    except CancelledError as error:
        raise ClusterError(
            f"what it takes to {doing} was lost with its worker and cannot be made again, having "
            "been put on the cluster by hand. Build the votes again from a source that can be "
            "read twice, such as a Parquet folder."
        ) from error


def _times(deaths: int) -> str:
    return "a worker died" if deaths == 1 else f"{deaths} times, a worker died"


def _which(key: Any, n_parts: int) -> str:
    part = str(key).rpartition("-")[2]
    return f" (part {int(part) + 1} of {n_parts})" if part.isdigit() and n_parts > 1 else ""


def _remedy(n_parts: int) -> str:
    return (
        f"Make more and smaller parts (npartitions=, now {n_parts}), or give each worker more "
        "memory (memory_limit=) or fewer threads."
    )
