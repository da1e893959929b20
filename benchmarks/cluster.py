"""Passes on a cluster beside passes in memory: python benchmarks/cluster.py [MAX].

Votes are simulated into Parquet files (five classes, ten labels per item, ten thousand
annotators) with 1 million up to MAX labels (by default 10 million), read by two workers of one
thread each on this machine, then by one worker, then brought into memory. A pass is the median
of several. What a pass costs beside its arithmetic is measured by votes of next to no items: on
many parts, which gives the time per task, and with many annotators, which gives the time to
send, collect and add up tables. From these figures follows what a larger cluster would need; its
network is not measured but stated.
"""

from __future__ import annotations

import math
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import dask
import dask.dataframe as dd
import distributed
import numpy as np
import pandas as pd

from aggregate import simulate_files
from aggregate.distributed import DaskAnnotations
from aggregate.distributed._parts import FAN_IN
from aggregate.models._em import State
from aggregate.models._problem import passes_over

CLASSES, ANNOTATORS, PER_ITEM = 5, 10_000, 10
MACHINES, CORES, MEMORY_GB, NETWORK = 64, 16, 128, 1.25e9  # of the cluster that is projected
CROWD, PASSES, NAME_BYTES = 100_000, 30, 16


class Costs(NamedTuple):
    """What was measured, in seconds."""

    task: float
    pass_alone: float
    table_byte: float
    label_read: float
    label_pass: float


def main() -> None:
    """Print both tables."""
    largest = int(float(sys.argv[1])) if len(sys.argv) > 1 else 10_000_000
    print(
        f"Python {platform.python_version()}, dask {dask.__version__}, distributed "
        f"{distributed.__version__}, two cores\n"
    )
    names = ["read, 1 worker", "read, 2", "pass in memory", "pass, 1 worker", "pass, 2", "1 / 2"]
    print(f"{'labels':>14}" + "".join(f"{name:>16}" for name in names))
    n_labels = 1_000_000
    while n_labels <= largest:
        read, passed = measure(n_labels)
        n_labels *= 10
    with workers(2):
        costs = overheads(read / (n_labels / 10), passed / (n_labels / 10))
    project(costs)


def measure(n_labels: int) -> tuple[float, float]:
    """Print a row; return the seconds of one worker's reading and pass."""
    with tempfile.TemporaryDirectory() as folder:
        n_items = n_labels // PER_ITEM
        simulate_files(folder, n_items, ANNOTATORS, CLASSES, labels_per_item=PER_ITEM, seed=0)
        state = start(ANNOTATORS)
        seconds = {}
        for n_workers in (2, 1):
            with workers(n_workers):
                began = time.perf_counter()
                votes = read(folder, n_labels)
                seconds["read", n_workers] = time.perf_counter() - began
                passes = votes.passes(None)
                seconds["pass", n_workers] = median(lambda passes=passes: passes.expect(state))
                if n_workers == 1:
                    here = votes.compute()
                del votes, passes
        local = passes_over(here, None, None)
        in_memory = median(lambda: local.expect(state))
    row = [seconds["read", 1], seconds["read", 2], in_memory, seconds["pass", 1]]
    row += [seconds["pass", 2], seconds["pass", 1] / seconds["pass", 2]]
    print(f"{n_labels:14,d}" + "".join(f"{value:16.3f}" for value in row), flush=True)
    return seconds["read", 1], in_memory


def overheads(label_read: float, label_pass: float) -> Costs:
    """Measure what a pass costs without items to speak of, and print it."""
    print("\na pass over next to no items, two workers")
    few, many = Tiny(10, 4), Tiny(10, 64)
    small, large = (median(one.expect_once) for one in (few, many))
    task = max(large - small, 1e-6) / (many.n_tasks - few.n_tasks)
    print(f"  {few.n_tasks:3d} tasks {1e3 * small:8.1f} ms")
    print(f"  {many.n_tasks:3d} tasks {1e3 * large:8.1f} ms, {1e3 * task:.2f} ms per task")
    crowd = Tiny(CROWD, 4)
    wide = median(crowd.expect_once)
    n_bytes = CROWD * CLASSES**2 * 8
    byte = max(wide - small, 1e-6) / (n_bytes * 4)
    print(
        f"  {CROWD:,} annotators, {n_bytes / 1e6:.0f} MB of tables from each of 4 parts: "
        f"{1e3 * wide:.0f} ms, {1 / byte / 1e9:.2f} GB/s of tables"
    )
    return Costs(task, small, byte, label_read, label_pass)


def project(costs: Costs) -> None:
    """Print what larger votes would take."""
    threads = MACHINES * CORES
    print(
        f"\nprojected: {MACHINES} machines of {CORES} cores, {MEMORY_GB} GB and "
        f"{NETWORK * 8 / 1e9:.0f} Gbit/s; {CROWD:,} annotators, {CLASSES} classes, {PER_ITEM} "
        f"labels per item, names of {NAME_BYTES} bytes, {PASSES} passes, {threads} parts"
    )
    names = ["memory GB", "of GB", "read min", "arithmetic s", "tables s", "tasks s", "pass s"]
    print(f"{'labels':>18}" + "".join(f"{name:>14}" for name in [*names, "all min"]))
    for n_labels in (10**10, 10**11):
        n_items = n_labels / PER_ITEM
        memory = (4 * n_labels + (8 + 4 + NAME_BYTES) * n_items) / 1e9
        arithmetic = costs.label_pass * n_labels / threads
        table = CROWD * CLASSES**2 * 8
        levels = math.ceil(math.log(threads, FAN_IN))
        travel = table * (levels * (FAN_IN - 1) + math.ceil(math.log2(MACHINES))) / NETWORK
        travel += costs.table_byte * table * levels * FAN_IN
        tasks = costs.task * n_tasks(threads)
        one_pass = arithmetic + travel + tasks
        moved = (8 * n_labels + NAME_BYTES * n_labels) / (MACHINES * NETWORK)
        shuffle = costs.task * 2 * threads * math.sqrt(threads)
        reading = costs.label_read * n_labels / threads + moved + shuffle
        row = [memory, MACHINES * MEMORY_GB, reading / 60, arithmetic, travel, tasks, one_pass]
        row.append((reading + PASSES * one_pass) / 60)
        print(f"{n_labels:18,d}" + "".join(f"{value:14.1f}" for value in row))


class Tiny:
    """Passes over votes of few items."""

    def __init__(self, n_annotators: int, n_parts: int) -> None:
        names = np.arange(n_annotators)
        frame = pd.DataFrame({"item": names, "annotator": names, "label": names % CLASSES})
        pieces = dd.from_pandas(frame, npartitions=4)
        votes = DaskAnnotations.from_dask(pieces, npartitions=n_parts, classes=np.arange(CLASSES))
        self.passes, self.state = votes.passes(None), start(n_annotators)
        self.n_tasks = n_tasks(n_parts)

    def expect_once(self) -> None:
        """Make one pass."""
        self.passes.expect(self.state)


def n_tasks(n_parts: int) -> int:
    """Return how many tasks a pass has: one for each part, and the tree."""
    total, level = n_parts, n_parts
    while level > 1:
        level = -(-level // FAN_IN)
        total += level
    return total


def read(folder: str | Path, n_labels: int) -> DaskAnnotations:
    """Read in parts of five million labels at most."""
    files = f"{folder}/annotations-*.parquet"
    return DaskAnnotations.from_parquet(files, npartitions=max(4, n_labels // 5_000_000))


def start(n_annotators: int) -> State:
    """Return a state that asks for the same arithmetic as any other."""
    table = np.tile(0.1 + 0.5 * np.eye(CLASSES), (n_annotators, 1))
    return State(np.full(CLASSES, 1 / CLASSES), np.ascontiguousarray(table))


@contextmanager
def workers(n_workers: int) -> Iterator[Any]:
    """Start workers of one thread each on this machine."""
    with (
        distributed.LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            processes=True,
            memory_limit=0,
            host="127.0.0.1",
            protocol="tcp",
            dashboard_address=":0",
            silence_logs=50,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def median(task: Callable[[], object], runs: int = 7) -> float:
    """Return the median seconds of some runs, after one that does not count."""
    seconds = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        task()
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds[1:]))


if __name__ == "__main__":
    main()
